import { assert, layer } from "@effect/vitest";
import { type Envelope, Ids } from "@destiny/sdk/message";
import * as Effect from "effect/Effect";
import {
  maxWon,
  OrderId,
  ProductId,
  ProductReopened,
  ProductSoldOut,
  ValidateProducts,
} from "../../src/contracts/index.ts";
import { ServiceTest } from "../shared/ServiceTest.ts";
import * as Products from "./Products.ts";

const newOrder = Effect.map(Ids.fresh, (id) => OrderId.make(id));

const statusOf = Effect.fnUntraced(function* (id: ProductId) {
  const { http } = yield* ServiceTest;
  return (yield* http.get(`/v1/products/${id}`)).body["status"];
});

layer(Products.service, { excludeTestServices: true })("validating products", (it) => {
  it.effect("answers the price of every line in its order; what is sold out is for the ledger to say", () =>
    Effect.gen(function* () {
      const { bus } = yield* ServiceTest;
      const [cheap, dear] = [yield* Products.sold("AVAILABLE", 1), yield* Products.sold("OUT_OF_STOCK", 9_000_000)];
      const lines = [
        { productId: dear.id, quantity: 2 },
        { productId: cheap.id, quantity: 3 },
      ];
      const reply = yield* bus.ask(ValidateProducts, { orderId: yield* newOrder, lines });
      assert.deepStrictEqual(reply, {
        _tag: "Done",
        value: {
          lines: [
            { productId: dear.id, brandId: Products.brandId, quantity: 2, unitPrice: dear.price },
            { productId: cheap.id, brandId: Products.brandId, quantity: 3, unitPrice: cheap.price },
          ],
        },
      });
    }),
  );

  it.effect("refuses all when one is unknown or hidden, and names every one that is", () =>
    Effect.gen(function* () {
      const { bus } = yield* ServiceTest;
      const [good, hidden, unknown] = [yield* Products.sold(), yield* Products.sold("HIDED"), yield* Products.newId];
      const reply = yield* bus.ask(ValidateProducts, {
        orderId: yield* newOrder,
        lines: [unknown, good.id, hidden.id].map((productId) => ({ productId, quantity: 1 })),
      });
      assert.deepStrictEqual(reply, {
        _tag: "Refused",
        reason: {
          products: [
            { productId: unknown, reason: "NOT_FOUND" },
            { productId: hidden.id, reason: "UNAVAILABLE" },
          ],
        },
      });
    }),
  );

  it.effect("refuses an order that costs more than an amount can say", () =>
    Effect.gen(function* () {
      const { bus } = yield* ServiceTest;
      const { id: productId } = yield* Products.sold("AVAILABLE", maxWon / 500);
      const ask = (quantity: number) =>
        Effect.flatMap(newOrder, (orderId) => bus.ask(ValidateProducts, { orderId, lines: [{ productId, quantity }] }));
      assert.strictEqual((yield* ask(500))._tag, "Done");
      assert.deepStrictEqual(yield* ask(501), {
        _tag: "Refused",
        reason: { products: [{ productId, reason: "OVER_LIMIT" }] },
      });
    }),
  );

  it.effect("a redelivery is no new question; the same operation under a new id gets the same answer", () =>
    Effect.gen(function* () {
      const { bus } = yield* ServiceTest;
      const { id: productId } = yield* Products.sold();
      const operationId = yield* Ids.fresh;
      const payload = { orderId: yield* newOrder, lines: [{ productId, quantity: 1 }] };
      const [first, second] = [
        yield* bus.envelope(ValidateProducts, payload, { operationId }),
        yield* bus.envelope(ValidateProducts, payload, { operationId }),
      ];
      yield* bus.publish(first, first);
      yield* bus.settled;
      yield* bus.publish(first);
      yield* bus.settled;
      const [answer, ...more] = yield* bus.replies(ValidateProducts, operationId);
      assert.deepStrictEqual(more, []);
      yield* bus.publish(second, second);
      yield* bus.settled;
      const replies = yield* bus.replies(ValidateProducts, operationId);
      assert.lengthOf(replies, 2);
      assert.deepStrictEqual(replies[1], answer);
    }),
  );
});

layer(Products.service, { excludeTestServices: true })("hearing what stock tells", (it) => {
  it.effect("the newest version decides, whatever comes late, early or twice", () =>
    Effect.gen(function* () {
      const { bus } = yield* ServiceTest;
      const { id: productId } = yield* Products.sold();
      const soldOut = (version: number) => bus.envelope(ProductSoldOut, { productId, version });
      const reopened = (version: number) => bus.envelope(ProductReopened, { productId, version });
      const hear = Effect.fnUntraced(function* (event: Effect.Effect<Envelope.Envelope>) {
        const envelope = yield* event;
        yield* bus.publish(envelope, envelope);
        yield* bus.settled;
        return yield* statusOf(productId);
      });
      assert.strictEqual(yield* hear(soldOut(3)), "OUT_OF_STOCK");
      assert.strictEqual(yield* hear(reopened(2)), "OUT_OF_STOCK", "older than what is known");
      assert.strictEqual(yield* hear(reopened(5)), "AVAILABLE");
      assert.strictEqual(yield* hear(soldOut(5)), "AVAILABLE", "one version says one thing");
      assert.strictEqual(yield* hear(soldOut(4)), "AVAILABLE");
      assert.strictEqual(yield* hear(soldOut(9)), "OUT_OF_STOCK");
      assert.deepStrictEqual(yield* bus.deadLetters, []);
    }),
  );

  it.effect("a hidden product stays hidden, an unknown one is no obstacle, neither says anything", () =>
    Effect.gen(function* () {
      const { bus, http } = yield* ServiceTest;
      const hidden = yield* Products.sold("HIDED");
      const unknown = yield* Products.newId;
      const before = (yield* bus.all).length;
      yield* bus.publish(
        yield* bus.envelope(ProductReopened, { productId: hidden.id, version: 7 }),
        yield* bus.envelope(ProductSoldOut, { productId: unknown, version: 1 }),
      );
      yield* bus.settled;
      assert.strictEqual((yield* http.get(`/v1/products/${hidden.id}`)).status, 404);
      assert.strictEqual((yield* bus.all).length, before + 2, "only what the test said itself");
      assert.deepStrictEqual(yield* bus.deadLetters, []);
    }),
  );
});
