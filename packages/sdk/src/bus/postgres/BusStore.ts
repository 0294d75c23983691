/** The statements of `PostgresBus` that need no session of their own. */
import * as Effect from "effect/Effect";
import type { SqlClient } from "effect/sql/SqlClient";
import type { SqlError } from "effect/sql/SqlError";
import type { Fragment, Statement } from "effect/sql/Statement";
import * as Envelope from "../../message/Envelope.ts";
import type { Topic } from "../../message/Topic.ts";
import * as Bulk from "../../sql/Bulk.ts";
import type { Lag } from "../EventBus.ts";
import type { Stored } from "../StoredRecord.ts";
import * as Notice from "./Notice.ts";

/** The channel on which members call their group to a rebalance. Payload: the id of the group. */
export const groupChannel = "destiny_bus";

/** Publishing wakes the consumers of a topic only: on one channel for all, every process would wake at every message. */
export const topicChannel = (topicId: number): string => `${groupChannel}_${topicId}`;

export interface StoredTopic extends Topic {
  readonly id: number;
}

export interface Addressed {
  readonly topicId: number;
  readonly partition: number;
  readonly envelope: Envelope.Envelope;
}

/** `position` is the next offset that the group has not finished. */
export interface Position {
  readonly groupId: number;
  readonly topicId: number;
  readonly partition: number;
  readonly position: number;
}

export interface Row extends Omit<Stored, "topic"> {
  readonly topicId: number;
}

const place = { topic_id: "int4", partition: "int4" } as const;
const placed = (row: { readonly topicId: number; readonly partition: number }) => ({
  topic_id: row.topicId,
  partition: row.partition,
});

/** The first record that a partition `p` still holds. */
const earliest = (sql: SqlClient): Fragment =>
  sql`(SELECT m."offset" FROM bus_message m WHERE m.topic_id = p.topic_id AND m.partition = p.partition
    ORDER BY m."offset" LIMIT 1)`;

export const findTopics = (
  sql: SqlClient,
  names: ReadonlyArray<string>,
): Effect.Effect<ReadonlyArray<StoredTopic>, SqlError> =>
  sql<StoredTopic>`
    SELECT id, name, partitions, owner, (retention_seconds / 3600.0)::float8 AS "retentionHours" FROM bus_topic WHERE name = ${Bulk.any(sql, "text", names)}`;

/** Creates topics and partitions that are missing and adopts a changed retention; the number of partitions stays. */
export const createTopics = (sql: SqlClient, topics: ReadonlyArray<Topic>): Effect.Effect<void, SqlError> => {
  const wanted = Bulk.rows(
    sql,
    "w",
    { name: "text", partitions: "int4", retention: "int8", owner: "text" },
    topics.map(({ name, owner, partitions, retentionHours }) => ({
      name,
      owner,
      partitions,
      retention: Math.ceil(retentionHours * 3600),
    })),
  );
  return Effect.asVoid(
    sql.withTransaction(
      Effect.gen(function* () {
        // Not found first, then conflict: a conflict alone would burn an id on every boot.
        yield* sql`INSERT INTO bus_topic (name, partitions, retention_seconds, owner)
          SELECT w.name, w.partitions, w.retention, w.owner FROM ${wanted}
          WHERE NOT EXISTS (SELECT FROM bus_topic t WHERE t.name = w.name) ORDER BY w.name
          ON CONFLICT (name) DO NOTHING`;
        yield* sql`UPDATE bus_topic t SET retention_seconds = w.retention, owner = w.owner FROM ${wanted}
          WHERE t.name = w.name AND (t.retention_seconds, t.owner) IS DISTINCT FROM (w.retention, w.owner)`;
        yield* sql`INSERT INTO bus_partition (topic_id, partition)
          SELECT t.id, s.partition FROM ${wanted} JOIN bus_topic t USING (name), generate_series(0, t.partitions - 1) s(partition)
          ORDER BY t.id, s.partition ON CONFLICT DO NOTHING`;
      }),
    ),
  );
};

/**
 * Publishes all or nothing in one statement, and wakes the consumers when it commits.
 *
 * The counter rows stay locked until the commit, so offsets become visible in their order and without gaps. They are locked
 * in sorted order, because `UPDATE … FROM` alone would lock in the order of its plan and let two publishers deadlock. A
 * partition that does not exist leaves a null offset, which fails the statement: nothing is lost in silence.
 */
export const publish = (sql: SqlClient, messages: ReadonlyArray<Addressed>): Statement<unknown> => {
  const input = Bulk.rows(
    sql,
    "x",
    { topic_id: "int4", partition: "int4", key: "text", headers: "text", data: "text" },
    messages.map(({ envelope, partition, topicId }) => ({
      topic_id: topicId,
      partition,
      key: envelope.key,
      headers: JSON.stringify(Envelope.toHeaders(envelope)),
      data: JSON.stringify(envelope.data) ?? "null",
    })),
  );
  return sql`
    WITH input AS MATERIALIZED (SELECT * FROM ${input}),
    wanted AS (SELECT topic_id, partition, count(*) AS records FROM input GROUP BY topic_id, partition),
    locked AS MATERIALIZED (
      SELECT p.topic_id, p.partition, p.next_offset, w.records FROM bus_partition p JOIN wanted w USING (topic_id, partition)
      ORDER BY p.topic_id, p.partition FOR NO KEY UPDATE OF p
    ),
    counted AS (
      UPDATE bus_partition p SET next_offset = l.next_offset + l.records FROM locked l
      WHERE p.topic_id = l.topic_id AND p.partition = l.partition
    ),
    inserted AS (
      INSERT INTO bus_message (topic_id, partition, "offset", key, headers, data)
      SELECT i.topic_id, i.partition,
        l.next_offset - 1 + row_number() OVER (PARTITION BY i.topic_id, i.partition ORDER BY i.ordinal),
        i.key, i.headers, i.data
      FROM input i LEFT JOIN locked l USING (topic_id, partition)
      RETURNING *
    )
    SELECT pg_notify(${groupChannel} || '_' || topic_id, notice) FROM (${Notice.told(sql)}) AS told`;
};

/**
 * Records from the given positions on, at most `maxRecords`: partitions with little are emptied and the rest is shared
 * evenly by those with more (`level` is the height to which water would rise). When there are more partitions than records
 * to fetch, the first of `from` win: the caller rotates it.
 */
export const fetch = (
  sql: SqlClient,
  from: ReadonlyArray<Omit<Position, "groupId">>,
  maxRecords: number,
): Effect.Effect<ReadonlyArray<Row>, SqlError> =>
  Effect.map(
    sql<{
      topicId: number;
      partition: number;
      offset: bigint;
      key: string;
      publishedAt: Date;
      headers: string;
      data: string;
    }>`
    WITH backlog AS MATERIALIZED (
      SELECT p.topic_id, p.partition, w.position, w.ordinal, p.next_offset - w.position AS records
      FROM ${Bulk.rows(
        sql,
        "w",
        { ...place, position: "int8" },
        from.map((row) => ({ ...placed(row), position: row.position })),
      )} JOIN bus_partition p USING (topic_id, partition)
      WHERE p.next_offset > w.position
    ),
    levels AS (
      SELECT records, ceil((${maxRecords}::int4 - (sum(records) OVER least - records))
        / (count(*) OVER () - row_number() OVER least + 1)) AS level
      FROM backlog WINDOW least AS (ORDER BY records, ordinal)
    ),
    share AS MATERIALIZED (
      SELECT greatest(1, coalesce(max(level), ${maxRecords}::int4))::int8 AS records FROM levels WHERE records >= level
    )
    SELECT b.topic_id AS "topicId", b.partition, m."offset", m.key, m.published_at AS "publishedAt", m.headers, m.data
    FROM share, backlog b CROSS JOIN LATERAL (
      SELECT * FROM bus_message m
      WHERE m.topic_id = b.topic_id AND m.partition = b.partition AND m."offset" >= b.position
      ORDER BY m."offset" LIMIT share.records
    ) m
    ORDER BY m."offset" - b.position, b.ordinal
    LIMIT ${maxRecords}::int4`,
    (rows) => rows.map((row) => ({ ...row, offset: Number(row.offset), publishedAt: row.publishedAt.getTime() })),
  );

export const joinGroup = (sql: SqlClient, name: string): Effect.Effect<number, SqlError> =>
  Effect.gen(function* () {
    const find = sql<{ id: number }>`SELECT id FROM bus_group WHERE name = ${name}`;
    const [known] = yield* find;
    if (known !== undefined) return known.id;
    yield* sql`INSERT INTO bus_group (name) VALUES (${name}) ON CONFLICT DO NOTHING`;
    const [created] = yield* find;
    return created === undefined ? yield* Effect.die(new Error(`the group ${name} vanished`)) : created.id;
  });

/** Where a group goes on; a group without a position starts at the earliest record that is kept. */
export const positions = (
  sql: SqlClient,
  groupId: number,
  partitions: ReadonlyArray<{ readonly topicId: number; readonly partition: number }>,
): Effect.Effect<ReadonlyArray<Position>, SqlError> =>
  Effect.map(
    sql<{ topicId: number; partition: number; position: bigint }>`
    SELECT p.topic_id AS "topicId", p.partition, coalesce(o.position, ${earliest(sql)}, p.next_offset) AS position
    FROM ${Bulk.rows(sql, "w", place, partitions.map(placed))}
    JOIN bus_partition p USING (topic_id, partition)
    LEFT JOIN bus_position o ON o.group_id = ${groupId} AND o.topic_id = p.topic_id AND o.partition = p.partition`,
    (rows) => rows.map((row) => ({ ...row, groupId, position: Number(row.position) })),
  );

/**
 * Writes positions, none of them back. The commit does not wait for the disk: a position that a crash of the server loses
 * only makes records come again.
 */
export const savePositions = (sql: SqlClient, rows: ReadonlyArray<Position>): Effect.Effect<void, SqlError> =>
  Effect.asVoid(sql`
    INSERT INTO bus_position AS o (group_id, topic_id, partition, position)
    SELECT w.group_id, w.topic_id, w.partition, w.position
    FROM ${Bulk.rows(
      sql,
      "w",
      { group_id: "int4", ...place, position: "int8" },
      rows.map((row) => ({ group_id: row.groupId, ...placed(row), position: row.position })),
    )},
      (SELECT set_config('synchronous_commit', 'off', true)) AS lazy
    ORDER BY 1, 2, 3
    ON CONFLICT (group_id, topic_id, partition) DO UPDATE SET position = excluded.position, updated_at = now()
    WHERE o.position < excluded.position`);

export const lag = (
  sql: SqlClient,
  group: string,
  topicIds: ReadonlyArray<number>,
): Effect.Effect<ReadonlyArray<Lag>, SqlError> =>
  Effect.map(
    sql<{ topic: string; partition: number; records: bigint }>`
    SELECT t.name AS topic, p.partition,
      greatest(0, p.next_offset - greatest(coalesce(o.position, 0), coalesce(${earliest(sql)}, p.next_offset))) AS records
    FROM bus_partition p JOIN bus_topic t ON t.id = p.topic_id
    LEFT JOIN bus_group g ON g.name = ${group}
    LEFT JOIN bus_position o ON o.group_id = g.id AND o.topic_id = p.topic_id AND o.partition = p.partition
    WHERE p.topic_id = ${Bulk.any(sql, "int4", topicIds)}
    ORDER BY t.name, p.partition`,
    (rows) => rows.map((row) => ({ ...row, records: Number(row.records) })),
  );
