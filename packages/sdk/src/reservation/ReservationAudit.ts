/**
 * What the ledger proves about stock.
 *
 * - I1: folded by version, claimed + held never exceeds the total.
 * - I2: a refusal for `wanted` units at a version was right: fewer were free by the ledger.
 * - I6: the counters are the sum of the ledger; no version is missing.
 */
import * as Effect from "effect/Effect";
import * as SqlClient from "effect/sql/SqlClient";
import type { SqlError } from "effect/sql/SqlError";
import { type Finding, maxNamedViolations, type Violation } from "../machine/Audit.ts";

const count = (rows: ReadonlyArray<{ readonly n: bigint }>): number => Number(rows[0]?.n ?? 0n);

export const audit: Effect.Effect<ReadonlyArray<Finding>, SqlError, SqlClient.SqlClient> = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient;
  const folded = sql`SELECT sku, version,
    sum(total_delta) OVER w AS total, sum(held_delta) OVER w AS held, sum(claimed_delta) OVER w AS claimed
    FROM stock_ledger WINDOW w AS (PARTITION BY sku ORDER BY version)`;

  const versions = count(yield* sql<{ readonly n: bigint }>`SELECT count(*) AS n FROM stock_ledger`);
  const oversold = yield* sql<Violation>`
    SELECT sku AS id, 'at version ' || version || ' ' || held || ' held and ' || claimed || ' claimed of ' || total AS what
    FROM (${folded}) f WHERE held + claimed > total OR held < 0 OR claimed < 0 LIMIT ${maxNamedViolations}`;

  const refusals = count(
    yield* sql<{ readonly n: bigint }>`SELECT coalesce(sum(count), 0)::bigint AS n FROM stock_refusal`,
  );
  const phantom = yield* sql<Violation>`
    SELECT r.sku AS id, 'refused ' || r.smallest_wanted || ' at version ' || r.version || ' with '
      || (f.total - f.held - f.claimed) || ' free' AS what
    FROM stock_refusal r JOIN (${folded}) f USING (sku, version)
    WHERE f.total - f.held - f.claimed >= r.smallest_wanted LIMIT ${maxNamedViolations}`;

  const skus = count(yield* sql<{ readonly n: bigint }>`SELECT count(*) AS n FROM stock`);
  const drifted = yield* sql<Violation>`
    SELECT s.sku AS id, 'counters say ' || s.total || '/' || s.held || '/' || s.claimed || ', the ledger says '
      || coalesce(l.total, 0) || '/' || coalesce(l.held, 0) || '/' || coalesce(l.claimed, 0)
      || ' after ' || coalesce(l.entries, 0) || ' of ' || s.version || ' versions' AS what
    FROM stock s LEFT JOIN (
      SELECT sku, sum(total_delta) AS total, sum(held_delta) AS held, sum(claimed_delta) AS claimed, count(*) AS entries
      FROM stock_ledger GROUP BY sku) l USING (sku)
    WHERE (s.total, s.held, s.claimed, s.version::bigint)
      IS DISTINCT FROM (l.total::int, l.held::int, l.claimed::int, l.entries) LIMIT ${maxNamedViolations}`;
  const unheld = yield* sql<Violation>`
    SELECT s.sku AS id, 'held ' || s.held || ', but reservations hold ' || coalesce(r.held, 0)
      || '; claimed ' || s.claimed || ', but reservations claim ' || coalesce(r.claimed, 0) AS what
    FROM stock s LEFT JOIN (
      SELECT l.sku, sum(l.quantity) FILTER (WHERE v.status = 'held') AS held,
        sum(l.quantity) FILTER (WHERE v.status = 'claimed') AS claimed
      FROM reservation v, jsonb_to_recordset(v.lines) AS l(sku text, quantity int) GROUP BY l.sku) r USING (sku)
    WHERE s.held <> coalesce(r.held, 0) OR s.claimed <> coalesce(r.claimed, 0) LIMIT ${maxNamedViolations}`;

  return [
    { id: "I1", checked: versions, violations: oversold },
    { id: "I2", checked: refusals, violations: phantom },
    { id: "I6", checked: skus, violations: [...drifted, ...unheld].slice(0, maxNamedViolations) },
  ];
});
