/**
 * How an order ended, for whoever has to know it: brands and those who tell them.
 *
 * Amounts are what was paid: each line carries its part of the discount, and the paid parts add up to the order's amount, so
 * that nobody who is told works out a share by rules of their own. Only the fact that something was sold names the recipient,
 * because only then somebody has to send it: docs/decisions/0017-brands-are-told.md.
 */
import { Message } from "@destiny/sdk/message";
import * as Schema from "effect/Schema";
import { Instant, OrderId, PricedLine, SoldLine, UserId, Won } from "./common.ts";
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

/** Paid and claimed: the brands of its lines have sold them. */
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

const told = Schema.Struct({ ...sale, lines: Schema.Array(PricedLine) });

/**
 * Version 1, which told prices before discounts and no recipient. Nothing sends it; what was sent before an upgrade, or set aside, is
 * still read.
 */
export const OrderCompletedV1 = Message.event("order.completed.v1", { topic: orderEvents, payload: told, key });
export const OrderCanceledV1 = Message.event("order.canceled.v1", { topic: orderEvents, payload: told, key });

/** A completed sale in whichever version it was told. */
export type Completed = typeof OrderCanceled.payload.Type & { readonly recipient: Recipient | null };

/** Version 1 as version 2 would have told it, as far as it is known. */
export const ofVersion1 = (fact: typeof told.Type): Completed => ({
  ...fact,
  lines: fact.lines.map((line) => ({ ...line, discount: Won.make(0), paid: Won.make(line.quantity * line.unitPrice) })),
  recipient: null,
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
