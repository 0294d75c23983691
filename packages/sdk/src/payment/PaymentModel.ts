/**
 * What a payment is, what may happen to it and what it says: one intent per reference (the shop's order), and its attempts.
 */
import * as Schema from "effect/Schema";
import type { Explanation } from "./GatewayRouter.ts";
import type { ConfirmOutcome } from "./PaymentGateway.ts";

export const intentStatuses = ["open", "confirming", "captured", "refunding", "refunded", "closed"] as const;
export type IntentStatus = (typeof intentStatuses)[number];

/**
 * `abandoned`: given up while its outcome was unknown, so that the order can be paid elsewhere, and asked about until its guard
 * ends. `late_captured`: it turned out to be approved. `voiding`: approved, but unwanted; the money goes back.
 */
export const attemptStatuses = [
  "confirming",
  "unknown",
  "captured",
  "declined",
  "not_sent",
  "abandoned",
  "late_captured",
  "voiding",
  "voided",
  "refunding",
  "refunded",
] as const;
export type AttemptStatus = (typeof attemptStatuses)[number];

export interface Attempt {
  readonly no: number;
  readonly provider: string;
  readonly paymentKey: string;
  readonly status: AttemptStatus;
  /** Tells a handler whether a repeated request is its own. */
  readonly runId: string;
  readonly startedAt: number;
  /** When the gateway is asked again; null when there is nothing to ask. UTC epoch milliseconds. */
  readonly nextActionAt: number | null;
  /** Inquiries or cancellations made since the last answer. */
  readonly tries: number;
  /** Answers of the gateway to confirms, each of which spent an idempotency key: the next confirm needs a new one. */
  readonly keysSpent: number;
  readonly code: string | null;
  /** When its gateway was last asked what became of it, or could not be asked. */
  readonly inquiredAt: number | null;
  /** When it was given up, and until when its gateway may still approve it. */
  readonly abandonedAt: number | null;
  readonly guardUntil: number | null;
  /** When a late approval was seen, and when its money was back. */
  readonly observedAt: number | null;
  readonly settledAt: number | null;
}

/** How the answer to a refund finds its asker, once the gateway has answered. Opaque to the machine. */
export const AskedBy = Schema.Record(Schema.String, Schema.String);
export type AskedBy = typeof AskedBy.Type;

/** What is agreed when an intent is opened, and never changes. */
export interface Terms {
  readonly reference: string;
  readonly owner: string;
  readonly name: string;
  /** Won. */
  readonly amount: number;
  readonly until: number;
}

/** A gateway, and what the router thought; null where nobody had to choose. */
export interface Choice {
  readonly provider: string;
  readonly explanation: Explanation | null;
}

/** Where the buyer was sent, when, and why there. */
export interface Route extends Choice {
  readonly at: number;
  /** `not sent`: the last gateway turned a confirm away; `unusable`: it was not well; `unknown`: an attempt there was given up. */
  readonly why: "opened" | "not sent" | "unusable" | "unknown";
}

export interface Intent extends Terms {
  /** The gateway that the buyer is sent to: the last of the routes. */
  readonly provider: string;
  readonly routes: ReadonlyArray<Route>;
  readonly status: IntentStatus;
  /** The window ended, or the buyer cancelled, while a confirm was out. */
  readonly closing: "deadline" | "cancel" | null;
  readonly refund: { readonly reason: string; readonly askedBy: AskedBy } | null;
  readonly attempts: ReadonlyArray<Attempt>;
}

/** How many attempts an intent may see. */
export const maxAttempts = 10;

/** Why money has to go back, and to whom that is told. */
interface Return {
  readonly reference: string;
  readonly reason: string;
  readonly askedBy: AskedBy;
}

export type Input =
  | (Terms & Choice & { readonly _tag: "Open" })
  | {
      readonly _tag: "BeginConfirm";
      readonly reference: string;
      readonly owner: string;
      readonly provider: string;
      readonly paymentKey: string;
      readonly amount: number;
      readonly runId: string;
      /** When the attempt is asked about if nobody recorded its outcome. */
      readonly inquireAt: number;
    }
  /** What a gateway answered about an attempt: from the confirm itself, or from an inquiry. */
  | {
      readonly _tag: "Record";
      readonly reference: string;
      readonly no: number;
      readonly outcome: ConfirmOutcome | { readonly _tag: "Pending" };
      /** `resend`: a confirm that was sent before, so that "not sent" says nothing about the first one. */
      readonly source: "confirm" | "resend" | "inquiry";
      readonly nextActionAt: number;
    }
  /** Sends the buyer to another gateway. */
  | {
      readonly _tag: "Reissue";
      readonly reference: string;
      readonly owner: string;
      /** The gateway that the asker knows of: when another was quicker nothing moves. */
      readonly from: string;
      /** null: no other can be used. */
      readonly to: Choice | null;
      /** The gateway is not well: the buyer need not try it first. */
      readonly unusable: boolean;
      /** An attempt is not given up sooner than this after its confirm. */
      readonly settleMillis: number;
      /** When an attempt that is given up is asked about next, and until when. */
      readonly inquireAt: number;
      readonly guardUntil: number;
    }
  /** The money of a late approval is about to be given back. */
  | {
      readonly _tag: "BeginVoid";
      readonly reference: string;
      readonly no: number;
      readonly nextActionAt: number;
    }
  | { readonly _tag: "Close"; readonly reference: string; readonly cancel: boolean }
  | (Return & { readonly _tag: "Refund" })
  /** Undo of `Open`, whatever has happened since: closed, voided or refunded; answered when the money is certainly not here. */
  | (Return & { readonly _tag: "Void" })
  /** What a gateway answered about giving money back. */
  | {
      readonly _tag: "RecordReturn";
      readonly reference: string;
      readonly no: number;
      readonly outcome:
        | { readonly _tag: "Cancelled" }
        | { readonly _tag: "Refused"; readonly code: string }
        | { readonly _tag: "Unknown" };
      readonly nextActionAt: number;
    };

export const Output = Schema.Union([
  Schema.TaggedStruct("Opened", {}),
  Schema.TaggedStruct("Begun", { no: Schema.Int, runId: Schema.String }),
  /** A second click on what is paid: the first outcome again. */
  Schema.TaggedStruct("AlreadyCaptured", { no: Schema.Int }),
  /** The buyer is sent there from now on. */
  Schema.TaggedStruct("Reissued", { provider: Schema.String }),
  /** Captured, and told to everybody once. */
  Schema.TaggedStruct("Settled", { provider: Schema.String, amount: Schema.Int }),
  Schema.TaggedStruct("Closed", {}),
  Schema.TaggedStruct("SettledBefore", { provider: Schema.String, amount: Schema.Int }),
  Schema.TaggedStruct("StillPending", {}),
  Schema.TaggedStruct("Refunded", { amount: Schema.Int, askedBy: AskedBy }),
  Schema.TaggedStruct("Voided", { askedBy: AskedBy }),
  Schema.TaggedStruct("RefundRefused", { code: Schema.String, askedBy: AskedBy }),
  Schema.TaggedStruct("Noted", {}),
]);
export type Output = typeof Output.Type;

export const Rejection = Schema.Union([
  Schema.TaggedStruct("NotFound", {}),
  Schema.TaggedStruct("WrongProvider", {}),
  Schema.TaggedStruct("AmountMismatch", {}),
  Schema.TaggedStruct("PaymentClosed", {}),
  Schema.TaggedStruct("AlreadyPaid", {}),
  Schema.TaggedStruct("AlreadyConfirming", {}),
  Schema.TaggedStruct("TooManyAttempts", {}),
  /** Nothing is wrong with the gateway that the buyer was sent to: a refused card is no reason to leave it. */
  Schema.TaggedStruct("GatewayUsable", {}),
  /** The outcome is unknown, and its gateway was not asked yet or may still answer. */
  Schema.TaggedStruct("NotSettled", {}),
  Schema.TaggedStruct("NoOtherGateway", {}),
]);
export type Rejection = typeof Rejection.Type;

/** The same as the index of the table that excludes a second one. */
export const liveStatuses: ReadonlySet<AttemptStatus> = new Set(["confirming", "unknown", "captured"]);

/** The attempt that is or may become captured: there is at most one. */
export const liveAttempt = ({ attempts }: Intent): Attempt | undefined =>
  attempts.find(({ status }) => liveStatuses.has(status));
