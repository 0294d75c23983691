/** From the opening of an intent to the outcome of its attempts. */
import { reject } from "../machine/Machine.ts";
import { type Attempt, type Intent, liveAttempt, maxAttempts } from "./PaymentModel.ts";
import { answered, attemptOf, keep, type Of, replaced, type Result, to } from "./PaymentMoves.ts";
import { recordAbandoned } from "./PaymentReissue.ts";

export const open = (known: Intent | undefined, input: Of<"Open">, at: number): Result => {
  const { _tag, explanation, ...terms } = input;
  if (known !== undefined) {
    // A tombstone, or an intent that was closed: nobody may pay it any more.
    return known.status === "closed" ? reject({ _tag: "PaymentClosed" }) : keep({ _tag: "Opened" });
  }
  const routes = [{ provider: terms.provider, explanation, at, why: "opened" }] as const;
  return to({ ...terms, routes, status: "open", closing: null, refund: null, attempts: [] }, { _tag: "Opened" });
};

export const beginConfirm = (known: Intent | undefined, input: Of<"BeginConfirm">, at: number): Result => {
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
  // The last approval came too late and is being voided: no other may be on its way when that ends.
  if (known.closing === "cancel") return reject({ _tag: "PaymentClosed" });
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
    inquiredAt: null,
    abandonedAt: null,
    guardUntil: null,
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

/** The attempt came to nothing: the intent is open again, or closed if that was asked for meanwhile. */
const failed = (intent: Intent, attempt: Attempt, status: "declined" | "not_sent", code: string): Result =>
  to(
    {
      ...replaced(intent, { ...attempt, status, code, nextActionAt: null }),
      status: intent.closing === null ? "open" : "closed",
    },
    ...answered(intent),
  );

export const record = (known: Intent | undefined, input: Of<"Record">, at: number): Result => {
  const { attempt, intent } = attemptOf(known, input);
  if (attempt.status === "abandoned") return recordAbandoned(intent, attempt, input, at);
  // Two answers about one attempt may cross; the first decided it.
  if (attempt.status !== "confirming" && attempt.status !== "unknown") return keep({ _tag: "Noted" });
  switch (input.outcome._tag) {
    case "Approved":
      return approved(intent, attempt, input.outcome.amount, at, input.nextActionAt);
    case "Declined":
      return failed(intent, attempt, "declined", input.outcome.code);
    case "NotSent":
      // Said about the first confirm it means that nothing left. Said later it only means that nobody was reached this time:
      // the first one may still be at the gateway.
      if (input.source === "confirm") return failed(intent, attempt, "not_sent", input.outcome.reason);
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
    inquiredAt: source === "confirm" ? attempt.inquiredAt : at,
    nextActionAt: input.nextActionAt,
    code: outcome._tag === "Unknown" ? outcome.why : attempt.code,
  };
  return to(replaced(intent, waiting), { _tag: "Noted" });
};
