import { assert, layer } from "@effect/vitest";
import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import { OrderCanceled, OrderCanceledV1, OrderCompleted, OrderCompletedV1 } from "../../src/contracts/index.ts";
import * as Sales from "../shared/Sales.ts";
import { ServiceTest } from "../shared/ServiceTest.ts";
import { itemsOf, nextOf } from "../shared/TestHttp.ts";
import type { Shopper } from "../shared/TestTokens.ts";
import * as Brands from "./Brands.ts";

const ordersOf = Effect.fnUntraced(function* (id: string, as: Shopper, query = "") {
  const { http } = yield* ServiceTest;
  return yield* http.get(`/v1/brands/${id}/orders${query}`, { as });
});

layer(Brands.service, { excludeTestServices: true })("a brand's orders", (it) => {
  it.effect(
    "each brand of an order sees its own lines as they were paid, where to send them, and nothing of the others",
    () =>
      Effect.gen(function* () {
        const { bus } = yield* ServiceTest;
        const [first, second] = [yield* Brands.brand(), yield* Brands.brand()];
        const [shirt, coat, hat] = [
          yield* Sales.lineOf(first.id, 10_000, 2, 1999),
          yield* Sales.lineOf(second.id, 300_000, 1, 30_001),
          yield* Sales.lineOf(first.id, 5000),
        ];
        const sold = yield* Sales.soldOf(yield* Clock.currentTimeMillis, shirt, coat, hat);
        yield* bus.publish(yield* bus.envelope(OrderCompleted, sold));
        yield* bus.settled;
        const { at: completedAt, orderId, recipient } = sold;
        const shown = { orderId, status: "COMPLETED", completedAt, recipient };
        assert.deepStrictEqual(itemsOf(yield* ordersOf(first.id, first.manager)), [
          { ...shown, lines: [shirt, hat], amount: 23_001 },
        ]);
        assert.deepStrictEqual(itemsOf(yield* ordersOf(second.id, second.manager)), [
          { ...shown, lines: [coat], amount: 269_999 },
        ]);
      }),
  );

  it.effect("only its manager and a MASTER may see them", () =>
    Effect.gen(function* () {
      const { tokens } = yield* ServiceTest;
      const { id, manager } = yield* Brands.brand();
      const statuses = yield* Effect.forEach(
        [manager, yield* tokens.master, yield* tokens.partner, yield* tokens.customer],
        (as) => Effect.map(ordersOf(id, as), ({ status }) => status),
      );
      assert.deepStrictEqual(statuses, [200, 200, 403, 403]);
    }),
  );

  it.effect("what was given back stays given back, whatever comes twice or late, and says no more who bought it", () =>
    Effect.gen(function* () {
      const { bus } = yield* ServiceTest;
      const { id, manager } = yield* Brands.brand();
      const sold = yield* Sales.soldOf(yield* Clock.currentTimeMillis, yield* Sales.lineOf(id, 1000));
      const [completed, canceled] = [
        yield* bus.envelope(OrderCompleted, sold),
        yield* bus.envelope(OrderCanceled, sold),
      ];
      yield* bus.publish(completed, canceled, completed, canceled, yield* bus.envelope(OrderCompleted, sold));
      yield* bus.settled;
      assert.deepStrictEqual(
        itemsOf(yield* ordersOf(id, manager)).map(({ recipient, status }) => [status, recipient]),
        [["CANCELED", null]],
      );
      assert.deepStrictEqual(yield* bus.deadLetters, []);
    }),
  );

  it.effect(
    "what version 1 told before an upgrade counts as it was told: without a discount, without a recipient",
    () =>
      Effect.gen(function* () {
        const { bus } = yield* ServiceTest;
        const { id, manager } = yield* Brands.brand();
        const line = yield* Sales.lineOf(id, 1000, 3);
        const [kept, back] = [yield* Sales.soldOf(1, line), yield* Sales.soldOf(0, line)];
        yield* bus.publish(
          yield* bus.envelope(OrderCompletedV1, kept),
          yield* bus.envelope(OrderCompletedV1, back),
          yield* bus.envelope(OrderCanceledV1, back),
        );
        yield* bus.settled;
        const shown = { lines: [line], amount: 3000, recipient: null };
        assert.deepStrictEqual(itemsOf(yield* ordersOf(id, manager)), [
          { ...shown, orderId: kept.orderId, status: "COMPLETED", completedAt: 1 },
          { ...shown, orderId: back.orderId, status: "CANCELED", completedAt: 0 },
        ]);
      }),
  );

  it.effect("cursors walk over all of them, the last completed first", () =>
    Effect.gen(function* () {
      const { bus } = yield* ServiceTest;
      const { id, manager } = yield* Brands.brand();
      const line = yield* Sales.lineOf(id, 1000);
      const now = yield* Clock.currentTimeMillis;
      const orders = yield* Effect.forEach([0, 1, 1, 2, 3], (later) => Sales.soldOf(now + later, line));
      yield* bus.publish(...(yield* Effect.forEach(orders, (sold) => bus.envelope(OrderCompleted, sold))));
      yield* bus.settled;
      const seen: Array<unknown> = [];
      for (let query: string | undefined = ""; query !== undefined;) {
        const page: Effect.Success<ReturnType<typeof ordersOf>> = yield* ordersOf(id, manager, `?limit=2&${query}`);
        seen.push(...itemsOf(page).map(({ completedAt }) => Number(completedAt) - now));
        query = nextOf(page);
      }
      assert.deepStrictEqual(seen, [3, 2, 1, 1, 0]);
    }),
  );
});
