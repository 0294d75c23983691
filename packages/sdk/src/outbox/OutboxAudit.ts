/**
 * What the tables of one database prove about its messages.
 *
 * - I8, the sending half: every message that an input caused (its inbox row names them) was published.
 * - I9: per consumer, source, topic and key the first applications are in `sequence` order. No bus orders one topic against
 *   another, so a reply and an event of the same source may be applied in either order.
 *
 * I8 looks as far back as `outbox_sent` is complete (see `Retention`), I9 at every input that is remembered.
 */
import * as Effect from "effect/Effect";
import * as SqlClient from "effect/sql/SqlClient";
import type { SqlError } from "effect/sql/SqlError";
import { type Finding, maxNamedViolations, type Violation } from "../machine/Audit.ts";
import * as Retention from "./Retention.ts";

const published = Effect.fnUntraced(function* (sql: SqlClient.SqlClient) {
  const since = new Date(yield* Retention.completeSince("outbox_sent"));
  const [count] = yield* sql<{
    readonly n: bigint;
  }>`SELECT coalesce(sum(cardinality(emitted)), 0)::bigint AS n FROM inbox WHERE at >= ${since}`;
  const violations = yield* sql<Violation>`
    SELECT e.id::text AS id, 'caused by ' || i.consumer || ' input ' || i.id || ' but never published' AS what
    FROM inbox i, unnest(i.emitted) AS e(id)
    WHERE i.at >= ${since} AND NOT EXISTS (SELECT 1 FROM outbox_sent s WHERE s.id = e.id) LIMIT ${maxNamedViolations}`;
  return { id: "I8", checked: Number(count?.n ?? 0), violations } satisfies Finding;
});

const ordered = Effect.fnUntraced(function* (sql: SqlClient.SqlClient) {
  const [count] = yield* sql<{ readonly n: bigint }>`SELECT count(*) AS n FROM inbox WHERE sequence IS NOT NULL`;
  const violations = yield* sql<Violation>`
    SELECT id, consumer || ' applied sequence ' || sequence || ' of ' || source || ' ' || topic || ' ' || key || ' after ' || before AS what
    FROM (
      SELECT id, consumer, source, topic, key, sequence,
        lag(sequence) OVER (PARTITION BY consumer, source, topic, key ORDER BY position) AS before
      FROM inbox WHERE sequence IS NOT NULL) AS applied
    WHERE before > sequence LIMIT ${maxNamedViolations}`;
  return { id: "I9", checked: Number(count?.n ?? 0), violations } satisfies Finding;
});

/** Reads the ambient database. */
export const audit: Effect.Effect<ReadonlyArray<Finding>, SqlError, SqlClient.SqlClient> = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient;
  return [yield* published(sql), yield* ordered(sql)];
});
