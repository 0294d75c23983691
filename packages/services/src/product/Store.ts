/** The machine's states in PostgreSQL, and what is read outside of any group. */
import * as Effect from "effect/Effect";
import type { SqlClient } from "effect/sql/SqlClient";
import type { ProductId } from "../contracts/index.ts";
import * as KindStore from "../shared/KindStore.ts";
import { kinds, productOf, type ProductRow } from "./Rows.ts";
import * as Search from "./Search.ts";
import type { Answer, Key, ProductInput, Rejection, State } from "./State.ts";

export { migrations } from "./Rows.ts";

export const make = (sql: SqlClient) => KindStore.make<Key, State, ProductInput, Answer, Rejection>(sql, kinds);

/** Reads outside of any group. */
export const read = (sql: SqlClient) => ({
  byId: (id: ProductId) =>
    Effect.map(sql<ProductRow>`SELECT * FROM product WHERE id = ${id}::uuid`, (rows) => rows.map(productOf)[0]),
  /** In id order, without hidden ones; all, or those that match what was typed. */
  page: (typed: string | undefined, after: ProductId | undefined, limit: number) => {
    const wanted = sql`SELECT * FROM product WHERE status <> 'HIDED'
      AND ${after === undefined ? sql`true` : sql`id > ${after}::uuid`}`;
    // Materialized: else the planner walks the primary key for the order's sake, past every product for a rare word.
    const pages =
      typed === undefined
        ? sql<ProductRow>`${wanted} ORDER BY id LIMIT ${limit}`
        : sql<ProductRow>`WITH found AS MATERIALIZED (${wanted} AND ${Search.matches(sql, typed)})
            SELECT * FROM found ORDER BY id LIMIT ${limit}`;
    return Effect.map(pages, (rows) => rows.map(productOf));
  },
});
