/**
 * Forward-only migrations, one numbered list per room (a primitive or a service).
 *
 * Rooms share a database but not a list: a service that adopts the outbox later would otherwise have to renumber. Many
 * processes may boot at once; the migrator's table lock lets one of them migrate. An id below the newest applied one is
 * never run, so ids only grow.
 */
import * as Effect from "effect/Effect";
import * as Migrator from "effect/sql/Migrator";
import type { SqlClient } from "effect/sql/SqlClient";
import type { SqlError } from "effect/sql/SqlError";

export interface Migrations {
  /** Names the list; part of the name of its bookkeeping table. */
  readonly room: string;
  /** `"0001_tables": Effect`, applied in order of the number. */
  readonly steps: Readonly<Record<string, Effect.Effect<void, unknown, SqlClient>>>;
}

const migrate = Migrator.make({});

/** Applies what is missing, room after room. */
export const run = Effect.fn("Migrations.run")(function* (
  rooms: ReadonlyArray<Migrations>,
): Effect.fn.Return<void, Migrator.MigrationError | SqlError, SqlClient> {
  for (const { room, steps } of rooms) {
    yield* migrate({ loader: Migrator.fromRecord({ ...steps }), table: `migrations_${room}` });
  }
});

/** A step made of plain statements, separated by blank lines. */
export const statements =
  (text: string) =>
  (sql: SqlClient): Effect.Effect<void, SqlError> =>
    Effect.forEach(
      text.split(/;\s*\n\s*\n/).filter((statement) => statement.trim() !== ""),
      (statement) => sql.unsafe(statement),
      { discard: true },
    );
