import { assert, layer } from "@effect/vitest";
import { Ids } from "@destiny/sdk/message";
import { Migrations } from "@destiny/sdk/sql";
import { TestDatabase } from "@destiny/testkit/postgres";
import * as Effect from "effect/Effect";
import * as SqlClient from "effect/sql/SqlClient";
import { inject } from "vitest";
import * as Store from "../../src/brand/Store.ts";
import { BrandId, Won } from "../../src/contracts/index.ts";
import * as Sales from "../shared/Sales.ts";

const first = { room: "brand", steps: { "0001_brand": Store.migrations.steps["0001_brand"] ?? Effect.void } };

layer(TestDatabase.layer(inject("pgPort")), { excludeTestServices: true })("sales of an older version", (it) => {
  it.effect("are still shown, without a discount and without a recipient", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient;
      yield* Migrations.run([first]);
      const brandId = BrandId.make(yield* Ids.fresh);
      const lines = [yield* Sales.lineOf(brandId, 9_000_000_000), yield* Sales.lineOf(brandId, 1000, 3)];
      const old = lines.map(({ discount: _, paid: __, ...line }) => line);
      const orderId = yield* Ids.fresh;
      yield* sql`INSERT INTO brand_sale (id, version, brand_id, order_id, status, lines, amount, completed_at)
        VALUES (${`${orderId}/${brandId}`}, 1, ${brandId}::uuid, ${orderId}::uuid, 'COMPLETED',
          ${JSON.stringify(old)}::jsonb, 9000003000, to_timestamp(1))`;
      yield* Migrations.run([Store.migrations]);
      const [sale] = yield* Store.read(sql).sales(brandId, undefined, 1);
      assert.deepInclude(sale, { lines, amount: Won.make(9_000_003_000), recipient: null });
    }),
  );
});
