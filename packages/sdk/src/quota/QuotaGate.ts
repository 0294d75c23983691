/**
 * Turns losers away without a database round trip: a remembered `exhausted` in front of a quota.
 *
 * Guarantee: who is turned away had no live grant, and none was left, at some moment of the last `maxStaleMillis`. A winner
 * who asks again is never turned away: the mark knows who holds a grant. An open mark, an old one and none at all turn
 * nobody away: then the database answers.
 *
 * A mark is a versioned value: `exhausted@7` is overwritten by `open@8`, never the other way, however late it is written; so
 * reopening writes and never deletes. Rejected: a counter in front of the database, which drifts from it with each crash.
 *
 * Limits: `maxStaleMillis`, `maxHolders` a quota (a larger one is never marked), `maxMarks` quotas and
 * `maxRememberedHolders` over all of them in this process. Who is turned away was never an input: nothing is stored, and the
 * same id may win after a reopening.
 */
import * as Clock from "effect/Clock";
import * as Context from "effect/Context";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Metric from "effect/Metric";
import * as Predicate from "effect/Predicate";
import type * as Rejections from "./QuotaMachine.ts";
import type { Survey } from "./QuotaStore.ts";

export const maxStaleMillis = 500;
/** A mark that is in use is looked at again before it is too old, so that a rush never falls through at once. */
export const refreshAfterMillis = 250;
export const maxHolders = 100_000;
export const maxMarks = 1000;
/** About 100 bytes each. */
export const maxRememberedHolders = 500_000;

export interface Mark {
  readonly version: number;
  readonly exhausted: boolean;
  readonly limit: number;
  /** Subjects with a live grant at that version; empty for an open mark. */
  readonly holders: ReadonlySet<string>;
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

type SoldOut = Extract<Rejections.Rejection, { readonly _tag: "SoldOut" }>;

export interface Options<E> {
  /** What the database says now: `QuotaStore.survey`. */
  readonly survey: (
    quotaId: string,
    asked: { readonly now: number; readonly known: number; readonly maxHolders: number },
  ) => Effect.Effect<Survey | undefined, E>;
}

export const make = Effect.fnUntraced(function* <E>({ survey }: Options<E>) {
  const marks = yield* QuotaMarks;
  const scope = yield* Effect.scope;
  const looking = new Set<string>();

  const look = Effect.fnUntraced(function* (quotaId: string) {
    const now = yield* Clock.currentTimeMillis;
    const mark = yield* marks.read(quotaId);
    const found = yield* survey(quotaId, { now, known: mark?.exhausted === true ? mark.version : 0, maxHolders });
    if (found === undefined) return;
    const { exhausted, limit, version } = found;
    const holders = found.holders === null ? mark?.holders : new Set(found.holders);
    yield* marks.write(quotaId, { version, exhausted, limit, holders: holders ?? new Set(), knownAt: now });
  });

  /** One look at a time a quota; nobody waits for it. */
  const lookSoon = (quotaId: string): Effect.Effect<void> =>
    Effect.suspend(() => {
      if (looking.has(quotaId)) return Effect.void;
      looking.add(quotaId);
      return look(quotaId).pipe(
        Effect.catchCause((cause) => Effect.logWarning(`quota ${quotaId} could not be looked at`, cause)),
        Effect.ensuring(Effect.sync(() => looking.delete(quotaId))),
        Effect.forkIn(scope),
        Effect.asVoid,
      );
    });

  const turnedAway = Effect.fnUntraced(function* (quotaId: string, subject: string) {
    const mark = yield* marks.read(quotaId);
    if (mark === undefined || !mark.exhausted) return undefined;
    const age = (yield* Clock.currentTimeMillis) - mark.knownAt;
    if (age >= refreshAfterMillis) yield* lookSoon(quotaId);
    return age < maxStaleMillis && !mark.holders.has(subject) ? mark : undefined;
  });

  return {
    /** Runs `issue`, unless the mark can say by itself that nothing is left for this subject. */
    guard: Effect.fn("QuotaGate.guard")(function* <A, E1, R>(
      of: { readonly quotaId: string; readonly subject: string },
      issue: Effect.Effect<A, E1, R>,
    ) {
      const mark = yield* turnedAway(of.quotaId, of.subject);
      if (mark !== undefined) {
        yield* Metric.update(turnedAwayTotal, 1);
        const soldOut: SoldOut = { _tag: "SoldOut", limit: mark.limit, version: mark.version };
        return yield* Effect.fail(soldOut);
      }
      return yield* Effect.tapError(issue, (error) =>
        Predicate.isTagged(error, "SoldOut") ? lookSoon(of.quotaId) : Effect.void,
      );
    }),
    /** A quota was changed or a grant revoked: whatever was exhausted before that version is so no more. */
    reopened: (quotaId: string, version: number): Effect.Effect<void> =>
      Effect.flatMap(Clock.currentTimeMillis, (knownAt) =>
        marks.write(quotaId, { version, exhausted: false, limit: 0, holders: new Set(), knownAt }),
      ),
  };
});
