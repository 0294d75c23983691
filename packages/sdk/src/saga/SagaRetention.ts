/**
 * How long ended sagas are kept, with their journals.
 *
 * A saga that runs or is stuck is not touched, however old. One that is forgotten can be begun again by a message that comes
 * later than that: keep them longer than the inbox remembers its inputs.
 */
import * as Effect from "effect/Effect";
import * as SqlClient from "effect/sql/SqlClient";
import type { Job } from "../machine/Retention.ts";

/** 30 days. */
export const defaultKeepMillis = 30 * 86_400_000;

export const job = (keepMillis: number = defaultKeepMillis): Job => ({
  name: "saga",
  keepMillis,
  step: Effect.fnUntraced(function* (beforeMillis, maxRows) {
    const sql = yield* SqlClient.SqlClient;
    const [row] = yield* sql<{ readonly n: bigint }>`
      WITH old AS MATERIALIZED (
        SELECT id FROM saga WHERE ended_at < ${new Date(beforeMillis)} ORDER BY ended_at LIMIT ${maxRows} FOR UPDATE SKIP LOCKED),
      noted AS (DELETE FROM saga_journal j USING old WHERE j.saga_id = old.id),
      gone AS (DELETE FROM saga s USING old WHERE s.id = old.id RETURNING 1)
      SELECT count(*) AS n FROM gone`;
    const removed = Number(row?.n ?? 0n);
    return { removed, more: removed === maxRows };
  }),
});
