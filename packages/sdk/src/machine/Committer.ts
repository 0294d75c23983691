/**
 * Commits one group, whatever happens meanwhile: on remembered states or under locks, around poison, through bad weather.
 *
 * Guarantee: when it answers, each input's fate is committed; when it fails, with `Unavailable`, nothing is known. Limits:
 * `maxWeatherMillis` of retries, `maxConflictRetries` when the database says that something moved between look-up and write.
 */
import * as Cause from "effect/Cause";
import type * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import * as Metric from "effect/Metric";
import { isSqlError, type SqlError } from "effect/sql/SqlError";
import { codeOf, meaningOf } from "../sql/SqlState.ts";
import type { Database } from "./Database.ts";
import type { Entry, Fate, Parts } from "./Decide.ts";
import { GroupCommitError, Unavailable } from "./Errors.ts";
import type { Versioned } from "./Machine.ts";
import * as StateCache from "./StateCache.ts";
import * as Ways from "./Ways.ts";

export interface Options<Key extends string, State, Input, Output, Rejection> {
  readonly parts: Parts<Key, State, Input, Output, Rejection>;
  readonly database: Database["Service"];
  readonly clock: Clock.Clock;
  readonly onCommit: ((states: ReadonlyMap<Key, Versioned<State>>) => void) | undefined;
  readonly limits: {
    readonly maxWeatherMillis: number;
    readonly maxConflictRetries: number;
    readonly maxRememberedStates: number;
    readonly conflictCoolMillis: number;
  };
}

const firstPauseMillis = 20;
const maxPauseMillis = 1000;

const conflictsTotal = Metric.counter("destiny_group_conflicts_total", { incremental: true });

export const make = <Key extends string, State, Input, Output, Rejection>({
  clock,
  database,
  limits,
  onCommit,
  parts,
}: Options<Key, State, Input, Output, Rejection>) => {
  type Fates = ReadonlyArray<Fate<Output, Rejection>>;
  type Written = Ways.Written<Key, State, Output, Rejection>;

  const labels = { machine: parts.machine.name };
  const conflicted = Metric.update(Metric.withAttributes(conflictsTotal, labels), 1);
  const cache = StateCache.make<Key, State>(limits.maxRememberedStates);
  const unavailable = (cause: SqlError): GroupCommitError =>
    new GroupCommitError({ machine: parts.machine.name, reason: new Unavailable({ cause }) });

  /** Tells whoever waits in this process, and lets the messages go. */
  const announce = ({ fates, messages, positions, states }: Written): Effect.Effect<void> => {
    onCommit?.(states);
    // A repetition may be the second try of a commit whose answer got lost: its messages wait, and nobody was told.
    const quiet = messages.length === 0 && !fates.some((fate) => fate._tag === "Repeated");
    return quiet ? Effect.void : parts.outputs.committed(messages, positions);
  };

  const settle = (written: Written): Effect.Effect<Fates> => {
    cache.keep(written.states, clock.currentTimeMillisUnsafe());
    return Effect.as(announce(written), written.fates);
  };

  /** On remembered states when all are; under locks when not, or when they turn out to be old. */
  const commit = (entries: ReadonlyArray<Entry<Input>>): Effect.Effect<Fates, GroupCommitError> =>
    Effect.suspend(() => {
      const ready = Ways.remembered(parts, entries, cache, clock.currentTimeMillisUnsafe());
      if (ready === undefined) return commitLocked(entries);
      return Effect.matchCauseEffect(database.write(ready.writes, ready.conditions), {
        onSuccess: (positions) => settle({ ...ready, positions }),
        onFailure: (cause) => {
          // Also after an answer that got lost: the locked way looks the ids up.
          cache.cool(ready.keys, clock.currentTimeMillisUnsafe() + limits.conflictCoolMillis);
          if (sqlErrorOf(cause) === undefined && Cause.hasInterrupts(cause)) return Effect.interrupt;
          return Effect.andThen(conflicted, commitLocked(entries));
        },
      });
    });

  /** Halves the group around poison; waits out weather. */
  const commitLocked = (entries: ReadonlyArray<Entry<Input>>, conflicts = 0): Effect.Effect<Fates, GroupCommitError> =>
    Effect.flatMap(Effect.exit(weathered(entries)), (exit) => {
      if (Exit.isSuccess(exit)) return settle(exit.value);
      const error = sqlErrorOf(exit.cause);
      if (error === undefined && Cause.hasInterrupts(exit.cause)) return Effect.interrupt;
      const meaning = error === undefined ? "poison" : meaningOf(error);
      if (error !== undefined && meaning === "weather") return Effect.fail(unavailable(error));
      if (meaning === "conflict" && conflicts < limits.maxConflictRetries) return commitLocked(entries, conflicts + 1);
      const why = error === undefined ? String(Cause.squash(exit.cause)) : describe(error);
      if (entries.length > 1) {
        const half = entries.length >> 1;
        return Effect.flatMap(commitLocked(entries.slice(0, half)), (left) =>
          Effect.map(commitLocked(entries.slice(half)), (right) => [...left, ...right]),
        );
      }
      const [alone] = entries;
      if (alone === undefined || alone.unreadable !== undefined) return Effect.die(Cause.squash(exit.cause));
      return alone.input.envelope === undefined
        ? Effect.succeed([{ _tag: "Poisoned", why }])
        : commitLocked([{ ...alone, unreadable: why }]);
    });

  /** Retries while the database is away. Every attempt looks the ids up first, so an unknown commit is answered right. */
  const weathered = (entries: ReadonlyArray<Entry<Input>>): Effect.Effect<Written, SqlError> => {
    const startedAt = clock.currentTimeMillisUnsafe();
    const attempt = (pauseMillis: number): Effect.Effect<Written, SqlError> =>
      Effect.catchCause(database.transact(Ways.locked(parts, entries, database.write)), (cause) => {
        const error = sqlErrorOf(cause);
        const elapsed = clock.currentTimeMillisUnsafe() - startedAt;
        if (error === undefined || meaningOf(error) !== "weather" || elapsed >= limits.maxWeatherMillis) {
          return error === undefined ? Effect.failCause(cause) : Effect.fail(error);
        }
        return Effect.logWarning("a group could not commit and is tried again", {
          ...labels,
          pauseMillis,
          cause: describe(error),
        }).pipe(
          Effect.andThen(Effect.sleep(pauseMillis)),
          Effect.andThen(attempt(Math.min(pauseMillis * 2, maxPauseMillis))),
        );
      });
    return attempt(firstPauseMillis);
  };

  /** A group of one in a caller's transaction. There is no second try: a failed statement has already doomed it. */
  const join = (entry: Entry<Input>): Effect.Effect<Fates, GroupCommitError> =>
    Ways.locked(parts, [entry], database.write).pipe(
      Effect.mapError(unavailable),
      Effect.tap((written) => {
        // Not committed yet, and perhaps never.
        cache.forget(written.states.keys());
        return database.afterCommit(Effect.suspend(() => announce(written)));
      }),
      Effect.map(({ fates }) => fates),
    );

  const recall = (key: Key, maxAgeMillis: number): State | undefined =>
    cache.getSince(key, clock.currentTimeMillisUnsafe() - maxAgeMillis)?.state;

  return { commit, join, recall };
};

/** A broken connection also breaks the rollback, which the driver then reports as a defect. */
const sqlErrorOf = (cause: Cause.Cause<unknown>): SqlError | undefined => {
  const error = Cause.squash(cause);
  return isSqlError(error) ? error : undefined;
};

/** SQLSTATE and the server's own words; the statement's parameters are not part of it. */
const describe = (error: SqlError): string => `${codeOf(error) ?? "no answer"}: ${String(error.reason.cause)}`;
