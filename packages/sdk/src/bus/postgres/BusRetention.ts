/**
 * Deletes records from the front of their partitions when their topic's retention is over.
 *
 * A record that a group has not finished is kept longer, and not for ever: a group that never comes back must not fill the
 * disk, and a redelivery must not outlive the inbox that would refuse it.
 */
import * as Effect from "effect/Effect";
import type { SqlClient } from "effect/sql/SqlClient";
import type { SqlError } from "effect/sql/SqlError";

/** Advisory lock (the one-number form) that keeps two processes from sweeping at once. */
const sweepLock = 20_211_900_002;

export interface Options {
  readonly maxRecords: number;
  /** How much longer than its retention a record waits for a group that is behind. */
  readonly maxHoldMillis: number;
}

/** Deletes at most `maxRecords` records, the oldest of each partition first. */
export const sweepOnce = (sql: SqlClient, { maxHoldMillis, maxRecords }: Options): Effect.Effect<number, SqlError> =>
  Effect.map(
    sql<{ deleted: bigint }>`
    WITH turn AS MATERIALIZED (SELECT pg_try_advisory_xact_lock(${sweepLock}) AS mine),
    -- What every group that reads the topic has finished; a group without a position there has finished nothing.
    finished AS MATERIALIZED (
      SELECT p.topic_id, p.partition, min(coalesce(o.position, 0)) AS position
      FROM bus_partition p JOIN (SELECT DISTINCT group_id, topic_id FROM bus_position) g USING (topic_id)
      LEFT JOIN bus_position o
        ON o.group_id = g.group_id AND o.topic_id = p.topic_id AND o.partition = p.partition
      GROUP BY p.topic_id, p.partition
    ),
    old AS MATERIALIZED (
      SELECT m.topic_id, m.partition, m."offset" FROM turn, bus_partition p JOIN bus_topic t ON t.id = p.topic_id
      LEFT JOIN finished f ON f.topic_id = p.topic_id AND f.partition = p.partition
      CROSS JOIN LATERAL (
        SELECT b.topic_id, b.partition, b."offset", b.published_at FROM bus_message b
        WHERE b.topic_id = p.topic_id AND b.partition = p.partition ORDER BY b."offset" LIMIT ${maxRecords}::int4
      ) m
      WHERE turn.mine AND m.published_at < now() - make_interval(secs => t.retention_seconds)
        AND (m."offset" < coalesce(f.position, p.next_offset)
          OR m.published_at < now() - make_interval(secs => t.retention_seconds + ${maxHoldMillis / 1000}::float8))
      LIMIT ${maxRecords}::int4
    ),
    gone AS (
      DELETE FROM bus_message m USING old
      WHERE m.topic_id = old.topic_id AND m.partition = old.partition AND m."offset" = old."offset" RETURNING 1
    )
    SELECT count(*) AS deleted FROM gone`,
    ([row]) => Number(row?.deleted ?? 0),
  );
