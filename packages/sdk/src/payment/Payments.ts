/**
 * Takes money once: confirm, ask, go to another gateway, give back.
 *
 * Guarantee: the attempt is committed before its gateway is called, and the answer after; no call happens inside a
 * transaction. Whatever dies in between, the sweeper of any process finds the attempt and asks the gateway first. It sends a
 * confirm again only when the gateway knows the payment and waits for it, and never one that was given up.
 *
 * Limits: `inquireAfterMillis` until an attempt without an answer is asked about; inquiries back off from `askAgainMillis`
 * to `maxAskAgainMillis`; a `not found` counts, and an unknown attempt may be given up, after `settleMillis`; one that was
 * given up is asked about at least every `guardEveryMillis` for `guardMillis`; `maxConcurrentCalls` calls of the sweeper at once.
 */
import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import * as SqlClient from "effect/sql/SqlClient";
import type { GroupCommit } from "../machine/GroupCommit.ts";
import { Ids } from "../message/Ids.ts";
import type { GatewayRouting } from "./GatewayRouting.ts";
import { type CancelOutcome, type InquiryOutcome, type PaymentGateway, PaymentGateways } from "./PaymentGateway.ts";
import { type Attempt, type Input, type Intent, liveAttempt, type Output, type Rejection } from "./PaymentMachine.ts";
import { notFoundCode } from "./PaymentReissue.ts";
import * as PaymentStore from "./PaymentStore.ts";

export interface Limits {
  /** Longer than a gateway's confirm time-out, so that nobody is asked while the first answer may still come. */
  readonly inquireAfterMillis: number;
  readonly askAgainMillis: number;
  readonly maxAskAgainMillis: number;
  /** A gateway that does not know a payment this long after the confirm was sent never got it. */
  readonly settleMillis: number;
  /** How long a gateway may still approve what was given up: the longest life of a buyer's authentication, and a margin. */
  readonly guardMillis: number;
  readonly guardEveryMillis: number;
  readonly maxConcurrentCalls: number;
  readonly sweepMillis: number;
  readonly maxSweepAttempts: number;
}

export const defaultLimits: Limits = {
  inquireAfterMillis: 8000,
  askAgainMillis: 500,
  maxAskAgainMillis: 60_000,
  settleMillis: 15_000,
  guardMillis: 3_600_000,
  guardEveryMillis: 5000,
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

export interface ReissueRequest {
  readonly reference: string;
  readonly owner: string;
  /** The gateway that the buyer wants to leave. */
  readonly from: string;
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

export const make = Effect.fnUntraced(function* (options: {
  readonly commit: GroupCommit<Input, Output, Rejection>;
  readonly limits?: Partial<Limits> | undefined;
  /** Absent: there is one gateway, and no other to go to. */
  readonly routing?: Pick<GatewayRouting, "next"> | undefined;
}) {
  const sql = yield* SqlClient.SqlClient;
  const gateways = yield* PaymentGateways;
  const ids = yield* Ids;
  const limits: Limits = { ...defaultLimits, ...options.limits };

  const submit = Effect.fnUntraced(function* (input: Input) {
    const at = yield* Clock.currentTimeMillis;
    return yield* options.commit.submit({ id: ids.next(at), at, input });
  });
  const backOff = (tries: number, now: number, maxMillis = limits.maxAskAgainMillis): number =>
    now + Math.min(limits.askAgainMillis * 2 ** tries, maxMillis);

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

  const attemptOf = Effect.fnUntraced(function* (reference: string, no: number) {
    const intent = yield* PaymentStore.find(sql, reference);
    const attempt = intent?.attempts.find((one) => one.no === no);
    return intent === undefined || attempt === undefined ? undefined : { intent, attempt };
  });

  const moveOn = Effect.fnUntraced(function* ({ from, owner, reference }: ReissueRequest) {
    const now = yield* Clock.currentTimeMillis;
    const routes = (yield* PaymentStore.find(sql, reference))?.routes ?? [];
    const next = options.routing?.next(reference, routes, now) ?? { to: null, unusable: false };
    yield* submit({
      _tag: "Reissue",
      reference,
      owner,
      from,
      ...next,
      settleMillis: limits.settleMillis,
      inquireAt: backOff(0, now),
      guardUntil: now + limits.guardMillis,
    });
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
      const first = { no: begun.no, provider, paymentKey, tries: 0, keysSpent: 0 };
      const outcome = yield* callConfirm(request, first, "confirm");
      // The buyer goes on at once where nothing was sent. Whatever forbids it, this confirm has its answer.
      if (outcome._tag === "NotSent") yield* Effect.ignore(moveOn({ ...request, from: provider }));
    }
    const found = begun !== undefined && "no" in begun ? yield* attemptOf(request.reference, begun.no) : undefined;
    return found ?? (yield* Effect.die(new Error(`the confirm of ${request.reference} left no attempt`)));
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
      return now?.attempt.status === attempt.status ? yield* callConfirm(intent, attempt, "resend") : undefined;
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

  /**
   * Sends the buyer of an order to another gateway, if the one that it was sent to cannot be used or does not answer. What is
   * unknown is asked for first; and last, so that an approval that is there by now is taken and not given up.
   */
  const reissue = Effect.fn("Payments.reissue")(function* (request: ReissueRequest) {
    const known = yield* PaymentStore.find(sql, request.reference);
    const live = known === undefined ? undefined : liveAttempt(known);
    if (known !== undefined && known.owner === request.owner && live?.status === "unknown") {
      const settledAt = live.startedAt + limits.settleMillis;
      if (live.inquiredAt === null || (yield* Clock.currentTimeMillis) >= settledAt) yield* inquire(known, live);
    }
    yield* moveOn(request);
    const intent = yield* PaymentStore.find(sql, request.reference);
    return intent ?? (yield* Effect.die(new Error(`${request.reference} was sent elsewhere without an intent`)));
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
    reissue,
    find: (reference: string) => PaymentStore.find(sql, reference),
    sweep,
    sweeper: sweep.pipe(
      Effect.catchCause((cause) => Effect.as(Effect.logWarning("the sweep failed; it comes again", cause), 0)),
      Effect.flatMap((acted) => (acted < limits.maxSweepAttempts ? Effect.sleep(limits.sweepMillis) : Effect.void)),
      Effect.forever,
    ),
  };
});
