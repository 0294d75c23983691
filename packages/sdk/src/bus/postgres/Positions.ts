/**
 * How far the groups of this process have come: known in memory at once, written lazily.
 *
 * Guarantee: a finished position is written within `flushMillis` while the database answers, on `flush` and when the scope
 * closes (then for at most `lastFlushMillis`), and never moves back. A process that is killed before that makes at most those records come again.
 */
import * as Effect from "effect/Effect";
import * as Queue from "effect/Queue";
import type * as Scope from "effect/Scope";
import * as Semaphore from "effect/Semaphore";
import type { SqlClient } from "effect/sql/SqlClient";
import type { SqlError } from "effect/sql/SqlError";
import * as BusStore from "./BusStore.ts";

export interface Positions {
  readonly advance: (position: BusStore.Position) => void;
  readonly flush: Effect.Effect<void, SqlError>;
}

const lastFlushMillis = 5000;

const keyOf = (position: BusStore.Position): string => `${position.groupId}/${position.topicId}/${position.partition}`;

export const make = Effect.fnUntraced(function* (
  sql: SqlClient,
  flushMillis: number,
): Effect.fn.Return<Positions, never, Scope.Scope> {
  const dirty = new Map<string, BusStore.Position>();
  const changed = yield* Queue.dropping<void>(1);
  const exclusive = yield* Semaphore.make(1);

  const flush = exclusive.withPermit(
    Effect.suspend(() => {
      const rows = [...dirty.values()];
      if (rows.length === 0) return Effect.void;
      return Effect.tap(BusStore.savePositions(sql, rows), () =>
        Effect.sync(() => {
          for (const row of rows) if (dirty.get(keyOf(row)) === row) dirty.delete(keyOf(row));
        }),
      );
    }),
  );
  const flushOrKeep = Effect.catchCause(flush, (cause) => {
    Queue.offerUnsafe(changed, undefined);
    return Effect.logWarning("positions were not written; trying again", cause);
  });

  // A database that does not answer may cost repeated records, but not the shutdown.
  yield* Effect.addFinalizer(() => Effect.ignore(Effect.timeout(Effect.interruptible(flush), lastFlushMillis)));
  yield* Queue.take(changed).pipe(
    Effect.andThen(Effect.sleep(flushMillis)),
    Effect.andThen(flushOrKeep),
    Effect.forever,
    Effect.forkScoped,
  );

  return {
    advance: (position) => {
      const key = keyOf(position);
      if ((dirty.get(key)?.position ?? 0) > position.position) return;
      dirty.set(key, position);
      Queue.offerUnsafe(changed, undefined);
    },
    flush,
  };
});
