/**
 * From a completed order back to nothing: refund the money, return coupon and units, close the order.
 *
 * Forward only: each step is asked again until it is done, and a step that stays refused or unanswered leaves the saga stuck
 * with its reason. Then it is for operators to say: `retry` it, `skip` a step that they did by hand, or `compensate`, which
 * gives the cancellation up and leaves the order CANCEL_FAILED. Nothing gives up by itself, because money is owed.
 *
 * The money goes first: should somebody stop in between, the shopper has it back. The key is the cancellation, not the order:
 * operators may start another one after one that they gave up.
 */
import { Saga } from "@destiny/sdk/saga";
import {
  CloseCancellation,
  OrderCancellationStarted,
  RefundPayment,
  ReturnCoupon,
  ReturnStock,
} from "../contracts/index.ts";
import { couponOf, hasCoupon } from "./Coupons.ts";

type Close = typeof CloseCancellation.payload.Type;

const closing = ({ cancellationId, orderId }: OrderCancellationStarted, outcome: Close["outcome"]): Close => ({
  cancellationId,
  orderId,
  outcome,
});

export const definition = Saga.define("cancel-order", {
  version: 1,
  input: OrderCancellationStarted.payload,
  key: ({ cancellationId }) => cancellationId,
  startedBy: OrderCancellationStarted,
})
  .retriable(
    "refund payment",
    Saga.ask(RefundPayment, ({ orderId, reason }) => ({ orderId, reason })),
    { when: ({ amount }) => amount > 0 },
  )
  .retriable(
    "return coupon",
    Saga.ask(ReturnCoupon, (data) => ({ orderId: data.orderId, couponId: couponOf(data) })),
    { when: hasCoupon },
  )
  .retriable(
    "return stock",
    Saga.ask(ReturnStock, ({ orderId }) => ({ orderId })),
  )
  .retriable(
    "close order",
    Saga.ask(CloseCancellation, (data) => closing(data, { _tag: "Canceled" })),
  )
  .failed(
    Saga.ask(CloseCancellation, (data, { failure }) =>
      closing(data, { _tag: "GivenUp", why: `${failure?.step}: ${failure?.reason}` }),
    ),
  );
