/** What the payment context is asked, and what it tells. One intent an order; the amount is the one that the saga fixed. */
import { Message } from "@destiny/sdk/message";
import * as Schema from "effect/Schema";
import { Instant, OrderId, UserId, Won } from "./common.ts";
import { paymentCommands, paymentEvents } from "./topics.ts";

export const PaymentProvider = Schema.Literals(["TOSSPAYMENTS", "PORTONE", "BOOTPAY", "MOCK"]);
export type PaymentProvider = typeof PaymentProvider.Type;

const key = ({ orderId }: { readonly orderId: OrderId }): string => orderId;

/** Money that was captured for an order. */
export const Settlement = Schema.Struct({ orderId: OrderId, provider: PaymentProvider, amount: Won });
export type Settlement = typeof Settlement.Type;

/** Creates the intent, so that the buyer can pay until `until`. */
export const OpenPayment = Message.command("payment.open.v1", {
  topic: paymentCommands,
  payload: Schema.Struct({ orderId: OrderId, userId: UserId, orderName: Schema.String, amount: Won, until: Instant }),
  key,
  success: Schema.Struct({}),
  refusal: Schema.Struct({ reason: Schema.Literal("CLOSED") }),
});

/**
 * The window ended, or the customer cancelled: the intent is the one arbiter between that and a confirm.
 * `Closed`: no later confirm can pass. `Settled`: it was paid before. `Pending`: a confirm is out, or its outcome unknown.
 */
export const ClosePayment = Message.command("payment.close.v1", {
  topic: paymentCommands,
  payload: Schema.Struct({ orderId: OrderId, cancel: Schema.Boolean }),
  key,
  success: Schema.Union([
    Schema.TaggedStruct("Closed", {}),
    Schema.TaggedStruct("Settled", { settlement: Settlement }),
    Schema.TaggedStruct("Pending", {}),
  ]),
  refusal: Schema.Never,
});

/**
 * Undo of `OpenPayment`, whatever has happened since: answered when no money of the order is here, or can still come and stay.
 * (What a gateway approves late, after the order was sent to another, goes back by itself.)
 */
export const VoidPayment = Message.command("payment.void.v1", {
  topic: paymentCommands,
  payload: Schema.Struct({ orderId: OrderId, reason: Schema.String }),
  key,
  success: Schema.Struct({}),
  refusal: Schema.Never,
});

/** Gives captured money back through the gateway that took it. */
export const RefundPayment = Message.command("payment.refund.v1", {
  topic: paymentCommands,
  payload: Schema.Struct({ orderId: OrderId, reason: Schema.String }),
  key,
  success: Schema.Struct({ refunded: Won }),
  refusal: Schema.Struct({ code: Schema.String }),
});

/** The gateway approved, and the approval is recorded. */
export const PaymentSettled = Message.event("payment.settled.v1", {
  topic: paymentEvents,
  payload: Settlement,
  key,
});
