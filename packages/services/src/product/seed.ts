/** A catalogue for rehearsals, straight into this service's store. The stock of its products is the stock service's to seed. */
import { Bulk } from "@destiny/sdk/sql";
import * as Effect from "effect/Effect";
import * as SqlClient from "effect/sql/SqlClient";
import type { SqlError } from "effect/sql/SqlError";
import type { BrandFact, Product } from "../contracts/index.ts";
import { insertMissing } from "../shared/Seeding.ts";
import { brandRow, brandTable, productRow, productTable } from "./Rows.ts";
import { nameId } from "./State.ts";

const version = 1;

/** What exists stays as it is, and so does who has a name already. */
export const seed = (products: ReadonlyArray<Product>): Effect.Effect<void, SqlError, SqlClient.SqlClient> =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient;
    const rows = products.map((product) => ({
      ...productRow({
        version,
        state: {
          _tag: "Product",
          ...product,
          stockVersion: 0,
          isSoldOut: product.status === "OUT_OF_STOCK",
          isRemoved: false,
        },
      }),
      name_id: nameId(product.brandId, product.name),
    }));
    yield* sql`
      WITH seeded AS (SELECT * FROM ${Bulk.rows(sql, "x", { ...productTable.columns, name_id: "text" }, rows)}),
      named AS (
        INSERT INTO product_name (id, version, product_id) SELECT name_id, 1, id FROM seeded
        ON CONFLICT DO NOTHING RETURNING product_id)
      INSERT INTO product (id, version, brand_id, name, price, status, color, size, stock_version, is_sold_out, is_removed)
      SELECT id, version, brand_id, name, price, status, color, size, stock_version, is_sold_out, is_removed
      FROM seeded WHERE id IN (SELECT product_id FROM named) ON CONFLICT DO NOTHING`;
  });

/** Who manages which brand, as the brand context would have told it. */
export const seedBrands = (brands: ReadonlyArray<BrandFact>): Effect.Effect<void, SqlError, SqlClient.SqlClient> =>
  insertMissing(
    brandTable,
    brands.map(({ brandId, managerId, version: told }) =>
      brandRow({ version, state: { _tag: "Owner", brandId, managerId, isRemoved: false, told } }),
    ),
  );
