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
import type { SqlError } from "effect/sql/SqlError";
import type { GroupCommit, Remembering } from "../machine/GroupCommit.ts";
import { Ids } from "../message/Ids.ts";
import type { GatewayRouting } from "./GatewayRouting.ts";
import * as PaymentCalls from "./PaymentCalls.ts";
import { defaultLimits, type Limits } from "./PaymentLimits.ts";
import { type Input, type Intent, liveAttempt, type Output, type Rejection } from "./PaymentMachine.ts";
import * as PaymentStore from "./PaymentStore.ts";

export { defaultLimits, type Limits } from "./PaymentLimits.ts";

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

export const make = Effect.fnUntraced(function* (options: {
  readonly commit: GroupCommit<Input, Output, Rejection> & Remembering<string, Intent>;
  readonly limits?: Partial<Limits> | undefined;
  /** Absent: there is one gateway, and no other to go to. */
  readonly routing?: Pick<GatewayRouting, "next"> | undefined;
}) {
  const sql = yield* SqlClient.SqlClient;
  const ids = yield* Ids;
  const limits: Limits = { ...defaultLimits, ...options.limits };
  const calls = yield* PaymentCalls.make(options.commit, limits);

  /** The payment as this process last saw it, or as another one left it at most `maxShownAgeMillis` ago: for who looks, not for who acts. */
  const recent = (reference: string): Effect.Effect<Intent | undefined, SqlError> =>
    Effect.suspend(() => {
      const known = options.commit.recall(reference, limits.maxShownAgeMillis);
      return known === undefined ? PaymentStore.find(sql, reference) : Effect.succeed(known);
    });

  const moveOn = Effect.fnUntraced(function* ({ from, owner, reference }: ReissueRequest) {
    const now = yield* Clock.currentTimeMillis;
    const routes = (yield* PaymentStore.find(sql, reference))?.routes ?? [];
    const next = options.routing?.next(reference, routes, now) ?? { to: null, unusable: false };
    yield* calls.submit({
      _tag: "Reissue",
      reference,
      owner,
      from,
      ...next,
      settleMillis: limits.settleMillis,
      inquireAt: calls.backOff(0, now),
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
      const outcome = yield* calls.confirm(request, first, "confirm");
      // The buyer goes on at once where nothing was sent. Whatever forbids it, this confirm has its answer.
      if (outcome._tag === "NotSent") yield* Effect.ignore(moveOn({ ...request, from: provider }));
    }
    // What this process has recorded above is in what it remembers.
    const intent = yield* recent(request.reference);
    const attempt = intent?.attempts.find(({ no }) => begun !== undefined && "no" in begun && no === begun.no);
    if (intent !== undefined && attempt !== undefined) return { intent, attempt };
    return yield* Effect.die(new Error(`the confirm of ${request.reference} left no attempt`));
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
      if (live.inquiredAt === null || (yield* Clock.currentTimeMillis) >= settledAt) yield* calls.inquire(known, live);
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
        Effect.catchCause(calls.act(one), (cause) =>
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
    recent,
    page: (options: PaymentStore.PageOptions) => PaymentStore.page(sql, options),
    sweep,
    sweeper: sweep.pipe(
      Effect.catchCause((cause) => Effect.as(Effect.logWarning("the sweep failed; it comes again", cause), 0)),
      Effect.flatMap((acted) => (acted < limits.maxSweepAttempts ? Effect.sleep(limits.sweepMillis) : Effect.void)),
      Effect.forever,
    ),
  };
});
