/** Products in PostgreSQL. */
import { MachineStore } from "@destiny/sdk/machine";
import { Bulk, Migrations } from "@destiny/sdk/sql";
import * as Effect from "effect/Effect";
import * as Schema from "effect/Schema";
import * as SqlClient from "effect/sql/SqlClient";
import type { SqlError } from "effect/sql/SqlError";
import type { ProductId } from "../contracts/index.ts";
import { type Answer, type ProductInput, ProductState } from "./Domain.ts";
import * as Search from "./Search.ts";

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

export const migrations: Migrations.Migrations = {
  room: "product",
  steps: {
    "0001_product": Effect.gen(function* () {
      yield* Migrations.statements(tables)(yield* SqlClient.SqlClient);
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
  },
} as const;

const rowOf = (state: ProductState, version: number) => ({
  id: state.id,
  version,
  brand_id: state.brandId,
  name: state.name,
  price: state.price,
  status: state.status,
  color: state.color,
  size: state.size,
  stock_version: state.stockVersion,
});

type Store = MachineStore.MachineStore<ProductId, ProductState, ProductInput, Answer, never>;

export const make = (sql: SqlClient.SqlClient): Store => ({
  load: (ids) =>
    Effect.map(
      sql<Row>`SELECT * FROM product WHERE id = ${Bulk.any(sql, "uuid", ids)} ORDER BY id FOR NO KEY UPDATE`,
      (rows) => new Map(rows.map((row) => [row.id as ProductId, { version: row.version, state: stateOf(row) }])),
    ),
  write: ({ changes }) =>
    MachineStore.stateWrites(
      sql,
      table,
      MachineStore.changedRows(changes, ({ state, version }) => rowOf(state, version)),
    ),
  guard: (versions) => [MachineStore.stateGuard(sql, table, versions)],
});

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

/** Bulk insert for seeding; what exists stays as it is. */
export const insertAll = (products: ReadonlyArray<ProductState>): Effect.Effect<void, SqlError, SqlClient.SqlClient> =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient;
    const rows = products.map((product) => rowOf(product, 1));
    yield* sql`INSERT INTO product (id, version, brand_id, name, price, status, color, size, stock_version)
      SELECT x.id, x.version, x.brand_id, x.name, x.price, x.status, x.color, x.size, x.stock_version
      FROM ${Bulk.rows(sql, "x", table.columns, rows)} ON CONFLICT DO NOTHING`;
  });
