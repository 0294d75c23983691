/**
 * The tables of `PostgresBus`, in a database of their own that all services share.
 *
 * `bus_message` is written once and deleted from the front, so its autovacuum follows a small share of changes. Counters
 * and positions are few rows that are updated all the time: room is left on their pages, so that an update stays on its
 * page and needs no index entry.
 */
import * as Effect from "effect/Effect";
import type { MigrationError } from "effect/sql/Migrator";
import * as SqlClient from "effect/sql/SqlClient";
import type { SqlError } from "effect/sql/SqlError";
import * as Migrations from "../../sql/Migrations.ts";
import { maxPartitions, maxTopicId } from "./AdvisoryLocks.ts";

const tables = `
CREATE TABLE bus_topic (
  id int PRIMARY KEY GENERATED ALWAYS AS IDENTITY CHECK (id BETWEEN 1 AND ${maxTopicId}),
  name text NOT NULL UNIQUE,
  partitions int NOT NULL CHECK (partitions BETWEEN 1 AND ${maxPartitions}),
  retention_seconds bigint NOT NULL,
  owner text NOT NULL
);

CREATE TABLE bus_partition (
  topic_id int NOT NULL REFERENCES bus_topic,
  partition int NOT NULL,
  next_offset bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (topic_id, partition)
) WITH (fillfactor = 20, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);

CREATE TABLE bus_message (
  topic_id int NOT NULL,
  partition int NOT NULL,
  "offset" bigint NOT NULL,
  published_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  key text NOT NULL,
  headers text NOT NULL,
  data text NOT NULL,
  PRIMARY KEY (topic_id, partition, "offset")
) WITH (
  autovacuum_vacuum_scale_factor = 0.02,
  autovacuum_vacuum_insert_scale_factor = 0.05,
  autovacuum_analyze_scale_factor = 0.05
);

CREATE TABLE bus_group (
  id int PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
  name text NOT NULL UNIQUE
);

CREATE TABLE bus_position (
  group_id int NOT NULL REFERENCES bus_group,
  topic_id int NOT NULL REFERENCES bus_topic,
  partition int NOT NULL,
  position bigint NOT NULL,
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (group_id, topic_id, partition)
) WITH (fillfactor = 20, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);

COMMENT ON COLUMN bus_message.data IS 'JSON as text: jsonb would refuse an escaped NUL, which a message may carry';

COMMENT ON COLUMN bus_position.position IS 'The next offset that the group has not finished';
`;

export const migrations: Migrations.Migrations = {
  room: "bus",
  steps: { "0001_tables": Effect.flatMap(SqlClient.SqlClient, Migrations.statements(tables)) },
};

/** Advisory lock (the one-number form, which no group uses) under which one process at a time migrates. */
const migrationLock = 20_211_900_001;

/** Brings the tables up to date. Idempotent, and safe when all services boot at once. */
export const migrate: Effect.Effect<void, MigrationError | SqlError, SqlClient.SqlClient> = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient;
  // The migrator's own table lock needs its table; two first boots would race to create it.
  yield* sql.withTransaction(
    Effect.andThen(sql`SELECT pg_advisory_xact_lock(${migrationLock})`, Migrations.run([migrations])),
  );
}).pipe(Effect.withSpan("PostgresBus.migrate"));
