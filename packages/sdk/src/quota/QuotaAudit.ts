/**
 * I3, from the rows: the grants kept, revoked ones too, say what the counters may claim.
 *
 * Serials are dense and unique (the highest is the number of rows), live grants are at most the limit, a subject has at
 * most one, and the counters agree with all of it.
 */
import * as Effect from "effect/Effect";
import * as SqlClient from "effect/sql/SqlClient";
import type { SqlError } from "effect/sql/SqlError";
import { type Finding, maxNamedViolations, type Violation } from "../machine/Audit.ts";

export const audit: Effect.Effect<Finding, SqlError, SqlClient.SqlClient> = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient;
  const [grants] = yield* sql<{ readonly n: bigint }>`SELECT count(*) AS n FROM quota_grant`;
  const counted = yield* sql<Violation>`
    SELECT coalesce(q.id, g.quota_id) AS id,
      'limit ' || coalesce(q.max_live::text, 'none') || ', issued ' || coalesce(q.issued, 0) || ', live ' || coalesce(q.live, 0)
      || '; the grants: ' || coalesce(g.made, 0) || ' with ' || coalesce(g.serials, 0) || ' serials from '
      || coalesce(g.lowest, 0) || ' to ' || coalesce(g.highest, 0) || ', ' || coalesce(g.live, 0) || ' live' AS what
    FROM quota q FULL JOIN (
      SELECT quota_id, count(*) AS made, count(DISTINCT serial) AS serials, min(serial) AS lowest, max(serial) AS highest,
        count(*) FILTER (WHERE NOT revoked) AS live
      FROM quota_grant GROUP BY quota_id) g ON g.quota_id = q.id
    WHERE q.id IS NULL OR g.live > q.max_live OR q.issued <> coalesce(g.made, 0) OR q.live <> coalesce(g.live, 0)
      OR g.serials <> g.made OR g.highest <> g.made OR g.lowest <> 1 LIMIT ${maxNamedViolations}`;
  const twice = yield* sql<Violation>`
    SELECT quota_id AS id, subject || ' has ' || count(*) || ' live grants' AS what
    FROM quota_grant WHERE NOT revoked GROUP BY quota_id, subject HAVING count(*) > 1 LIMIT ${maxNamedViolations}`;
  return {
    id: "I3",
    checked: Number(grants?.n ?? 0n),
    violations: [...counted, ...twice].slice(0, maxNamedViolations),
  };
});
