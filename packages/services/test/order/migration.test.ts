import { assert, layer } from "@effect/vitest";
import { Migrations } from "@destiny/sdk/sql";
import { TestDatabase } from "@destiny/testkit/postgres";
import * as Effect from "effect/Effect";
import * as SqlClient from "effect/sql/SqlClient";
import { inject } from "vitest";
import { OrderId } from "../../src/contracts/index.ts";
import * as Store from "../../src/order/Store.ts";
import { recipient } from "../shared/Sales.ts";

const first = { room: "order", steps: { "0001_orders": Store.migrations.steps["0001_orders"] ?? Effect.void } };

layer(TestDatabase.layer(inject("pgPort")), { excludeTestServices: true })("orders of an older version", (it) => {
  it.effect(
    "keep their wish to cancel, which gets an id, and the time of their sale; their parcels are not sent yet",
    () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient;
        yield* Migrations.run([first]);
        const insert = (status: string, reason: string | null) =>
          Effect.map(
            sql<{ readonly id: string }>`
            INSERT INTO orders (id, version, user_id, status, amount, failure, cancel_reason, items, recipient, created_at, updated_at)
            VALUES (gen_random_uuid(), 1, gen_random_uuid(), ${status}, 1000, NULL, ${reason}, '[]',
              ${JSON.stringify(recipient)}::jsonb, to_timestamp(1), to_timestamp(2)) RETURNING id::text AS id`,
            ([row]) => OrderId.make(row?.id ?? ""),
          );
        const [wanted, unwanted, sold] = [
          yield* insert("PENDING", null),
          yield* insert("WAITING_PAYMENT", "too late"),
          yield* insert("COMPLETED", null),
        ];
        yield* Migrations.run([Store.migrations]);
        const orders = yield* Store.read(sql).byIds([wanted, unwanted, sold]);
        assert.deepInclude(orders.get(wanted), {
          cancellation: null,
          completedAt: null,
          delivery: null,
          removed: false,
        });
        assert.deepInclude(orders.get(unwanted)?.cancellation, { reason: "too late", givenUp: null });
        assert.deepInclude(orders.get(sold), { cancellation: null, completedAt: 2000, delivery: "PREPARING" });
      }),
  );
});
