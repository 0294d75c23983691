/** Orders in PostgreSQL: the machine's states, and the reads of the HTTP API. */
import { type Machine, MachineStore } from "@destiny/sdk/machine";
import { Bulk, Migrations } from "@destiny/sdk/sql";
import * as Effect from "effect/Effect";
import * as Schema from "effect/Schema";
import * as SqlClient from "effect/sql/SqlClient";
import type { OrderId, UserId } from "../contracts/index.ts";
import { type OrderInput, OrderState, type Rejection } from "./Domain.ts";

const tables = `
CREATE TABLE orders (
  id uuid PRIMARY KEY,
  version int NOT NULL,
  user_id uuid NOT NULL,
  status text NOT NULL,
  amount bigint CHECK (amount >= 0),
  failure jsonb,
  cancel_reason text,
  items jsonb NOT NULL,
  recipient jsonb NOT NULL,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL
) WITH (fillfactor = 80);

CREATE INDEX orders_of_user ON orders (user_id, created_at DESC, id DESC);

CREATE INDEX orders_newest ON orders (created_at DESC, id DESC);

`;

/** A wish to cancel has an identity, because the saga of a completed order's cancellation is named by it. */
const cancellations = `
ALTER TABLE orders ADD COLUMN cancellation jsonb, ADD COLUMN completed_at timestamptz;

UPDATE orders SET cancellation = jsonb_build_object('id', gen_random_uuid(), 'reason', cancel_reason, 'givenUp', NULL)
WHERE cancel_reason IS NOT NULL;

UPDATE orders SET completed_at = updated_at WHERE status = 'COMPLETED';

ALTER TABLE orders DROP COLUMN cancel_reason;

`;

/** What a coupon takes off stands with its line; orders of before had none. */
const coupons = `
ALTER TABLE orders ADD COLUMN coupon_id uuid;

UPDATE orders SET items = coalesce((
  SELECT jsonb_agg(item || jsonb_build_object('discount', CASE WHEN item->'unitPrice' = 'null' THEN NULL ELSE 0 END) ORDER BY no)
  FROM jsonb_array_elements(items) WITH ORDINALITY AS line(item, no)), '[]');

`;

/** What is sold and not given back is in one of three places; until now nobody could say that it was sent. */
const deliveries = `
ALTER TABLE orders ADD COLUMN delivery text, ADD COLUMN removed boolean NOT NULL DEFAULT false;

UPDATE orders SET delivery = 'PREPARING' WHERE completed_at IS NOT NULL AND status <> 'CANCELED';

`;

export const migrations: Migrations.Migrations = {
  room: "order",
  steps: {
    "0001_orders": Effect.gen(function* () {
      yield* Migrations.statements(tables)(yield* SqlClient.SqlClient);
    }),
    "0002_cancellations": Effect.gen(function* () {
      yield* Migrations.statements(cancellations)(yield* SqlClient.SqlClient);
    }),
    "0003_coupons": Effect.gen(function* () {
      yield* Migrations.statements(coupons)(yield* SqlClient.SqlClient);
    }),
    "0004_deliveries": Effect.gen(function* () {
      yield* Migrations.statements(deliveries)(yield* SqlClient.SqlClient);
    }),
  },
};

interface Row {
  readonly id: string;
  readonly version: number;
  readonly user_id: string;
  readonly status: string;
  readonly amount: bigint | null;
  readonly failure: unknown;
  readonly cancellation: unknown;
  readonly completed_at: Date | null;
  readonly delivery: string | null;
  readonly removed: boolean;
  readonly items: unknown;
  readonly coupon_id: string | null;
  readonly recipient: unknown;
  readonly created_at: Date;
  readonly updated_at: Date;
}

const decode = Schema.decodeUnknownSync(OrderState);

/** What this service wrote itself it can read: a row that does not decode is a defect. */
const stateOf = (row: Row): OrderState =>
  decode({
    id: row.id,
    userId: row.user_id,
    status: row.status,
    items: row.items,
    recipient: row.recipient,
    couponId: row.coupon_id,
    amount: row.amount === null ? null : Number(row.amount),
    failure: row.failure,
    cancellation: row.cancellation,
    completedAt: row.completed_at?.getTime() ?? null,
    delivery: row.delivery,
    removed: row.removed,
    createdAt: row.created_at.getTime(),
    updatedAt: row.updated_at.getTime(),
  });

const table = {
  name: "orders",
  key: ["id"],
  columns: {
    id: "uuid",
    version: "int4",
    user_id: "uuid",
    status: "text",
    amount: "int8",
    failure: "jsonb",
    cancellation: "jsonb",
    completed_at: "timestamptz",
    delivery: "text",
    removed: "bool",
    items: "jsonb",
    coupon_id: "uuid",
    recipient: "jsonb",
    created_at: "timestamptz",
    updated_at: "timestamptz",
  },
} as const;

const rowOf = ({ state, version }: Machine.Versioned<OrderState>) => ({
  id: state.id,
  version,
  user_id: state.userId,
  status: state.status,
  amount: state.amount,
  failure: state.failure,
  cancellation: state.cancellation,
  completed_at: state.completedAt,
  delivery: state.delivery,
  removed: state.removed,
  items: state.items,
  coupon_id: state.couponId,
  recipient: state.recipient,
  created_at: state.createdAt,
  updated_at: state.updatedAt,
});

type Store = MachineStore.MachineStore<OrderId, OrderState, OrderInput, OrderState, Rejection>;

export const make = (sql: SqlClient.SqlClient): Store => ({
  load: (ids) =>
    Effect.map(
      sql<Row>`SELECT * FROM orders WHERE id = ${Bulk.any(sql, "uuid", ids)} ORDER BY id FOR NO KEY UPDATE`,
      (rows) => new Map(rows.map((row) => [row.id as OrderId, { version: row.version, state: stateOf(row) }])),
    ),
  write: ({ changes }) => MachineStore.stateWrites(sql, table, MachineStore.changedRows(changes, rowOf)),
  guard: (versions) => [MachineStore.stateGuard(sql, table, versions)],
});

/** Reads outside of any group. */
export const read = (sql: SqlClient.SqlClient) => ({
  /** Those that exist, by id. */
  byIds: (ids: ReadonlyArray<OrderId>) =>
    Effect.map(
      sql<Row>`SELECT * FROM orders WHERE id = ${Bulk.any(sql, "uuid", ids)}`,
      (rows) => new Map(rows.map(stateOf).map((order) => [order.id, order])),
    ),
  /** Newest first. `owner` undefined: everybody's, also those that their owners do not see any more. */
  page: (options: {
    readonly owner: UserId | undefined;
    readonly after: { readonly at: number; readonly id: OrderId } | undefined;
    readonly limit: number;
  }) => {
    const { after, limit, owner } = options;
    const of = owner === undefined ? sql`true` : sql`user_id = ${owner}::uuid AND NOT removed`;
    const from = after === undefined ? sql`true` : sql`(created_at, id) < (${new Date(after.at)}, ${after.id}::uuid)`;
    return Effect.map(
      sql<Row>`SELECT * FROM orders WHERE ${of} AND ${from} ORDER BY created_at DESC, id DESC LIMIT ${limit}`,
      (rows) => rows.map(stateOf),
    );
  },
});
