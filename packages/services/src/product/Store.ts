/** The machine's states in PostgreSQL, and what is read outside of any group. */
import * as Effect from "effect/Effect";
import type { SqlClient } from "effect/sql/SqlClient";
import type { ProductFilter, ProductId } from "../contracts/index.ts";
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
  /** In id order, without hidden ones; all, or those that fit the filter. */
  page: (
    { brandId, color, maxPrice, minPrice, query, size }: ProductFilter,
    after: ProductId | undefined,
    limit: number,
  ) => {
    const wanted = sql`SELECT * FROM product WHERE ${sql.and([
      sql`status <> 'HIDED'`,
      ...(after === undefined ? [] : [sql`id > ${after}::uuid`]),
      ...(brandId === undefined ? [] : [sql`brand_id = ${brandId}::uuid`]),
      ...(minPrice === undefined ? [] : [sql`price >= ${minPrice}`]),
      ...(maxPrice === undefined ? [] : [sql`price <= ${maxPrice}`]),
      ...(color === undefined ? [] : [sql`color = ${color}`]),
      ...(size === undefined ? [] : [sql`size = ${size}`]),
      ...(query === undefined ? [] : [Search.matches(sql, query)]),
    ])}`;
    // Materialized: else the planner walks the primary key for the order's sake, past every product for a rare word.
    const pages =
      query === undefined
        ? sql<ProductRow>`${wanted} ORDER BY id LIMIT ${limit}`
        : sql<ProductRow>`WITH found AS MATERIALIZED (${wanted}) SELECT * FROM found ORDER BY id LIMIT ${limit}`;
    return Effect.map(pages, (rows) => rows.map(productOf));
  },
});
