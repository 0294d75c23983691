/**
 * What a payment is, what may happen to it and what it says: one intent per reference (the shop's order), and its attempts.
 */
import * as Schema from "effect/Schema";
import type { ConfirmOutcome } from "./PaymentGateway.ts";

export const intentStatuses = ["open", "confirming", "captured", "refunding", "refunded", "closed"] as const;
export type IntentStatus = (typeof intentStatuses)[number];

/** `voiding`: approved after it was given up; the money goes back. */
export const attemptStatuses = [
  "confirming",
  "unknown",
  "captured",
  "declined",
  "not_sent",
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
  readonly provider: string;
  readonly until: number;
}

export interface Intent extends Terms {
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
  | (Terms & { readonly _tag: "Open" })
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
]);
export type Rejection = typeof Rejection.Type;

/** The attempt that is or may become captured: there is at most one. */
export const liveAttempt = ({ attempts }: Intent): Attempt | undefined =>
  attempts.find(({ status }) => status === "confirming" || status === "unknown" || status === "captured");
