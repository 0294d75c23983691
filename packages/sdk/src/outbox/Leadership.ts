/**
 * One active worker per database and name, by a session advisory lock.
 *
 * The lock lives on a connection of its own: one that a pool lends out again would carry the lock into other work, or lose
 * it unseen. A process that dies frees it at once, because its connection dies. Two leaders for a moment are harmless to
 * every caller of this module (the relay may publish a message twice; the inbox drops the second).
 */
import * as Effect from "effect/Effect";
import * as SqlClient from "effect/sql/SqlClient";
import type { SqlError } from "effect/sql/SqlError";

/** How often a candidate asks for the lock, and a leader asks whether its connection still lives. */
const checkMillis = 1000;

/** Runs `work` while this process leads; ends when it no longer does, and then stands for election again. */
export const lead = <E, R>(
  name: string,
  work: Effect.Effect<never, E, R>,
): Effect.Effect<never, never, R | SqlClient.SqlClient> => {
  const term = Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient;
    const connection = yield* sql.reserve;
    const ask = (statement: string): Effect.Effect<ReadonlyArray<{ readonly yes: boolean }>, SqlError> =>
      connection.execute(statement, [`leader/${name}`], undefined);
    const elected = Effect.map(
      ask("SELECT pg_try_advisory_lock(hashtextextended($1, 0)) AS yes"),
      (rows) => rows[0]?.yes === true,
    );
    yield* elected.pipe(
      Effect.tap((yes) => (yes ? Effect.void : Effect.sleep(checkMillis))),
      Effect.repeat({ until: (yes) => yes }),
    );
    // The pool gets the connection back, so the lock must not stay on it.
    yield* Effect.addFinalizer(() => Effect.ignore(ask("SELECT pg_advisory_unlock(hashtextextended($1, 0)) AS yes")));
    yield* Effect.logDebug("leading", { name });
    const alive = Effect.forever(Effect.andThen(Effect.sleep(checkMillis), ask("SELECT $1 <> '' AS yes")));
    return yield* Effect.raceFirst(work, alive);
  });
  return Effect.scoped(term).pipe(
    Effect.catchCause((cause) => Effect.logWarning("leadership lost; standing again", { name }, cause)),
    Effect.andThen(Effect.sleep(checkMillis)),
    Effect.forever,
  );
};
