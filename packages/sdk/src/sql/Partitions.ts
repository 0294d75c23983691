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

/** A day of a partitioned table. */
export interface Day {
  /** Name of its table. */
  readonly partition: string;
  readonly endMillis: number;
}

/** The days that end before then, the oldest first. The default partition is no day, nor is one with another name. */
export const daysBefore = Effect.fn("Partitions.daysBefore")(function* (
  table: string,
  beforeMillis: number,
): Effect.fn.Return<ReadonlyArray<Day>, SqlError, SqlClient.SqlClient> {
  const sql = yield* SqlClient.SqlClient;
  const rows = yield* sql<{ readonly name: string }>`
    SELECT c.relname AS name FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = ${table}::regclass AND c.relname ~ ${`^${table}_[0-9]{8}$`} ORDER BY 1`;
  return rows
    .map(({ name }): Day => {
      const day = name.slice(-8).replace(/^(\d{4})(\d{2})(\d{2})$/, "$1-$2-$3");
      return { partition: name, endMillis: Date.parse(day) + dayMillis };
    })
    .filter(({ endMillis }) => endMillis <= beforeMillis);
});
