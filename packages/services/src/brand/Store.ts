/** Brands and their sales in PostgreSQL. */
import type { Machine } from "@destiny/sdk/machine";
import { Migrations } from "@destiny/sdk/sql";
import * as Effect from "effect/Effect";
import * as Schema from "effect/Schema";
import * as SqlClient from "effect/sql/SqlClient";
import type { BrandId, OrderId } from "../contracts/index.ts";
import * as KindStore from "../shared/KindStore.ts";
import {
  type Answer,
  type BrandInput,
  BrandState,
  type Key,
  type Rejection,
  Sale,
  saleId,
  type State,
} from "./Domain.ts";

const tables = `
CREATE TABLE brand (
  id uuid PRIMARY KEY,
  version int NOT NULL,
  manager_id uuid NOT NULL,
  name text NOT NULL,
  removed boolean NOT NULL,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL
);

CREATE TABLE brand_sale (
  id text PRIMARY KEY,
  version int NOT NULL,
  brand_id uuid NOT NULL,
  order_id uuid NOT NULL,
  status text NOT NULL,
  lines jsonb NOT NULL,
  amount bigint NOT NULL CHECK (amount >= 0),
  completed_at timestamptz NOT NULL
);

CREATE INDEX sales_of_brand ON brand_sale (brand_id, completed_at DESC, order_id DESC);

`;

/** Sales of before were told without discounts, and not where they had to be sent. */
const recipients = `
ALTER TABLE brand_sale ADD COLUMN recipient jsonb;

UPDATE brand_sale SET lines = coalesce((
  SELECT jsonb_agg(line || jsonb_build_object('discount', 0,
      'paid', (line->>'quantity')::bigint * (line->>'unitPrice')::bigint) ORDER BY no)
  FROM jsonb_array_elements(lines) WITH ORDINALITY AS one(line, no)), '[]');

`;

export const migrations: Migrations.Migrations = {
  room: "brand",
  steps: {
    "0001_brand": Effect.gen(function* () {
      yield* Migrations.statements(tables)(yield* SqlClient.SqlClient);
    }),
    "0002_recipients": Effect.gen(function* () {
      yield* Migrations.statements(recipients)(yield* SqlClient.SqlClient);
    }),
  },
};

interface BrandRow {
  readonly id: string;
  readonly version: number;
  readonly manager_id: string;
  readonly name: string;
  readonly removed: boolean;
  readonly created_at: Date;
  readonly updated_at: Date;
}

interface SaleRow {
  readonly id: string;
  readonly version: number;
  readonly brand_id: string;
  readonly order_id: string;
  readonly status: string;
  readonly lines: unknown;
  readonly amount: bigint;
  readonly recipient: unknown;
  readonly completed_at: Date;
}

const decodeBrand = Schema.decodeUnknownSync(BrandState);
const decodeSale = Schema.decodeUnknownSync(Sale);

const brandOf = (row: BrandRow): BrandState =>
  decodeBrand({
    _tag: "Brand",
    id: row.id,
    managerId: row.manager_id,
    name: row.name,
    removed: row.removed,
    createdAt: row.created_at.getTime(),
    updatedAt: row.updated_at.getTime(),
  });

const saleOf = (row: SaleRow): Sale =>
  decodeSale({
    _tag: "Sale",
    brandId: row.brand_id,
    orderId: row.order_id,
    status: row.status,
    lines: row.lines,
    amount: Number(row.amount),
    recipient: row.recipient,
    completedAt: row.completed_at.getTime(),
  });

export const brandTable = {
  name: "brand",
  key: ["id"],
  columns: {
    id: "uuid",
    version: "int4",
    manager_id: "uuid",
    name: "text",
    removed: "bool",
    created_at: "timestamptz",
    updated_at: "timestamptz",
  },
} as const;

export const brandRow = ({ state, version }: Machine.Versioned<BrandState>) => ({
  id: state.id,
  version,
  manager_id: state.managerId,
  name: state.name,
  removed: state.removed,
  created_at: state.createdAt,
  updated_at: state.updatedAt,
});

const saleTable = {
  name: "brand_sale",
  key: ["id"],
  columns: {
    id: "text",
    version: "int4",
    brand_id: "uuid",
    order_id: "uuid",
    status: "text",
    lines: "jsonb",
    amount: "int8",
    recipient: "jsonb",
    completed_at: "timestamptz",
  },
} as const;

const kinds = [
  KindStore.kind({
    prefix: "brand",
    tag: "Brand",
    table: brandTable,
    stateOf: brandOf,
    rowOf: brandRow,
  }),
  KindStore.kind({
    prefix: "sale",
    tag: "Sale",
    table: saleTable,
    stateOf: saleOf,
    rowOf: ({ state, version }) => ({
      id: saleId(state.orderId, state.brandId),
      version,
      brand_id: state.brandId,
      order_id: state.orderId,
      status: state.status,
      lines: state.lines,
      amount: state.amount,
      recipient: state.recipient,
      completed_at: state.completedAt,
    }),
  }),
];

export const make = (sql: SqlClient.SqlClient) => KindStore.make<Key, State, BrandInput, Answer, Rejection>(sql, kinds);

/** Reads outside of any group; what was removed is not there. */
export const read = (sql: SqlClient.SqlClient) => ({
  byId: (id: BrandId) =>
    Effect.map(
      sql<BrandRow>`SELECT * FROM brand WHERE id = ${id}::uuid AND NOT removed`,
      (rows) => rows.map(brandOf)[0],
    ),
  /** Newest first. A part of the name is compared as it is: no wildcards. */
  page: (part: string | undefined, after: BrandId | undefined, limit: number) =>
    Effect.map(
      sql<BrandRow>`SELECT * FROM brand WHERE NOT removed
        AND ${part === undefined ? sql`true` : sql`position(lower(${part}) IN lower(name)) > 0`}
        AND ${after === undefined ? sql`true` : sql`id < ${after}::uuid`} ORDER BY id DESC LIMIT ${limit}`,
      (rows) => rows.map(brandOf),
    ),
  sales: (id: BrandId, after: { readonly at: number; readonly id: OrderId } | undefined, limit: number) =>
    Effect.map(
      sql<SaleRow>`SELECT * FROM brand_sale WHERE brand_id = ${id}::uuid
        AND ${after === undefined ? sql`true` : sql`(completed_at, order_id) < (${new Date(after.at)}, ${after.id}::uuid)`}
        ORDER BY completed_at DESC, order_id DESC LIMIT ${limit}`,
      (rows) => rows.map(saleOf),
    ),
});
