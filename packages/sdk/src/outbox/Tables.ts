/**
 * The tables behind outbox, inbox and dead letters. Every service database has them.
 *
 * `outbox` is a queue: rows are inserted and soon deleted, so it is vacuumed eagerly whatever the rest of the database
 * does. What was sent moves to `outbox_sent`, the evidence that audits read. `inbox` is the record of inputs: it makes each
 * happen once, answers repetitions, and names the messages that each one caused.
 */
import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import * as SqlClient from "effect/sql/SqlClient";
import { statements, type Migrations } from "../sql/Migrations.ts";
import * as Partitions from "../sql/Partitions.ts";

/** Ids without a time inside (keys that a client chose) share one partition under this day. */
export const timelessDay = "1970-01-01";

const tables = `
-- Ends a statement whose conditions do not hold. A false value alone would not stop the writes that stand beside it.
CREATE FUNCTION destiny_held(yes boolean) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  IF yes THEN RETURN true; END IF;
  RAISE EXCEPTION 'a state is not what the group was decided on' USING ERRCODE = 'serialization_failure';
END $$;

CREATE TABLE outbox (
  position bigint GENERATED ALWAYS AS IDENTITY (CACHE 1) PRIMARY KEY,
  id uuid NOT NULL,
  type text NOT NULL,
  topic text NOT NULL,
  key text NOT NULL,
  sequence bigint,
  envelope text NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_cost_delay = 0,
  autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 10000);

CREATE TABLE outbox_sent (
  id uuid NOT NULL,
  day date NOT NULL,
  position bigint NOT NULL,
  type text NOT NULL,
  topic text NOT NULL,
  key text NOT NULL,
  sequence bigint,
  PRIMARY KEY (id, day)
) PARTITION BY RANGE (day);

CREATE TABLE outbox_sent_default PARTITION OF outbox_sent DEFAULT;

CREATE SEQUENCE inbox_position CACHE 1;

CREATE TABLE inbox (
  consumer text NOT NULL,
  day date NOT NULL,
  id text NOT NULL,
  position bigint NOT NULL DEFAULT nextval('inbox_position'),
  at timestamptz NOT NULL,
  source text,
  topic text,
  type text,
  key text,
  sequence bigint,
  fingerprint text,
  outcome jsonb,
  rejected boolean NOT NULL,
  emitted uuid[] NOT NULL,
  PRIMARY KEY (consumer, day, id)
) PARTITION BY RANGE (day);

CREATE TABLE inbox_default PARTITION OF inbox DEFAULT;

CREATE TABLE inbox_timeless PARTITION OF inbox FOR VALUES FROM ('1970-01-01') TO ('1970-01-02');

CREATE TABLE dead_letter (
  position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  consumer text NOT NULL,
  id text NOT NULL,
  type text NOT NULL,
  topic text NOT NULL,
  key text NOT NULL,
  envelope jsonb NOT NULL,
  reason text,
  status text NOT NULL DEFAULT 'parked' CHECK (status IN ('parked', 'applied', 'dropped')),
  attempts int NOT NULL DEFAULT 1,
  since timestamptz NOT NULL DEFAULT now(),
  UNIQUE (consumer, id)
);

CREATE INDEX dead_letter_parked ON dead_letter (consumer, key, position) WHERE status = 'parked';

CREATE TABLE parked_key (
  consumer text NOT NULL,
  key text NOT NULL,
  since timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (consumer, key)
);

CREATE TABLE dead_letter_action (
  position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  consumer text NOT NULL,
  key text NOT NULL,
  action text NOT NULL CHECK (action IN ('retry', 'drop')),
  actor text NOT NULL,
  result text NOT NULL,
  at timestamptz NOT NULL DEFAULT now()
);

`;

/** How far back a table is complete, and what finds old rows where no day can be dropped; see `Retention`. */
const retention = `
CREATE TABLE retention (
  name text PRIMARY KEY,
  before timestamptz NOT NULL
);

CREATE INDEX inbox_timeless_at ON inbox_timeless USING brin (at);

CREATE INDEX inbox_default_at ON inbox_default USING brin (at);

`;

const made = (text: string) => Effect.flatMap(SqlClient.SqlClient, statements(text));

export const migrations: Migrations = {
  room: "outbox",
  steps: { "0001_tables": made(tables), "0002_retention": made(retention) },
};

/** Creates the coming days' partitions: when a service starts, and once an hour. */
export const ensurePartitions = Effect.gen(function* () {
  const now = yield* Clock.currentTimeMillis;
  yield* Partitions.ensure("inbox", now);
  yield* Partitions.ensure("outbox_sent", now);
});
