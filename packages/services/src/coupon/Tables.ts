/** The coupon context's own tables, beside the SDK's quotas and grants. */
import { QuotaTables } from "@destiny/sdk/quota";
import { Migrations } from "@destiny/sdk/sql";
import * as Effect from "effect/Effect";
import * as SqlClient from "effect/sql/SqlClient";

const tables = `
CREATE TABLE coupon_template (
  id uuid PRIMARY KEY,
  version int NOT NULL,
  code text NOT NULL UNIQUE,
  name text NOT NULL,
  discount_type text NOT NULL,
  discount_value bigint NOT NULL CHECK (discount_value > 0),
  min_order_amount bigint NOT NULL CHECK (min_order_amount >= 0),
  max_discount_amount bigint CHECK (max_discount_amount > 0),
  valid_days int NOT NULL CHECK (valid_days > 0),
  removed boolean NOT NULL,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL
);

CREATE TABLE coupon_use (
  order_id uuid PRIMARY KEY,
  version int NOT NULL,
  coupon_id uuid NOT NULL,
  status text NOT NULL,
  outcome jsonb
) WITH (fillfactor = 80);

CREATE INDEX coupon_of_user ON quota_grant (subject, id);

`;

const own: Migrations.Migrations = {
  room: "coupon",
  steps: {
    "0001_coupon": Effect.gen(function* () {
      yield* Migrations.statements(tables)(yield* SqlClient.SqlClient);
    }),
  },
};
export const migrations = [QuotaTables.migrations, own];
