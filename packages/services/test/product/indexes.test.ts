import { assert, layer } from "@effect/vitest";
import { Migrations } from "@destiny/sdk/sql";
import { TestDatabase } from "@destiny/testkit/postgres";
import * as Effect from "effect/Effect";
import * as SqlClient from "effect/sql/SqlClient";
import { inject } from "vitest";
import { type ProductFilter, Won } from "../../src/contracts/index.ts";
import * as Store from "../../src/product/Store.ts";

const products = 10_000;
/** What a page may look at that shows one product. */
const maxSeen = 10;

layer(TestDatabase.layer(inject("pgPort")), { excludeTestServices: true })("a filter of products", (it) => {
  it.effect("reads what fits it, not every product: anybody may ask", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient;
      yield* Migrations.run([Store.migrations]);
      yield* sql`INSERT INTO product (id, version, brand_id, name, price, status, color, size)
        SELECT gen_random_uuid(), 1, gen_random_uuid(), 'Shirt', 1000 + n, 'AVAILABLE',
          CASE n WHEN 1 THEN 'teal' ELSE 'red' END, CASE n WHEN 1 THEN 'XXL' ELSE 'M' END
        FROM generate_series(1, ${products}) n`;
      yield* sql`ANALYZE product`;
      const seen = (filter: ProductFilter) =>
        sql.withTransaction(
          Effect.gen(function* () {
            const page = yield* Store.read(sql).page(filter, undefined, 20);
            const [read] = yield* sql<{ readonly n: bigint }>`
              SELECT seq_tup_read + idx_tup_fetch AS n FROM pg_stat_xact_user_tables WHERE relname = 'product'`;
            return [page.length, Number(read?.n)] as const;
          }),
        );
      const filters: ReadonlyArray<ProductFilter> = [
        { color: "teal" },
        { size: "XXL" },
        { minPrice: Won.make(1000 + products) },
        { maxPrice: Won.make(1001) },
      ];
      for (const filter of filters) {
        const [shown, looked] = yield* seen(filter);
        assert.strictEqual(shown, 1, JSON.stringify(filter));
        assert.isAtMost(looked, maxSeen, JSON.stringify(filter));
      }
    }),
  );
});
