/**
 * Turns losers away without a transaction: a remembered `exhausted` in front of a quota.
 *
 * Guarantee: who is told `SoldOut` had no live grant, and none was left, at some moment of the last `maxStaleMillis`; who is
 * told `AlreadyHas` held that grant then. Whoever holds one and repeats an input that was answered before gets that answer:
 * the mark knows the holders, and their input ids are looked up first. An old mark is looked at again before anybody is
 * answered by it; an open one and none at all turn nobody away: then the database answers.
 *
 * Losers cost no round trip. Holders share one: while one look-up is under way the next gathers, and it only reads. Deciding
 * them costs a locked group of half a dozen statements, because a guard cannot let a holder pass (see `QuotaStore.guard`).
 *
 * A mark is a versioned value: `exhausted@7` is overwritten by `open@8`, never the other way, however late it is written; so
 * reopening writes and never deletes. Rejected: a counter in front of the database, which drifts from it with each crash.
 *
 * Limits: `maxStaleMillis`, `maxHolders` a quota (a larger one is never marked), `maxMarks` quotas and
 * `maxRememberedHolders` over all of them in this process; `maxLookedUp` input ids a look-up. Who is turned away was never an
 * input: nothing is stored, and the same id may win after a reopening.
 */
import * as Clock from "effect/Clock";
import * as Context from "effect/Context";
import * as Deferred from "effect/Deferred";
import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import * as Layer from "effect/Layer";
import * as Metric from "effect/Metric";
import * as Predicate from "effect/Predicate";
import type * as Rejections from "./QuotaMachine.ts";
import type { Survey } from "./QuotaStore.ts";

export const maxStaleMillis = 500;
/** A mark that is in use is looked at again before it is too old, so that in a rush nobody waits for the look. */
export const refreshAfterMillis = 250;
export const maxHolders = 100_000;
export const maxMarks = 1000;
/** About 200 bytes each. */
export const maxRememberedHolders = 500_000;
export const maxLookedUp = 512;

export interface Held {
  readonly grantId: string;
  readonly serial: number;
}

export interface Mark {
  readonly version: number;
  readonly exhausted: boolean;
  readonly limit: number;
  /** Subjects with a live grant at that version, and which; empty for an open mark. */
  readonly holders: ReadonlyMap<string, Held>;
  /** It was true at this moment or later, UTC epoch milliseconds. */
  readonly knownAt: number;
}

/** Of two marks the one to keep: the higher version, and of one version what was known last. */
export const newer = (a: Mark | undefined, b: Mark): Mark => {
  if (a === undefined || b.version > a.version) return b;
  return b.version === a.version && b.knownAt > a.knownAt ? b : a;
};

const turnedAwayTotal = Metric.counter("destiny_quota_turned_away_total", { incremental: true });

/** Where marks are kept: this process, or what all copies of a service share. */
export class QuotaMarks extends Context.Service<
  QuotaMarks,
  {
    readonly read: (quotaId: string) => Effect.Effect<Mark | undefined>;
    /** Keeps the newer of what is there and this. */
    readonly write: (quotaId: string, mark: Mark) => Effect.Effect<void>;
  }
>()("@destiny/sdk/quota/QuotaMarks") {
  static readonly layerMemory: Layer.Layer<QuotaMarks> = Layer.sync(QuotaMarks, () => {
    const marks = new Map<string, Mark>();
    let holders = 0;
    const forget = (quotaId: string): void => {
      holders -= marks.get(quotaId)?.holders.size ?? 0;
      marks.delete(quotaId);
    };
    return QuotaMarks.of({
      read: (quotaId) => Effect.sync(() => marks.get(quotaId)),
      write: (quotaId, mark) =>
        Effect.sync(() => {
          const kept = newer(marks.get(quotaId), mark);
          forget(quotaId);
          marks.set(quotaId, kept);
          holders += kept.holders.size;
          for (const oldest of marks.keys()) {
            if (marks.size <= maxMarks && holders <= maxRememberedHolders) break;
            forget(oldest);
          }
        }),
    });
  });
}

type TurnedAway = Extract<Rejections.Rejection, { readonly _tag: "SoldOut" | "AlreadyHas" }>;

export interface Options<E> {
  /** What the database says now: `QuotaStore.survey`. */
  readonly survey: (
    quotaId: string,
    asked: { readonly now: number; readonly known: number; readonly maxHolders: number },
  ) => Effect.Effect<Survey | undefined, E>;
  /** Which of these inputs have an answer already. */
  readonly answered: (inputIds: ReadonlyArray<string>) => Effect.Effect<ReadonlySet<string>, E>;
}

export interface Ask<R> {
  readonly quotaId: string;
  readonly subject: string;
  /** Only wanted of a holder. */
  readonly inputId: Effect.Effect<string, never, R>;
}

const holdersOf = (found: NonNullable<Survey["holders"]>): Mark["holders"] =>
  new Map(found.map(([subject, grantId, serial]) => [subject, { grantId, serial }]));

export const make = Effect.fnUntraced(function* <E>({ answered, survey }: Options<E>) {
  const marks = yield* QuotaMarks;
  const scope = yield* Effect.scope;
  const looking = new Map<string, Deferred.Deferred<void>>();

  const look = Effect.fnUntraced(function* (quotaId: string) {
    const now = yield* Clock.currentTimeMillis;
    const mark = yield* marks.read(quotaId);
    const found = yield* survey(quotaId, { now, known: mark?.exhausted === true ? mark.version : 0, maxHolders });
    if (found === undefined) return;
    const { exhausted, limit, version } = found;
    const holders = found.holders === null ? mark?.holders : holdersOf(found.holders);
    yield* marks.write(quotaId, { version, exhausted, limit, holders: holders ?? new Map(), knownAt: now });
  });

  /** One look at a time a quota; what it ends with is in the mark. */
  const startLook = (quotaId: string): Effect.Effect<Deferred.Deferred<void>> =>
    Effect.suspend(() => {
      const running = looking.get(quotaId);
      if (running !== undefined) return Effect.succeed(running);
      const done = Deferred.makeUnsafe<void>();
      looking.set(quotaId, done);
      const ended = Effect.sync(() => {
        looking.delete(quotaId);
        Deferred.doneUnsafe(done, Exit.void);
      });
      return look(quotaId).pipe(
        Effect.catchCause((cause) => Effect.logWarning(`quota ${quotaId} could not be looked at`, cause)),
        Effect.ensuring(ended),
        Effect.forkIn(scope),
        Effect.as(done),
      );
    });

  const fresh = Effect.fnUntraced(function* (quotaId: string) {
    const mark = yield* marks.read(quotaId);
    if (mark === undefined || !mark.exhausted) return undefined;
    const age = (yield* Clock.currentTimeMillis) - mark.knownAt;
    if (age < refreshAfterMillis) return mark;
    const look = yield* startLook(quotaId);
    if (age < maxStaleMillis) return mark;
    // Whoever fell through now would bring all who come after into one locked group after the other.
    yield* Deferred.await(look);
    const now = yield* marks.read(quotaId);
    const isFresh = now?.exhausted === true && (yield* Clock.currentTimeMillis) - now.knownAt < maxStaleMillis;
    return isFresh ? now : undefined;
  });

  const waiting: Array<{ readonly inputId: string; readonly isAnswered: Deferred.Deferred<boolean, E> }> = [];
  let isLookingUp = false;

  const lookUp = Effect.suspend(() => {
    const batch = waiting.splice(0, maxLookedUp);
    return Effect.map(Effect.exit(answered(batch.map(({ inputId }) => inputId))), (exit) => {
      for (const { inputId, isAnswered } of batch) {
        Deferred.doneUnsafe(
          isAnswered,
          Exit.map(exit, (ids) => ids.has(inputId)),
        );
      }
    });
  });

  const lookUpAll = Effect.whileLoop({
    while: () => waiting.length > 0 || ((isLookingUp = false), false),
    body: () => lookUp,
    step: () => undefined,
  });

  /** True also when it cannot be known: then the database decides. */
  const mayBeAnswered = (inputId: string): Effect.Effect<boolean> =>
    Effect.suspend(() => {
      const isAnswered = Deferred.makeUnsafe<boolean, E>();
      waiting.push({ inputId, isAnswered });
      const answer = Effect.catchCause(Deferred.await(isAnswered), (cause) =>
        Effect.as(Effect.logWarning("input ids could not be looked up", cause), true),
      );
      if (isLookingUp) return answer;
      isLookingUp = true;
      return Effect.andThen(Effect.forkIn(lookUpAll, scope), answer);
    });

  const turnedAway = Effect.fnUntraced(function* <R>({ inputId, quotaId, subject }: Ask<R>) {
    const mark = yield* fresh(quotaId);
    if (mark === undefined) return undefined;
    const held = mark.holders.get(subject);
    const { limit, version } = mark;
    if (held === undefined) return { _tag: "SoldOut", limit, version } satisfies TurnedAway;
    return (yield* mayBeAnswered(yield* inputId)) ? undefined : ({ _tag: "AlreadyHas", ...held } satisfies TurnedAway);
  });

  return {
    /** Runs `issue`, unless the mark can say by itself what this subject would be told. Without a span: its caller has one. */
    guard: Effect.fnUntraced(function* <A, E1, R1, R2>(asked: Ask<R1>, issue: Effect.Effect<A, E1, R2>) {
      const rejection = yield* turnedAway(asked);
      if (rejection !== undefined) {
        yield* Metric.update(turnedAwayTotal, 1);
        return yield* Effect.fail<TurnedAway>(rejection);
      }
      return yield* Effect.tapError(issue, (error) =>
        Predicate.isTagged(error, "SoldOut") ? startLook(asked.quotaId) : Effect.void,
      );
    }),
    /** A quota was changed or a grant revoked: whatever was exhausted before that version is so no more. */
    reopened: (quotaId: string, version: number): Effect.Effect<void> =>
      Effect.flatMap(Clock.currentTimeMillis, (knownAt) =>
        marks.write(quotaId, { version, exhausted: false, limit: 0, holders: new Map(), knownAt }),
      ),
  };
});
