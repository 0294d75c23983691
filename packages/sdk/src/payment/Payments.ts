/**
 * Takes money once: confirm, ask, give back.
 *
 * Guarantee: the attempt is committed before its gateway is called, and the answer after; no call happens inside a
 * transaction. Whatever dies in between, the sweeper of any process finds the attempt and asks the gateway first. It sends a
 * confirm again only when the gateway knows the payment and waits for it.
 *
 * Limits: `inquireAfterMillis` until an attempt without an answer is asked about; inquiries back off from `askAgainMillis`
 * to `maxAskAgainMillis`; a `not found` counts after `settleMillis`; `maxConcurrentCalls` calls of the sweeper at once.
 */
import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import * as SqlClient from "effect/sql/SqlClient";
import type { GroupCommit } from "../machine/GroupCommit.ts";
import { Ids } from "../message/Ids.ts";
import { type CancelOutcome, type InquiryOutcome, type PaymentGateway, PaymentGateways } from "./PaymentGateway.ts";
import type { Attempt, Input, Intent, Output, Rejection } from "./PaymentMachine.ts";
import * as PaymentStore from "./PaymentStore.ts";

export interface Limits {
  /** Longer than a gateway's confirm time-out, so that nobody is asked while the first answer may still come. */
  readonly inquireAfterMillis: number;
  readonly askAgainMillis: number;
  readonly maxAskAgainMillis: number;
  /** A gateway that does not know a payment this long after the confirm was sent never got it. */
  readonly settleMillis: number;
  readonly maxConcurrentCalls: number;
  readonly sweepMillis: number;
  readonly maxSweepAttempts: number;
}

export const defaultLimits: Limits = {
  inquireAfterMillis: 8000,
  askAgainMillis: 500,
  maxAskAgainMillis: 60_000,
  settleMillis: 15_000,
  maxConcurrentCalls: 16,
  sweepMillis: 500,
  maxSweepAttempts: 200,
};

export interface ConfirmRequest {
  readonly reference: string;
  readonly owner: string;
  readonly provider: string;
  readonly paymentKey: string;
  readonly amount: number;
}

/** Identity of the request that confirms: see `GroupCommit.submit`. */
export interface Stamp {
  readonly id: string;
  readonly at: number;
  readonly fingerprint?: string | undefined;
  readonly traceparent?: string | undefined;
}

/**
 * The same for every repetition of a confirm that got no answer; a new one once the gateway has answered under it, because
 * vendors replay a received error for days. Safe, because a payment key is captured at most once whatever the key.
 */
export const confirmKey = (reference: string, no: number, keysSpent: number): string =>
  keysSpent === 0 ? `confirm:${reference}:${no}` : `confirm:${reference}:${no}:${keysSpent}`;

/** A new one for every try, for the same reason: what was given back already is answered as such. */
export const returnKey = (reference: string, no: number, tries: number): string => `return:${reference}:${no}:${tries}`;

/**
 * Gateways refuse to give money back without a reason, and would refuse for ever: a blank one is replaced before it gets
 * there, also in intents that were stored with one.
 */
const returnReason = (intent: Intent): string => intent.refund?.reason.trim() || "the order was cancelled";

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

export const make = Effect.fnUntraced(function* (options: {
  readonly commit: GroupCommit<Input, Output, Rejection>;
  readonly limits?: Partial<Limits> | undefined;
}) {
  const sql = yield* SqlClient.SqlClient;
  const gateways = yield* PaymentGateways;
  const ids = yield* Ids;
  const limits: Limits = { ...defaultLimits, ...options.limits };

  const submit = Effect.fnUntraced(function* (input: Input) {
    const at = yield* Clock.currentTimeMillis;
    return yield* options.commit.submit({ id: ids.next(at), at, input });
  });
  const backOff = (tries: number, now: number): number =>
    now + Math.min(limits.askAgainMillis * 2 ** tries, limits.maxAskAgainMillis);

  const gatewayOf = (provider: string): Effect.Effect<PaymentGateway> => {
    const gateway = gateways.get(provider);
    return gateway === undefined ? Effect.die(new Error(`no gateway ${provider}`)) : Effect.succeed(gateway);
  };

  const callConfirm = Effect.fnUntraced(function* (
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

  /** Begins, calls, records. What a repetition gets is read from the attempt, never asked of the gateway a second time. */
  const confirm = Effect.fn("Payments.confirm")(function* (request: ConfirmRequest, stamp: Stamp) {
    const runId = ids.next(stamp.at);
    const [begun] = yield* options.commit.submit({
      ...stamp,
      input: { _tag: "BeginConfirm", ...request, runId, inquireAt: stamp.at + limits.inquireAfterMillis },
    });
    if (begun?._tag === "Begun" && begun.runId === runId) {
      const { paymentKey, provider } = request;
      yield* callConfirm(request, { no: begun.no, provider, paymentKey, tries: 0, keysSpent: 0 }, "confirm");
    }
    const intent = yield* PaymentStore.find(sql, request.reference);
    const attempt = intent?.attempts.find(({ no }) => begun !== undefined && "no" in begun && no === begun.no);
    if (intent === undefined || attempt === undefined) {
      return yield* Effect.die(new Error(`the confirm of ${request.reference} left no attempt`));
    }
    return { intent, attempt };
  });

  const settled = (
    outcome: InquiryOutcome,
    attempt: Attempt,
    now: number,
  ): Extract<Input, { _tag: "Record" }>["outcome"] => {
    switch (outcome._tag) {
      case "NotFound":
        return now - attempt.startedAt >= limits.settleMillis && attempt.tries > 0
          ? { _tag: "Declined", kind: "soft", code: "NOT_FOUND", message: "the gateway does not know the payment" }
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
    if (outcome._tag === "Pending") return yield* callConfirm(intent, attempt, "resend");
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

  const giveBack = Effect.fnUntraced(function* (intent: Intent, attempt: Attempt) {
    const gateway = yield* gatewayOf(attempt.provider);
    const outcome = yield* gateway.cancel({
      paymentKey: attempt.paymentKey,
      amount: intent.amount,
      reason: returnReason(intent),
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

  const act = Effect.fnUntraced(function* ({ no, reference }: PaymentStore.Due) {
    const intent = yield* PaymentStore.find(sql, reference);
    const attempt = intent?.attempts.find((one) => one.no === no);
    if (intent === undefined || attempt === undefined) return;
    if (attempt.status === "confirming" || attempt.status === "unknown") yield* inquire(intent, attempt);
    if (attempt.status === "voiding" || attempt.status === "refunding") yield* giveBack(intent, attempt);
  });

  /** Acts on what is due; answers how many attempts. Any number of processes may sweep. */
  const sweep = Effect.gen(function* () {
    const due = yield* PaymentStore.due(sql, yield* Clock.currentTimeMillis, limits.maxSweepAttempts);
    yield* Effect.forEach(
      due,
      (one) =>
        Effect.catchCause(act(one), (cause) =>
          Effect.logWarning("an attempt is looked at again later", { ...one }, cause),
        ),
      { concurrency: limits.maxConcurrentCalls, discard: true },
    );
    return due.length;
  }).pipe(Effect.withSpan("Payments.sweep"));

  return {
    confirm,
    find: (reference: string) => PaymentStore.find(sql, reference),
    sweep,
    sweeper: sweep.pipe(
      Effect.catchCause((cause) => Effect.as(Effect.logWarning("the sweep failed; it comes again", cause), 0)),
      Effect.flatMap((acted) => (acted < limits.maxSweepAttempts ? Effect.sleep(limits.sweepMillis) : Effect.void)),
      Effect.forever,
    ),
  };
});
