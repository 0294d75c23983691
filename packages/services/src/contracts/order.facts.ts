/**
 * How an order ended, for whoever has to know it: brands and those who tell them.
 *
 * They name no recipient: a message is kept longer than a parcel is under way.
 */
import { Message } from "@destiny/sdk/message";
import * as Schema from "effect/Schema";
import { Instant, OrderId, PricedLine, UserId, Won } from "./common.ts";
import { orderEvents } from "./topics.ts";

const key = ({ orderId }: { readonly orderId: OrderId }): string => orderId;

const sold = Schema.Struct({
  orderId: OrderId,
  userId: UserId,
  lines: Schema.Array(PricedLine),
  /** What the shopper paid. */
  amount: Won,
  at: Instant,
});

/** Paid and claimed: the brands of its lines have sold them. */
export const OrderCompleted = Message.event("order.completed.v1", { topic: orderEvents, payload: sold, key });

/** A completed order was cancelled: its money is back with the shopper, its units are back in stock. */
export const OrderCanceled = Message.event("order.canceled.v1", { topic: orderEvents, payload: sold, key });

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
