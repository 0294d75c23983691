/**
 * One payment intent per reference (the shop's order), and its attempts, as a pure machine.
 *
 * Guarantee: per reference at most one attempt that is or may become captured; an unknown outcome is never treated as a
 * failure; an approval that nobody wants any more is voided.
 *
 * The intent is the arbiter between a confirm and the end of the payment window: whichever moves it first wins. An attempt is
 * written before its gateway is called, so that a crash in between leaves something to ask about.
 */
import * as Schema from "effect/Schema";
import { accept, type Machine, reject, type Verdict } from "../machine/Machine.ts";
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

export interface Intent {
  readonly reference: string;
  readonly owner: string;
  readonly name: string;
  /** Won; fixed when the intent is opened. */
  readonly amount: number;
  readonly provider: string;
  readonly until: number;
  readonly status: IntentStatus;
  /** The window ended, or the buyer cancelled, while a confirm was out. */
  readonly closing: "deadline" | "cancel" | null;
  readonly refund: { readonly reason: string; readonly askedBy: AskedBy } | null;
  readonly attempts: ReadonlyArray<Attempt>;
}

export const maxAttempts = 10;

export type Input =
  | {
      readonly _tag: "Open";
      readonly reference: string;
      readonly owner: string;
      readonly name: string;
      readonly amount: number;
      readonly provider: string;
      readonly until: number;
    }
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
  | {
      readonly _tag: "Refund";
      readonly reference: string;
      readonly reason: string;
      readonly askedBy: AskedBy;
    }
  /** Undo of `Open`, whatever has happened since: closed, voided or refunded; answered when the money is certainly not here. */
  | {
      readonly _tag: "Void";
      readonly reference: string;
      readonly reason: string;
      readonly askedBy: AskedBy;
    }
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

type Result = Verdict<string, Intent, Output, Rejection>;

const to = (intent: Intent, ...outputs: ReadonlyArray<Output>): Result => accept([[intent.reference, intent]], outputs);
const keep = (...outputs: ReadonlyArray<Output>): Result => accept([], outputs);

/** The attempt that is or may become captured: there is at most one. */
export const liveAttempt = ({ attempts }: Intent): Attempt | undefined =>
  attempts.find(({ status }) => status === "confirming" || status === "unknown" || status === "captured");

const replaced = (intent: Intent, attempt: Attempt): Intent => ({
  ...intent,
  attempts: intent.attempts.map((one) => (one.no === attempt.no ? attempt : one)),
});

const open = (known: Intent | undefined, input: Extract<Input, { _tag: "Open" }>): Result => {
  const { _tag, ...terms } = input;
  if (known !== undefined) {
    // A tombstone, or an intent that was closed: nobody may pay it any more.
    return known.status === "closed" ? reject({ _tag: "PaymentClosed" }) : keep({ _tag: "Opened" });
  }
  return to({ ...terms, status: "open", closing: null, refund: null, attempts: [] }, { _tag: "Opened" });
};

const beginConfirm = (
  known: Intent | undefined,
  input: Extract<Input, { _tag: "BeginConfirm" }>,
  at: number,
): Result => {
  if (known === undefined || known.owner !== input.owner) return reject({ _tag: "NotFound" });
  if (known.provider !== input.provider) return reject({ _tag: "WrongProvider" });
  if (known.amount !== input.amount) return reject({ _tag: "AmountMismatch" });
  const live = liveAttempt(known);
  if (known.status === "captured" || known.status === "refunding" || known.status === "refunded") {
    const same = known.attempts.find(({ paymentKey }) => paymentKey === input.paymentKey);
    return same !== undefined && same.no === live?.no
      ? keep({ _tag: "AlreadyCaptured", no: same.no })
      : reject({ _tag: "AlreadyPaid" });
  }
  if (known.status === "closed") return reject({ _tag: "PaymentClosed" });
  if (live !== undefined) return reject({ _tag: "AlreadyConfirming" });
  if (at >= known.until) return reject({ _tag: "PaymentClosed" });
  if (known.attempts.length >= maxAttempts) return reject({ _tag: "TooManyAttempts" });
  const attempt: Attempt = {
    no: known.attempts.length + 1,
    provider: input.provider,
    paymentKey: input.paymentKey,
    status: "confirming",
    runId: input.runId,
    startedAt: at,
    nextActionAt: input.inquireAt,
    tries: 0,
    keysSpent: 0,
    code: null,
    observedAt: null,
    settledAt: null,
  };
  return to(
    { ...known, status: "confirming", attempts: [...known.attempts, attempt] },
    { _tag: "Begun", no: attempt.no, runId: input.runId },
  );
};

const approved = (intent: Intent, attempt: Attempt, amount: number, at: number, nextActionAt: number): Result => {
  // The buyer cancelled while the confirm was out, or the gateway took another amount than was asked: the money goes back
  // before anybody is told that it is closed.
  const mismatch = amount !== intent.amount;
  if (intent.closing === "cancel" || mismatch) {
    const code = mismatch ? `captured ${amount}` : attempt.code;
    const voiding: Attempt = { ...attempt, status: "voiding", code, observedAt: at, nextActionAt, tries: 0 };
    return to({ ...replaced(intent, voiding), closing: "cancel" }, { _tag: "Noted" });
  }
  const captured: Attempt = { ...attempt, status: "captured", nextActionAt: null, settledAt: at };
  return to(
    { ...replaced(intent, captured), status: "captured", closing: null },
    { _tag: "Settled", provider: attempt.provider, amount: intent.amount },
  );
};

/** Whoever asked to undo, and had to wait until the outcome was known. */
const answered = (intent: Intent): ReadonlyArray<Output> =>
  intent.refund === null ? [{ _tag: "Noted" }] : [{ _tag: "Voided", askedBy: intent.refund.askedBy }];

/** The attempt came to nothing: the intent is open again, or closed if that was asked for meanwhile. */
const failed = (intent: Intent, attempt: Attempt, status: "declined" | "not_sent", code: string): Result =>
  to(
    {
      ...replaced(intent, { ...attempt, status, code, nextActionAt: null }),
      status: intent.closing === null ? "open" : "closed",
    },
    ...answered(intent),
  );

const record = (known: Intent | undefined, input: Extract<Input, { _tag: "Record" }>, at: number): Result => {
  const attempt = known?.attempts.find(({ no }) => no === input.no);
  if (known === undefined || attempt === undefined) throw new Error(`no attempt ${input.no} of ${input.reference}`);
  // Two answers about one attempt may cross; the first decided it.
  if (attempt.status !== "confirming" && attempt.status !== "unknown") return keep({ _tag: "Noted" });
  switch (input.outcome._tag) {
    case "Approved":
      return approved(known, attempt, input.outcome.amount, at, input.nextActionAt);
    case "Declined":
      return failed(known, attempt, "declined", input.outcome.code);
    case "NotSent":
      // Said about the first confirm it means that nothing left. Said later it only means that nobody was reached this time:
      // the first one may still be at the gateway.
      if (input.source === "confirm") return failed(known, attempt, "not_sent", input.outcome.reason);
      break;
    case "Unknown":
    case "Pending":
      break;
  }
  const { outcome, source } = input;
  const waiting: Attempt = {
    ...attempt,
    status: "unknown",
    keysSpent: attempt.keysSpent + (source !== "inquiry" && outcome._tag === "Unknown" && outcome.answered ? 1 : 0),
    tries: attempt.tries + 1,
    nextActionAt: input.nextActionAt,
    code: outcome._tag === "Unknown" ? outcome.why : attempt.code,
  };
  return to(replaced(known, waiting), { _tag: "Noted" });
};

/** Closed before it was opened: an `Open` that comes late is refused. */
const tombstone = (reference: string): Intent => ({
  reference,
  owner: "",
  name: "",
  amount: 0,
  provider: "",
  until: 0,
  status: "closed",
  closing: null,
  refund: null,
  attempts: [],
});

const close = (known: Intent | undefined, input: Extract<Input, { _tag: "Close" }>): Result => {
  if (known === undefined) return to(tombstone(input.reference), { _tag: "Closed" });
  switch (known.status) {
    case "open":
      return to({ ...known, status: "closed" }, { _tag: "Closed" });
    case "closed":
      return keep({ _tag: "Closed" });
    case "confirming": {
      const closing = input.cancel ? "cancel" : (known.closing ?? "deadline");
      return closing === known.closing
        ? keep({ _tag: "StillPending" })
        : to({ ...known, closing }, { _tag: "StillPending" });
    }
    case "captured":
    case "refunding":
    case "refunded":
      return keep({ _tag: "SettledBefore", provider: known.provider, amount: known.amount });
  }
};

/** The captured money goes back; whoever asked is answered when the gateway has confirmed it. */
const giveBack = (intent: Intent, reason: string, askedBy: AskedBy, at: number): Result => {
  const captured = liveAttempt(intent);
  if (captured === undefined) throw new Error(`${intent.reference} is captured without an attempt`);
  const returning: Attempt = { ...captured, status: "refunding", nextActionAt: at, tries: 0 };
  return to({ ...replaced(intent, returning), status: "refunding", refund: { reason, askedBy } }, { _tag: "Noted" });
};

const refund = (known: Intent | undefined, input: Extract<Input, { _tag: "Refund" }>, at: number): Result => {
  const { askedBy, reason } = input;
  switch (known?.status) {
    case "captured":
      return giveBack(known, reason, askedBy, at);
    case "refunding": {
      // Asked again: tried again at once, and the answer, also the same refusal, goes to whoever asked last.
      const again = known.attempts.map((one) =>
        one.status === "refunding" ? { ...one, code: null, nextActionAt: at } : one,
      );
      return to({ ...known, attempts: again, refund: { reason, askedBy } }, { _tag: "Noted" });
    }
    case "refunded":
      return keep({ _tag: "Refunded", amount: known.amount, askedBy });
    case "confirming":
      return to({ ...known, closing: "cancel", refund: { reason, askedBy } }, { _tag: "Noted" });
    default:
      return keep({ _tag: "Refunded", amount: 0, askedBy });
  }
};

const undo = (known: Intent | undefined, input: Extract<Input, { _tag: "Void" }>, at: number): Result => {
  const { askedBy, reason } = input;
  const voided: Output = { _tag: "Voided", askedBy };
  switch (known?.status) {
    case undefined:
      return to(tombstone(input.reference), voided);
    case "open":
      return to({ ...known, status: "closed" }, voided);
    case "closed":
    case "refunded":
      return keep(voided);
    case "confirming":
      return to({ ...known, closing: "cancel", refund: { reason, askedBy } }, { _tag: "Noted" });
    case "captured":
      return giveBack(known, reason, askedBy, at);
    case "refunding":
      return to({ ...known, refund: { reason, askedBy } }, { _tag: "Noted" });
  }
};

const recordReturn = (
  known: Intent | undefined,
  input: Extract<Input, { _tag: "RecordReturn" }>,
  at: number,
): Result => {
  const attempt = known?.attempts.find(({ no }) => no === input.no);
  if (known === undefined || attempt === undefined) throw new Error(`no attempt ${input.no} of ${input.reference}`);
  if (attempt.status !== "voiding" && attempt.status !== "refunding") return keep({ _tag: "Noted" });
  const { outcome } = input;
  if (outcome._tag !== "Cancelled") {
    // Money that should be back is asked for until it is: a refusal is remembered, and told once to whoever asked.
    const code = outcome._tag === "Refused" ? outcome.code : attempt.code;
    const again: Attempt = { ...attempt, tries: attempt.tries + 1, nextActionAt: input.nextActionAt, code };
    const told: ReadonlyArray<Output> =
      outcome._tag === "Refused" && known.refund !== null && attempt.code !== outcome.code
        ? [{ _tag: "RefundRefused", code: outcome.code, askedBy: known.refund.askedBy }]
        : [{ _tag: "Noted" }];
    return to(replaced(known, again), ...told);
  }
  if (attempt.status === "voiding") {
    const voided: Attempt = { ...attempt, status: "voided", nextActionAt: null, settledAt: at };
    return to({ ...replaced(known, voided), status: "closed" }, ...answered(known));
  }
  const back: Attempt = { ...attempt, status: "refunded", nextActionAt: null, settledAt: at };
  return to(
    { ...replaced(known, back), status: "refunded" },
    ...(known.refund === null
      ? []
      : [{ _tag: "Refunded" as const, amount: known.amount, askedBy: known.refund.askedBy }]),
  );
};

export const machine: Machine<string, Intent, Input, Output, Rejection> = {
  name: "payment",
  keys: ({ reference }) => [reference],
  decide: (view, { at, input }): Result => {
    const known = view.get(input.reference);
    switch (input._tag) {
      case "Open":
        return open(known, input);
      case "BeginConfirm":
        return beginConfirm(known, input, at);
      case "Record":
        return record(known, input, at);
      case "Close":
        return close(known, input);
      case "Refund":
        return refund(known, input, at);
      case "Void":
        return undo(known, input, at);
      case "RecordReturn":
        return recordReturn(known, input, at);
    }
  },
};
