/**
 * Daily partitions for tables that only grow: old days are dropped whole, which no vacuum has to clean up after.
 *
 * Days are UTC. The parent needs a default partition only for rows with an unexpected day; it is created with the table.
 */
import * as Effect from "effect/Effect";
import * as SqlClient from "effect/sql/SqlClient";
import type { SqlError } from "effect/sql/SqlError";

const dayMillis = 86_400_000;

let lastDay = { number: 0, text: "1970-01-01" };

/** `YYYY-MM-DD` of a UTC time. */
export const dayOf = (atMillis: number): string => {
  const number = Math.floor(atMillis / dayMillis);
  // Every row of a group asks, and nearly all ask for today.
  if (number !== lastDay.number) lastDay = { number, text: new Date(atMillis).toISOString().slice(0, 10) };
  return lastDay.text;
};

const partitionName = (table: string, day: string): string => `${table}_${day.replaceAll("-", "")}`;

/** Creates the partitions from yesterday to `daysAhead` days from now. Idempotent; safe for many processes at once. */
export const ensure = Effect.fn("Partitions.ensure")(function* (
  table: string,
  nowMillis: number,
  daysAhead = 7,
): Effect.fn.Return<void, SqlError, SqlClient.SqlClient> {
  const sql = yield* SqlClient.SqlClient;
  const days = Array.from({ length: daysAhead + 2 }, (_, index) => nowMillis + (index - 1) * dayMillis);
  yield* sql.withTransaction(
    Effect.gen(function* () {
      yield* sql`SELECT pg_advisory_xact_lock(hashtext(${`partitions/${table}`}))`;
      for (const at of days) {
        const day = dayOf(at);
        yield* sql`CREATE TABLE IF NOT EXISTS ${sql(partitionName(table, day))} PARTITION OF ${sql(table)}
          FOR VALUES FROM (${sql.literal(`'${day}'`)}) TO (${sql.literal(`'${dayOf(at + dayMillis)}'`)})`;
      }
    }),
  );
});

/** Drops the daily partitions that end before `beforeMillis`; answers their names. */
export const dropBefore = Effect.fn("Partitions.dropBefore")(function* (
  table: string,
  beforeMillis: number,
): Effect.fn.Return<ReadonlyArray<string>, SqlError, SqlClient.SqlClient> {
  const sql = yield* SqlClient.SqlClient;
  const rows = yield* sql<{ readonly name: string }>`
    SELECT c.relname AS name FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = ${table}::regclass AND c.relname ~ ${`^${table}_[0-9]{8}$`} ORDER BY 1`;
  const first = partitionName(table, dayOf(beforeMillis));
  const old = rows.map((row) => row.name).filter((name) => name < first);
  for (const name of old) yield* sql`DROP TABLE IF EXISTS ${sql(name)}`;
  return old;
});
