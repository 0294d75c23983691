/** The tables behind {@link SagaStore}. */
import * as Effect from "effect/Effect";
import * as SqlClient from "effect/sql/SqlClient";
import { type Migrations, statements } from "../sql/Migrations.ts";

const tables = `
CREATE TABLE saga (
  id text PRIMARY KEY,
  version bigint NOT NULL,
  definition text NOT NULL,
  definition_version int NOT NULL,
  key text NOT NULL,
  status text NOT NULL,
  step text,
  state jsonb NOT NULL,
  next_wake_at timestamptz,
  stuck_reason text,
  stuck_since timestamptz,
  started_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  ended_at timestamptz
) WITH (fillfactor = 80);

CREATE INDEX saga_due ON saga (next_wake_at) WHERE next_wake_at IS NOT NULL;

CREATE INDEX saga_newest ON saga (started_at DESC, id DESC);

CREATE INDEX saga_live ON saga (definition, definition_version) WHERE ended_at IS NULL;

CREATE TABLE saga_journal (
  saga_id text NOT NULL,
  saga_version bigint NOT NULL,
  input_id text NOT NULL,
  kind text NOT NULL,
  input jsonb NOT NULL,
  at timestamptz NOT NULL,
  outputs_hash text NOT NULL,
  emitted uuid[] NOT NULL,
  PRIMARY KEY (saga_id, saga_version)
);

`;

export const migrations: Migrations = {
  room: "saga",
  steps: {
    "0001_tables": Effect.flatMap(SqlClient.SqlClient, statements(tables)),
    "0002_ended": Effect.flatMap(
      SqlClient.SqlClient,
      statements("CREATE INDEX saga_ended ON saga (ended_at) WHERE ended_at IS NOT NULL"),
    ),
  },
};
