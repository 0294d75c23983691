/** Products in PostgreSQL. */
import { Bulk, Migrations } from "@destiny/sdk/sql";
import * as Effect from "effect/Effect";
import * as Schema from "effect/Schema";
import * as SqlClient from "effect/sql/SqlClient";
import type { SqlError } from "effect/sql/SqlError";
import type { ProductId } from "../contracts/index.ts";
import * as KindStore from "../shared/KindStore.ts";
import { ProductState } from "./Domain.ts";
import * as Search from "./Search.ts";
import {
  type Answer,
  type Key,
  Listed,
  Name,
  nameId,
  Owner,
  type ProductInput,
  type Rejection,
  type State,
} from "./State.ts";

const tables = `
CREATE TABLE product (
  id uuid PRIMARY KEY,
  version int NOT NULL,
  brand_id uuid NOT NULL,
  name text NOT NULL,
  price bigint NOT NULL CHECK (price >= 0),
  status text NOT NULL,
  color text,
  size text,
  stock_version int NOT NULL DEFAULT 0,
  UNIQUE (brand_id, name)
);

`;

/** Names are rows of their own, so that one that is free again can be told from one that is taken, under its own lock. */
const management = `
ALTER TABLE product ADD COLUMN is_sold_out boolean NOT NULL DEFAULT false,
  ADD COLUMN is_removed boolean NOT NULL DEFAULT false, DROP CONSTRAINT product_brand_id_name_key;

UPDATE product SET is_sold_out = true WHERE status = 'OUT_OF_STOCK';

CREATE TABLE product_name (
  id text PRIMARY KEY,
  version int NOT NULL,
  product_id uuid
);

INSERT INTO product_name (id, version, product_id) SELECT brand_id || '/' || name, 1, id FROM product;

CREATE TABLE product_brand (
  id uuid PRIMARY KEY,
  version int NOT NULL,
  manager_id uuid NOT NULL,
  is_removed boolean NOT NULL,
  told int NOT NULL
);

`;

export const migrations: Migrations.Migrations = {
  room: "product",
  steps: {
    "0001_product": Effect.gen(function* () {
      yield* Migrations.statements(tables)(yield* SqlClient.SqlClient);
    }),
    "0002_management": Effect.gen(function* () {
      yield* Migrations.statements(management)(yield* SqlClient.SqlClient);
    }),
  },
};

interface Row {
  readonly id: string;
  readonly version: number;
  readonly brand_id: string;
  readonly name: string;
  readonly price: bigint;
  readonly status: string;
  readonly color: string | null;
  readonly size: string | null;
  readonly stock_version: number;
}

const decode = Schema.decodeUnknownSync(ProductState);

const stateOf = (row: Row): ProductState =>
  decode({
    id: row.id,
    brandId: row.brand_id,
    name: row.name,
    price: Number(row.price),
    status: row.status,
    color: row.color,
    size: row.size,
    stockVersion: row.stock_version,
  });

interface ListedRow extends Row {
  readonly is_sold_out: boolean;
  readonly is_removed: boolean;
}

interface NameRow {
  readonly id: string;
  readonly version: number;
  readonly product_id: string | null;
}

interface OwnerRow {
  readonly id: string;
  readonly version: number;
  readonly manager_id: string;
  readonly is_removed: boolean;
  readonly told: number;
}

const decodeListed = Schema.decodeUnknownSync(Listed);
const decodeName = Schema.decodeUnknownSync(Name);
const decodeOwner = Schema.decodeUnknownSync(Owner);

const table = {
  name: "product",
  key: ["id"],
  columns: {
    id: "uuid",
    version: "int4",
    brand_id: "uuid",
    name: "text",
    price: "int8",
    status: "text",
    color: "text",
    size: "text",
    stock_version: "int4",
    is_sold_out: "bool",
    is_removed: "bool",
  },
} as const;

const nameTable = {
  name: "product_name",
  key: ["id"],
  columns: { id: "text", version: "int4", product_id: "uuid" },
} as const;

const brandTable = {
  name: "product_brand",
  key: ["id"],
  columns: { id: "uuid", version: "int4", manager_id: "uuid", is_removed: "bool", told: "int4" },
} as const;

const rowOf = (state: Omit<Listed, "_tag">, version: number) => ({
  id: state.id,
  version,
  brand_id: state.brandId,
  name: state.name,
  price: state.price,
  status: state.status,
  color: state.color,
  size: state.size,
  stock_version: state.stockVersion,
  is_sold_out: state.isSoldOut,
  is_removed: state.isRemoved,
});

const kinds = [
  KindStore.kind({
    prefix: "product",
    tag: "Product",
    table,
    stateOf: (row: ListedRow) =>
      decodeListed({ _tag: "Product", ...stateOf(row), isSoldOut: row.is_sold_out, isRemoved: row.is_removed }),
    rowOf: ({ state, version }) => rowOf(state, version),
  }),
  KindStore.kind({
    prefix: "brand",
    tag: "Owner",
    table: brandTable,
    stateOf: (row: OwnerRow) =>
      decodeOwner({
        _tag: "Owner",
        brandId: row.id,
        managerId: row.manager_id,
        isRemoved: row.is_removed,
        told: row.told,
      }),
    rowOf: ({ state, version }) => ({
      id: state.brandId,
      version,
      manager_id: state.managerId,
      is_removed: state.isRemoved,
      told: state.told,
    }),
  }),
  KindStore.kind({
    prefix: "name",
    tag: "Name",
    table: nameTable,
    stateOf: (row: NameRow) => decodeName({ _tag: "Name", id: row.id, productId: row.product_id }),
    rowOf: ({ state, version }) => ({ id: state.id, version, product_id: state.productId }),
  }),
];

export const make = (sql: SqlClient.SqlClient) =>
  KindStore.make<Key, State, ProductInput, Answer, Rejection>(sql, kinds);

/** Reads outside of any group. */
export const read = (sql: SqlClient.SqlClient) => ({
  byId: (id: ProductId) =>
    Effect.map(sql<Row>`SELECT * FROM product WHERE id = ${id}::uuid`, (rows) => rows.map(stateOf)[0]),
  /** In id order, without hidden ones; all, or those that match what was typed. */
  page: (typed: string | undefined, after: ProductId | undefined, limit: number) => {
    const wanted = sql`SELECT * FROM product WHERE status <> 'HIDED'
      AND ${after === undefined ? sql`true` : sql`id > ${after}::uuid`}`;
    // Materialized: else the planner walks the primary key for the order's sake, past every product for a rare word.
    const pages =
      typed === undefined
        ? sql<Row>`${wanted} ORDER BY id LIMIT ${limit}`
        : sql<Row>`WITH found AS MATERIALIZED (${wanted} AND ${Search.matches(sql, typed)})
            SELECT * FROM found ORDER BY id LIMIT ${limit}`;
    return Effect.map(pages, (rows) => rows.map(stateOf));
  },
});

/** Bulk insert for seeding; what exists stays as it is, and so does who has a name already. */
export const insertAll = (products: ReadonlyArray<ProductState>): Effect.Effect<void, SqlError, SqlClient.SqlClient> =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient;
    const rows = products.map((product) => ({
      ...rowOf({ ...product, isSoldOut: product.status === "OUT_OF_STOCK", isRemoved: false }, 1),
      name_id: nameId(product.brandId, product.name),
    }));
    yield* sql`
      WITH seeded AS (SELECT * FROM ${Bulk.rows(sql, "x", { ...table.columns, name_id: "text" }, rows)}),
      named AS (
        INSERT INTO product_name (id, version, product_id) SELECT name_id, 1, id FROM seeded
        ON CONFLICT DO NOTHING RETURNING product_id)
      INSERT INTO product (id, version, brand_id, name, price, status, color, size, stock_version, is_sold_out, is_removed)
      SELECT id, version, brand_id, name, price, status, color, size, stock_version, is_sold_out, is_removed
      FROM seeded WHERE id IN (SELECT product_id FROM named) ON CONFLICT DO NOTHING`;
  });
