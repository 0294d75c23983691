/** The tables behind quotas: the counters, and one row for every grant that was ever made. */
import * as Effect from "effect/Effect";
import * as SqlClient from "effect/sql/SqlClient";
import { type Migrations, statements } from "../sql/Migrations.ts";

const tables = `
CREATE TABLE quota (
  id text PRIMARY KEY,
  version int NOT NULL,
  max_live int CHECK (max_live >= 0),
  issued int NOT NULL,
  live int NOT NULL CHECK (live BETWEEN 0 AND issued),
  opens_at timestamptz NOT NULL,
  closes_at timestamptz,
  CONSTRAINT quota_within_limit CHECK (live <= max_live)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);

CREATE TABLE quota_grant (
  id text PRIMARY KEY,
  version int NOT NULL,
  quota_id text NOT NULL,
  serial int NOT NULL CHECK (serial > 0),
  subject text NOT NULL,
  revoked boolean NOT NULL,
  claimed_by text,
  claimed_at timestamptz,
  issued_at timestamptz NOT NULL,
  until timestamptz,
  data jsonb NOT NULL,
  UNIQUE (quota_id, serial)
) WITH (fillfactor = 90);

CREATE UNIQUE INDEX quota_grant_live ON quota_grant (quota_id, subject) WHERE NOT revoked;

`;

export const migrations: Migrations = {
  room: "quota",
  steps: {
    "0001_tables": Effect.gen(function* () {
      yield* statements(tables)(yield* SqlClient.SqlClient);
    }),
  },
};
