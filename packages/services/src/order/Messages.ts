/** What an order tells the others. */
import type { Decided } from "@destiny/sdk/machine";
import { type Envelope, Message } from "@destiny/sdk/message";
import {
  AwaitPayment,
  CloseCancellation,
  CloseOrder,
  CompleteOrder,
  OrderCanceled,
  OrderCancelFailed,
  OrderCancellationStarted,
  OrderCancelRequested,
  OrderCompleted,
  OrderFailed,
  type OrderId,
  OrderPlaced,
  type PaidLine,
  Won,
} from "../contracts/index.ts";
import type { OrderInput, OrderState, Rejection } from "./Domain.ts";

const commands = { AwaitPayment, Complete: CompleteOrder, Close: CloseOrder, CloseCancellation } as const;

/** Starts CancelOrder for an order that has just come to be cancelled. */
const started = ({ amount, cancellation, couponId, id: orderId, status }: OrderState): ReadonlyArray<Envelope.Draft> =>
  status !== "CANCEL_REQUESTED" || cancellation === null || amount === null
    ? []
    : [
        Message.draft(
          OrderCancellationStarted,
          { cancellationId: cancellation.id, orderId, amount, couponId, reason: cancellation.reason },
          { orderedBy: orderId, correlationId: orderId },
        ),
      ];

/** Prices and discounts are fixed before anything can be paid. */
const paidLines = ({ items }: OrderState): ReadonlyArray<PaidLine> =>
  items.flatMap(({ brandId, discount, productId, quantity, unitPrice }) =>
    brandId === null || unitPrice === null || discount === null
      ? []
      : [{ brandId, productId, quantity, unitPrice, discount, paid: Won.make(quantity * unitPrice - discount) }],
  );

/** How the order has just ended, for those who take no part in it. */
const ended = (order: OrderState, command: OrderInput["_tag"]): ReadonlyArray<Envelope.Draft> => {
  const { amount, cancellation, failure, id: orderId, recipient, status, updatedAt: at, userId } = order;
  const extras = { orderedBy: orderId, correlationId: orderId };
  if (amount !== null) {
    const sale = { orderId, userId, lines: paidLines(order), amount, at };
    if (command === "Complete") return [Message.draft(OrderCompleted, { ...sale, recipient }, extras)];
    if (command === "CloseCancellation" && status === "CANCELED") return [Message.draft(OrderCanceled, sale, extras)];
  }
  if (status === "FAILED" && failure !== null) {
    const { detail, reason } = failure;
    return [Message.draft(OrderFailed, { orderId, userId, reason, detail, at }, extras)];
  }
  const why = status === "CANCEL_FAILED" ? cancellation?.givenUp : undefined;
  return typeof why === "string" ? [Message.draft(OrderCancelFailed, { orderId, userId, why, at }, extras)] : [];
};

/** What a decision tells the others: events of the shopper's doing, and the answer to every command. */
export const emit = ({
  input,
  verdict,
}: Decided<OrderId, OrderInput, OrderState, Rejection>): ReadonlyArray<Envelope.Draft> => {
  if (verdict._tag === "Rejected") return [];
  const { orderId } = input.input;
  const extras = { orderedBy: orderId, correlationId: orderId };
  const changed = verdict.changes.size > 0 ? verdict.outputs : [];
  switch (input.input._tag) {
    case "Place":
      return verdict.outputs.map(({ couponId, items, userId }) =>
        Message.draft(
          OrderPlaced,
          { orderId, userId, couponId, lines: items.map(({ productId, quantity }) => ({ productId, quantity })) },
          extras,
        ),
      );
    case "RequestCancel":
      return changed.flatMap((order) =>
        order.status === "CANCEL_REQUESTED"
          ? started(order)
          : [Message.draft(OrderCancelRequested, { orderId, reason: order.cancellation?.reason ?? "" }, extras)],
      );
    case "Deliver":
    case "Remove":
      return [];
    default:
      return [
        ...(input.envelope === undefined
          ? []
          : Message.reply(
              commands[input.input._tag],
              input.envelope,
              { _tag: "Done", value: {} },
              { orderedBy: orderId },
            )),
        ...changed.flatMap((order) => ended(order, input.input._tag)),
        ...changed.flatMap(started),
      ];
  }
};
