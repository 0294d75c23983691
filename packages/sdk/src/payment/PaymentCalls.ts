/**
 * What payments ask of a gateway about one attempt, and how the answers get back into it.
 *
 * Guarantee: no call happens inside a transaction; every answer is recorded, and one about an attempt that another answer has
 * decided meanwhile changes nothing.
 */
import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import * as SqlClient from "effect/sql/SqlClient";
import type { GroupCommit } from "../machine/GroupCommit.ts";
import { Ids } from "../message/Ids.ts";
import * as TraceContext from "../message/TraceContext.ts";
import { type CancelOutcome, type InquiryOutcome, type PaymentGateway, PaymentGateways } from "./PaymentGateway.ts";
import type { Limits } from "./PaymentLimits.ts";
import type { Attempt, Input, Intent, Output, Rejection } from "./PaymentMachine.ts";
import { notFoundCode } from "./PaymentReissue.ts";
import * as PaymentStore from "./PaymentStore.ts";

/**
 * The same for every repetition of a confirm that got no answer; a new one once the gateway has answered under it, because
 * vendors replay a received error for days. Safe, because a payment key is captured at most once whatever the key.
 */
const confirmKey = (reference: string, no: number, keysSpent: number): string =>
  keysSpent === 0 ? `confirm:${reference}:${no}` : `confirm:${reference}:${no}:${keysSpent}`;

/** A new one for every try, for the same reason: what was given back already is answered as such. */
const returnKey = (reference: string, no: number, tries: number): string => `return:${reference}:${no}:${tries}`;

/**
 * Gateways refuse to give money back without a reason, and would refuse for ever: a blank one is replaced before it gets
 * there, also in intents that were stored with one.
 */
const returnReason = (intent: Intent, attempt: Attempt): string =>
  attempt.abandonedAt === null
    ? intent.refund?.reason.trim() || "the order was cancelled"
    : "approved after the order was sent to another gateway";

const returned = (outcome: CancelOutcome): Extract<Input, { _tag: "RecordReturn" }>["outcome"] => {
  switch (outcome._tag) {
    case "Cancelled":
    case "AlreadyCancelled":
      return { _tag: "Cancelled" };
    case "Refused":
      return { _tag: "Refused", code: outcome.code };
    case "NotSent":
    case "Unknown":
      return { _tag: "Unknown" };
  }
};

export const make = Effect.fnUntraced(function* (commit: GroupCommit<Input, Output, Rejection>, limits: Limits) {
  const sql = yield* SqlClient.SqlClient;
  const gateways = yield* PaymentGateways;
  const ids = yield* Ids;

  const submit = Effect.fnUntraced(function* (input: Input) {
    const at = yield* Clock.currentTimeMillis;
    return yield* commit.submit({ id: ids.next(at), at, traceparent: yield* TraceContext.current, input });
  });
  const backOff = (tries: number, now: number, maxMillis = limits.maxAskAgainMillis): number =>
    now + Math.min(limits.askAgainMillis * 2 ** tries, maxMillis);

  const gatewayOf = (provider: string): Effect.Effect<PaymentGateway> => {
    const gateway = gateways.get(provider);
    return gateway === undefined ? Effect.die(new Error(`no gateway ${provider}`)) : Effect.succeed(gateway);
  };

  const confirm = Effect.fnUntraced(function* (
    intent: Pick<Intent, "reference" | "amount">,
    attempt: Pick<Attempt, "no" | "provider" | "paymentKey" | "tries" | "keysSpent">,
    source: "confirm" | "resend",
  ) {
    const gateway = yield* gatewayOf(attempt.provider);
    const outcome = yield* gateway.confirm({
      paymentKey: attempt.paymentKey,
      vendorOrderId: intent.reference,
      amount: intent.amount,
      idempotencyKey: confirmKey(intent.reference, attempt.no, attempt.keysSpent),
    });
    const nextActionAt = backOff(attempt.tries, yield* Clock.currentTimeMillis);
    yield* submit({
      _tag: "Record",
      reference: intent.reference,
      no: attempt.no,
      outcome,
      source,
      nextActionAt,
    });
    return outcome;
  });

  const attemptOf = Effect.fnUntraced(function* (reference: string, no: number) {
    const intent = yield* PaymentStore.find(sql, reference);
    const attempt = intent?.attempts.find((one) => one.no === no);
    return intent === undefined || attempt === undefined ? undefined : { intent, attempt };
  });

  const settled = (
    outcome: InquiryOutcome,
    attempt: Attempt,
    now: number,
  ): Extract<Input, { _tag: "Record" }>["outcome"] => {
    switch (outcome._tag) {
      case "NotFound":
        return now - attempt.startedAt >= limits.settleMillis && attempt.tries > 0
          ? { _tag: "Declined", kind: "soft", code: notFoundCode, message: "the gateway does not know the payment" }
          : { _tag: "Pending" };
      default:
        return outcome;
    }
  };

  const inquire = Effect.fnUntraced(function* (intent: Intent, attempt: Attempt) {
    const gateway = yield* gatewayOf(attempt.provider);
    const outcome = yield* gateway.inquire({
      paymentKey: attempt.paymentKey,
      vendorOrderId: intent.reference,
    });
    // The gateway has it and waits for our confirm: under the same key while no answer came, under a new one after that.
    if (outcome._tag === "Pending") {
      const now = yield* attemptOf(intent.reference, attempt.no);
      return now?.attempt.status === attempt.status ? yield* confirm(intent, attempt, "resend") : undefined;
    }
    const now = yield* Clock.currentTimeMillis;
    return yield* submit({
      _tag: "Record",
      reference: intent.reference,
      no: attempt.no,
      outcome: settled(outcome, attempt, now),
      source: "inquiry",
      nextActionAt: backOff(attempt.tries, now),
    });
  });

  /** Asks about an attempt that was given up. Nothing is confirmed any more, so waiting for a confirm is waiting in vain. */
  const watch = Effect.fnUntraced(function* (intent: Intent, attempt: Attempt) {
    const gateway = yield* gatewayOf(attempt.provider);
    const { paymentKey } = attempt;
    const outcome = yield* gateway.inquire({ paymentKey, vendorOrderId: intent.reference });
    const now = yield* Clock.currentTimeMillis;
    yield* submit({
      _tag: "Record",
      reference: intent.reference,
      no: attempt.no,
      outcome: outcome._tag === "NotFound" ? { _tag: "Pending" } : outcome,
      source: "inquiry",
      nextActionAt: backOff(attempt.tries, now, limits.guardEveryMillis),
    });
  });

  const giveBack = Effect.fnUntraced(function* (intent: Intent, attempt: Attempt) {
    const gateway = yield* gatewayOf(attempt.provider);
    const outcome = yield* gateway.cancel({
      paymentKey: attempt.paymentKey,
      amount: intent.amount,
      reason: returnReason(intent, attempt),
      idempotencyKey: returnKey(intent.reference, attempt.no, attempt.tries),
    });
    return yield* submit({
      _tag: "RecordReturn",
      reference: intent.reference,
      no: attempt.no,
      outcome: returned(outcome),
      nextActionAt: backOff(attempt.tries, yield* Clock.currentTimeMillis),
    });
  });

  const voidLate = Effect.fnUntraced(function* (intent: Intent, attempt: Attempt) {
    const nextActionAt = (yield* Clock.currentTimeMillis) + limits.inquireAfterMillis;
    yield* submit({ _tag: "BeginVoid", reference: intent.reference, no: attempt.no, nextActionAt });
    yield* giveBack(intent, attempt);
  });

  /** Does what is next to be done about an attempt, whatever state it is in. */
  const act = Effect.fnUntraced(function* ({ no, reference }: PaymentStore.Due) {
    const found = yield* attemptOf(reference, no);
    if (found === undefined) return;
    const { attempt, intent } = found;
    switch (attempt.status) {
      case "confirming":
      case "unknown":
        return yield* Effect.asVoid(inquire(intent, attempt));
      case "abandoned":
        return yield* watch(intent, attempt);
      case "late_captured":
        return yield* voidLate(intent, attempt);
      case "voiding":
      case "refunding":
        return yield* Effect.asVoid(giveBack(intent, attempt));
      default:
        return;
    }
  });

  return { submit, backOff, attemptOf, confirm, inquire, act };
});
