/** The tables behind reservations: counters, reservations, an append-only ledger of every change, and the refusals. */
import * as Effect from "effect/Effect";
import * as SqlClient from "effect/sql/SqlClient";
import { type Migrations, statements } from "../sql/Migrations.ts";

const tables = `
CREATE TABLE stock (
  sku text PRIMARY KEY,
  version int NOT NULL,
  total int NOT NULL CHECK (total >= 0),
  held int NOT NULL CHECK (held >= 0),
  claimed int NOT NULL CHECK (claimed >= 0),
  CHECK (held + claimed <= total)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);

CREATE TABLE reservation (
  order_id text PRIMARY KEY,
  version int NOT NULL,
  status text NOT NULL,
  lines jsonb NOT NULL,
  until timestamptz NOT NULL,
  refusal jsonb,
  short jsonb NOT NULL
) WITH (fillfactor = 80);

CREATE INDEX reservation_due ON reservation (until) WHERE status = 'held';

CREATE TABLE stock_ledger (
  sku text NOT NULL,
  version int NOT NULL,
  cause text NOT NULL,
  kind text NOT NULL,
  order_id text,
  total_delta int NOT NULL,
  held_delta int NOT NULL,
  claimed_delta int NOT NULL,
  at timestamptz NOT NULL,
  PRIMARY KEY (sku, version),
  UNIQUE (cause, sku)
);

CREATE TABLE stock_refusal (
  sku text NOT NULL,
  version int NOT NULL,
  smallest_wanted int NOT NULL,
  count int NOT NULL,
  PRIMARY KEY (sku, version)
);

`;

export const migrations: Migrations = {
  room: "reservation",
  steps: {
    "0001_tables": Effect.gen(function* () {
      yield* statements(tables)(yield* SqlClient.SqlClient);
    }),
  },
};
