/**
 * How long inputs, sent messages and settled dead letters are remembered.
 *
 * Guarantee: an input is remembered for `keepMillis` after it was applied, whatever the time inside its id says, so a
 * redelivery within that time is refused. What waits to be sent is not touched, nor a dead letter that is still parked.
 *
 * Limits: two things have no end of their own, and may come after an inbox has forgotten them: what a relay had published but
 * not yet moved when its service was killed, if that service then stands still for `keepMillis`; and a dead letter whose
 * service was killed between applying it and noting so, if nobody retries it for as long.
 *
 * Days are dropped whole. Keys that clients chose, and messages that came after their day was dropped, lie in two partitions
 * that are never dropped: there rows are deleted one by one. `retention` says how far back each table is complete, because
 * an audit that looks further finds things missing that were only forgotten.
 */
import * as Effect from "effect/Effect";
import * as SqlClient from "effect/sql/SqlClient";
import type { SqlError } from "effect/sql/SqlError";
import type { Fragment } from "effect/sql/Statement";
import { type Job, nothing, type Step } from "../machine/Retention.ts";
import * as Partitions from "../sql/Partitions.ts";

/** How long dropping a day waits for those who use the table: meanwhile everybody else waits behind it. */
const dropLockMillis = 500;

/** Names of the tables in `retention`. */
export type Remembered = "inbox" | "outbox_sent";

const noted = (sql: SqlClient.SqlClient, name: Remembered, beforeMillis: number) =>
  sql`INSERT INTO retention AS r (name, before) VALUES (${name}, ${new Date(beforeMillis)})
    ON CONFLICT (name) DO UPDATE SET before = greatest(r.before, excluded.before)`;

/** From when on a table of the ambient database is complete, UTC epoch milliseconds; 0: nothing was ever removed. */
export const completeSince = (name: Remembered): Effect.Effect<number, SqlError, SqlClient.SqlClient> =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient;
    const [row] = yield* sql<{ readonly before: Date }>`SELECT before FROM retention WHERE name = ${name}`;
    return row?.before.getTime() ?? 0;
  });

const waitBriefly = (sql: SqlClient.SqlClient) =>
  sql`SELECT set_config('lock_timeout', ${`${dropLockMillis}ms`}, true)`;

const drop = Effect.fnUntraced(function* (sql: SqlClient.SqlClient, name: Remembered, day: Partitions.Day) {
  yield* waitBriefly(sql);
  yield* sql`DROP TABLE ${sql(day.partition)}`;
  yield* noted(sql, name, day.endMillis);
  return { removed: 1, more: true } satisfies Step;
});

/**
 * Deletes rows of a table that is not dropped. What somebody has locked is passed over, so nobody waits for anybody and no
 * order of locks has to be kept.
 */
const remove = (sql: SqlClient.SqlClient, table: string, old: Fragment, maxRows: number) =>
  Effect.map(
    sql<{ readonly n: bigint }>`
      WITH gone AS (DELETE FROM ${sql(table)} WHERE ctid = ANY(ARRAY(
        SELECT ctid FROM ${sql(table)} WHERE ${old} LIMIT ${maxRows} FOR UPDATE SKIP LOCKED)) RETURNING 1)
      SELECT count(*) AS n FROM gone`,
    ([row]): Step => ({ removed: Number(row?.n ?? 0n), more: Number(row?.n ?? 0n) === maxRows }),
  );

/** Steps of one transaction, until one has something to do. */
const first = Effect.fnUntraced(function* (...steps: ReadonlyArray<Effect.Effect<Step, SqlError>>) {
  for (const step of steps) {
    const done = yield* step;
    if (done.removed > 0) return done;
  }
  return nothing;
});

const inbox = (keepMillis: number): Job => ({
  name: "inbox",
  keepMillis,
  step: Effect.fnUntraced(function* (beforeMillis, maxRows) {
    const sql = yield* SqlClient.SqlClient;
    const old = sql`at < ${new Date(beforeMillis)}`;
    // Rows first: a day that cannot be dropped now, or that has to be looked through, must not keep them.
    const rows = yield* first(remove(sql, "inbox_timeless", old, maxRows), remove(sql, "inbox_default", old, maxRows));
    if (rows.removed > 0) {
      yield* noted(sql, "inbox", beforeMillis);
      return { ...rows, more: true };
    }
    for (const day of yield* Partitions.daysBefore("inbox", beforeMillis)) {
      yield* waitBriefly(sql);
      // Nothing may be applied into the day between the look and the drop.
      yield* sql`LOCK TABLE ${sql(day.partition)} IN SHARE MODE`;
      // A message may be applied long after its day: then the day stays until that row is old enough.
      const late = yield* sql`SELECT 1 FROM ${sql(day.partition)} WHERE at >= ${new Date(beforeMillis)} LIMIT 1`;
      if (late.length === 0) return yield* drop(sql, "inbox", day);
    }
    return nothing;
  }),
});

const sent = (keepMillis: number): Job => ({
  name: "outbox_sent",
  keepMillis,
  step: Effect.fnUntraced(function* (beforeMillis, maxRows) {
    const sql = yield* SqlClient.SqlClient;
    const [day] = yield* Partitions.daysBefore("outbox_sent", beforeMillis);
    if (day !== undefined) return yield* drop(sql, "outbox_sent", day);
    // Older than a day that is gone: sent when its own day had been dropped.
    return yield* remove(sql, "outbox_sent_default", sql`day < ${Partitions.dayOf(beforeMillis)}::date`, maxRows);
  }),
});

/** Those that were applied or dropped, and what operators did to them. */
const deadLetters = (keepMillis: number): Job => ({
  name: "dead_letter",
  keepMillis,
  step: Effect.fnUntraced(function* (beforeMillis, maxRows) {
    const sql = yield* SqlClient.SqlClient;
    const before = new Date(beforeMillis);
    const done = yield* first(
      remove(sql, "dead_letter", sql`status <> 'parked' AND since < ${before}`, maxRows),
      remove(sql, "dead_letter_action", sql`at < ${before}`, maxRows),
    );
    return { ...done, more: done.removed > 0 };
  }),
});

const dayMillis = 86_400_000;

export const defaults = {
  /** Longer than the bus keeps a record, with everything that can delay its redelivery. */
  inboxMillis: 7 * dayMillis,
  sentMillis: 7 * dayMillis,
  deadLetterMillis: 30 * dayMillis,
} as const;

export const jobs = (
  keep: { readonly inboxMillis: number; readonly sentMillis: number; readonly deadLetterMillis: number } = defaults,
): ReadonlyArray<Job> => [inbox(keep.inboxMillis), sent(keep.sentMillis), deadLetters(keep.deadLetterMillis)];
