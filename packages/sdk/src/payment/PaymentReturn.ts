/** The end of an intent, and its money's way back. */
import { type AskedBy, type Attempt, type Intent, liveAttempt, type Output } from "./PaymentModel.ts";
import { answered, attemptOf, keep, type Of, replaced, type Result, to, tombstone } from "./PaymentMoves.ts";

export const close = (known: Intent | undefined, input: Of<"Close">): Result => {
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

export const refund = (known: Intent | undefined, input: Of<"Refund">, at: number): Result => {
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

export const undo = (known: Intent | undefined, input: Of<"Void">, at: number): Result => {
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

export const recordReturn = (known: Intent | undefined, input: Of<"RecordReturn">, at: number): Result => {
  const { attempt, intent } = attemptOf(known, input);
  if (attempt.status !== "voiding" && attempt.status !== "refunding") return keep({ _tag: "Noted" });
  const { outcome } = input;
  if (outcome._tag !== "Cancelled") {
    // Money that should be back is asked for until it is: a refusal is remembered, and told once to whoever asked.
    const code = outcome._tag === "Refused" ? outcome.code : attempt.code;
    const again: Attempt = { ...attempt, tries: attempt.tries + 1, nextActionAt: input.nextActionAt, code };
    const told: ReadonlyArray<Output> =
      outcome._tag === "Refused" &&
      intent.refund !== null &&
      attempt.abandonedAt === null &&
      attempt.code !== outcome.code
        ? [{ _tag: "RefundRefused", code: outcome.code, askedBy: intent.refund.askedBy }]
        : [{ _tag: "Noted" }];
    return to(replaced(intent, again), ...told);
  }
  if (attempt.status === "voiding") {
    const voided: Attempt = { ...attempt, status: "voided", nextActionAt: null, settledAt: at };
    // The intent went on without it, and nobody waits for it.
    if (attempt.abandonedAt !== null) return to(replaced(intent, voided), { _tag: "Noted" });
    return to({ ...replaced(intent, voided), status: "closed" }, ...answered(intent));
  }
  const back: Attempt = { ...attempt, status: "refunded", nextActionAt: null, settledAt: at };
  return to(
    { ...replaced(intent, back), status: "refunded" },
    ...(intent.refund === null
      ? []
      : [{ _tag: "Refunded" as const, amount: intent.amount, askedBy: intent.refund.askedBy }]),
  );
};
