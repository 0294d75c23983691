/**
 * How an order ended, for whoever has to know it: brands and those who tell them.
 *
 * Amounts are what was paid: each line carries its part of the discount, and the paid parts add up to the order's amount, so
 * that nobody who is told works out a share by rules of their own. Only the fact that something was sold names the recipient,
 * because only then somebody has to send it: docs/decisions/0017-brands-are-told.md.
 */
import { Message } from "@destiny/sdk/message";
import * as Schema from "effect/Schema";
import { Instant, OrderId, SoldLine, UserId, Won } from "./common.ts";
import { Recipient } from "./order.api.ts";
import { orderEvents } from "./topics.ts";

const key = ({ orderId }: { readonly orderId: OrderId }): string => orderId;

/** A line that was paid for: `paid` is what its pieces cost less its part of the discount. */
export const PaidLine = Schema.Struct({ ...SoldLine.fields, paid: Won });
export type PaidLine = typeof PaidLine.Type;

const sale = {
  orderId: OrderId,
  userId: UserId,
  lines: Schema.Array(PaidLine),
  /** What the shopper paid: the sum over the lines. */
  amount: Won,
  at: Instant,
};

/** Paid and claimed: the brands of its lines have sold them. Version 1 told prices before discounts, and no recipient. */
export const OrderCompleted = Message.event("order.completed.v2", {
  topic: orderEvents,
  payload: Schema.Struct({ ...sale, recipient: Recipient }),
  key,
});

/** A completed order was cancelled: its money is back with the shopper, its units are back in stock. */
export const OrderCanceled = Message.event("order.canceled.v2", {
  topic: orderEvents,
  payload: Schema.Struct(sale),
  key,
});

/** Never completed; everything is undone. */
export const OrderFailed = Message.event("order.failed.v1", {
  topic: orderEvents,
  payload: Schema.Struct({
    orderId: OrderId,
    userId: UserId,
    reason: Schema.String,
    detail: Schema.String,
    at: Instant,
  }),
  key,
});

/** Operators gave a cancellation up: somebody is owed something. */
export const OrderCancelFailed = Message.event("order.cancel-failed.v1", {
  topic: orderEvents,
  payload: Schema.Struct({ orderId: OrderId, userId: UserId, why: Schema.String, at: Instant }),
  key,
});
