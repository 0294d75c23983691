/** The tables behind payments: one intent a reference, one row an attempt, and the exclusion of a second live attempt. */
import * as Effect from "effect/Effect";
import * as SqlClient from "effect/sql/SqlClient";
import { type Migrations, statements } from "../sql/Migrations.ts";

const tables = `
CREATE TABLE payment_intent (
  reference text PRIMARY KEY,
  version int NOT NULL,
  owner text NOT NULL,
  name text NOT NULL,
  amount bigint NOT NULL CHECK (amount >= 0),
  provider text NOT NULL,
  until timestamptz NOT NULL,
  status text NOT NULL,
  closing text,
  refund jsonb
) WITH (fillfactor = 80);

CREATE TABLE payment_attempt (
  reference text NOT NULL,
  no int NOT NULL,
  provider text NOT NULL,
  payment_key text NOT NULL,
  status text NOT NULL,
  run_id text NOT NULL,
  started_at timestamptz NOT NULL,
  next_action_at timestamptz,
  tries int NOT NULL,
  keys_spent int NOT NULL,
  code text,
  observed_at timestamptz,
  settled_at timestamptz,
  PRIMARY KEY (reference, no)
) WITH (fillfactor = 80);

CREATE UNIQUE INDEX payment_attempt_live ON payment_attempt (reference)
  WHERE status IN ('confirming', 'unknown', 'captured');

CREATE INDEX payment_attempt_due ON payment_attempt (next_action_at) WHERE next_action_at IS NOT NULL;

`;

/** Intents and attempts from before there were several gateways: no route is known, and nothing was given up. */
const failover = `
ALTER TABLE payment_intent ADD COLUMN routes jsonb NOT NULL DEFAULT '[]';

ALTER TABLE payment_attempt
  ADD COLUMN inquired_at timestamptz,
  ADD COLUMN abandoned_at timestamptz,
  ADD COLUMN guard_until timestamptz,
  -- An attempt is given up only with its guard.
  ADD CONSTRAINT payment_attempt_guarded CHECK (
    (abandoned_at IS NULL) = (guard_until IS NULL)
    AND (status NOT IN ('abandoned', 'late_captured') OR abandoned_at IS NOT NULL));
`;

const lists = `CREATE INDEX payment_intent_of_owner ON payment_intent (owner, reference)`;

export const migrations: Migrations = {
  room: "payment",
  steps: {
    "0001_tables": Effect.gen(function* () {
      yield* statements(tables)(yield* SqlClient.SqlClient);
    }),
    "0002_failover": Effect.gen(function* () {
      yield* statements(failover)(yield* SqlClient.SqlClient);
    }),
    "0003_lists": Effect.gen(function* () {
      yield* statements(lists)(yield* SqlClient.SqlClient);
    }),
  },
};
