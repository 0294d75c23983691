/** What the order context is asked, and what it tells. */
import { Message } from "@destiny/sdk/message";
import * as Schema from "effect/Schema";
import { CancellationId, CouponId, Lines, OrderId, SoldLine, UserId, Won } from "./common.ts";
import { orderCommands, orderEvents } from "./topics.ts";

/** Why an order failed, in words that a shop front can translate. */
export const FailureReason = Schema.Literals([
  "INVALID",
  "SOLD_OUT",
  "COUPON_REFUSED",
  "PAYMENT_EXPIRED",
  "PAYMENT_UNAVAILABLE",
  "STOCK_GONE",
  "INTERNAL",
]);
export type FailureReason = typeof FailureReason.Type;

const nothing = Schema.Struct({});
const key = ({ orderId }: { readonly orderId: OrderId }): string => orderId;

/** A shopper ordered: this starts the saga. */
export const OrderPlaced = Message.event("order.placed.v1", {
  topic: orderEvents,
  payload: Schema.Struct({ orderId: OrderId, userId: UserId, lines: Lines, couponId: Schema.NullOr(CouponId) }),
  key,
});
export type OrderPlaced = typeof OrderPlaced.payload.Type;

/** The shopper does not want an order any more that is not completed yet. */
export const OrderCancelRequested = Message.event("order.cancel-requested.v1", {
  topic: orderEvents,
  payload: Schema.Struct({ orderId: OrderId, reason: Schema.String }),
  key,
});

/** Prices are fixed, stock is held, the coupon is used, payment is open: the shopper may pay `amount`. */
export const AwaitPayment = Message.command("order.await-payment.v1", {
  topic: orderCommands,
  payload: Schema.Struct({ orderId: OrderId, lines: Schema.Array(SoldLine), amount: Won }),
  key,
  success: nothing,
  refusal: Schema.Never,
});

/** Paid and claimed. */
export const CompleteOrder = Message.command("order.complete.v1", {
  topic: orderCommands,
  payload: Schema.Struct({ orderId: OrderId }),
  key,
  success: nothing,
  refusal: Schema.Never,
});

/** Everything is undone: the order ends as failed, or as cancelled by its customer. */
export const CloseOrder = Message.command("order.close.v1", {
  topic: orderCommands,
  payload: Schema.Struct({
    orderId: OrderId,
    outcome: Schema.Union([
      Schema.TaggedStruct("Failed", { reason: FailureReason, detail: Schema.String }),
      Schema.TaggedStruct("Canceled", {}),
    ]),
  }),
  key,
  success: nothing,
  refusal: Schema.Never,
});

/** A completed order is to be cancelled: this starts the saga that gives everything back. */
export const OrderCancellationStarted = Message.event("order.cancellation-started.v1", {
  topic: orderEvents,
  payload: Schema.Struct({
    cancellationId: CancellationId,
    orderId: OrderId,
    /** What was paid; nothing has to be refunded of an order that cost nothing. */
    amount: Won,
    couponId: Schema.NullOr(CouponId),
    reason: Schema.String,
  }),
  key,
});
export type OrderCancellationStarted = typeof OrderCancellationStarted.payload.Type;

/** Everything was given back, or operators gave the cancellation up. One that is no longer the order's changes nothing. */
export const CloseCancellation = Message.command("order.close-cancellation.v1", {
  topic: orderCommands,
  payload: Schema.Struct({
    orderId: OrderId,
    cancellationId: CancellationId,
    outcome: Schema.Union([
      Schema.TaggedStruct("Canceled", {}),
      Schema.TaggedStruct("GivenUp", { why: Schema.String }),
    ]),
  }),
  key,
  success: nothing,
  refusal: Schema.Never,
});
