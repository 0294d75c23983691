/**
 * A notification that carries the record that was published, so that its consumer need not fetch it.
 *
 * Only a hint: notifications arrive in the order of the commits, offsets are dense, and a consumer takes a record from here
 * only where its position stands. Everything else it fetches.
 *
 * Limits: PostgreSQL's notifications are shorter than 8,000 bytes, so a larger record is announced without itself; and a
 * publication of many records is one fetch cheaper than as many notifications, so beyond `maxRecords` a topic only they are
 * announced.
 */
import type { SqlClient } from "effect/sql/SqlClient";
import type { Fragment } from "effect/sql/Statement";
import type { Stored } from "../StoredRecord.ts";

/** Records of one topic in one publication that are told one by one. */
export const maxRecords = 16;

const maxBytes = 7900;

export interface Notice extends Omit<Stored, "topic"> {
  readonly topicId: number;
}

/** A row source of the notifications of what was inserted: `topic_id` and `notice`, empty for what must be fetched. */
export const told = (sql: SqlClient): Fragment => sql`
  SELECT topic_id, CASE WHEN records <= ${maxRecords}::int4 AND octet_length(notice) <= ${maxBytes}::int4 THEN notice ELSE '' END AS notice
  FROM (
    SELECT topic_id, partition, "offset", count(*) OVER (PARTITION BY topic_id) AS records,
      json_build_array(partition, "offset", key, (extract(epoch FROM published_at) * 1000)::int8, headers, data)::text AS notice
    FROM inserted) AS record
  ORDER BY topic_id, partition, "offset"`;

/** Undefined for one that only announces. */
export const parse = (topicId: number, payload: string): Notice | undefined => {
  if (payload === "") return undefined;
  const [partition, offset, key, publishedAt, headers, data] = JSON.parse(payload) as [
    number,
    number,
    string,
    number,
    string,
    string,
  ];
  return { topicId, partition, offset, key, publishedAt, headers, data };
};
