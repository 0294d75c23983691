import { assert, layer } from "@effect/vitest";
import { Ids } from "@destiny/sdk/message";
import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import * as SqlClient from "effect/sql/SqlClient";
import { HoldStock, OrderId, ProductId, ProductReopened, ProductRestocked } from "../../src/contracts/index.ts";
import * as Stock from "../../src/stock/layer.ts";
import { seed } from "../../src/stock/seed.ts";
import * as ServiceTest from "../shared/ServiceTest.ts";
import { type Answer, fieldsOf } from "../shared/TestHttp.ts";

const service = ServiceTest.layer("stock", Stock.layer);

const refused = ({ body, status }: Answer) => [status, body["code"]];

const stocked = Effect.fnUntraced(function* (quantity: number) {
  const productId = ProductId.make(yield* Ids.fresh);
  yield* seed([{ sku: productId, quantity }]);
  return productId;
});

const post = Effect.fnUntraced(function* (productId: string, how: "restock" | "adjust", body: object, key?: string) {
  const { http, tokens } = yield* ServiceTest.ServiceTest;
  const as = yield* tokens.master;
  return yield* http.post(`/v1/stocks/${productId}/${how}`, { as, key: key ?? (yield* Ids.fresh), body });
});

const hold = Effect.fnUntraced(function* (productId: ProductId, quantity: number) {
  const { bus } = yield* ServiceTest.ServiceTest;
  const orderId = OrderId.make(yield* Ids.fresh);
  const until = (yield* Clock.currentTimeMillis) + 600_000;
  return yield* bus.ask(HoldStock, { orderId, lines: [{ productId, quantity }], until });
});

const ledgerOf = Effect.fnUntraced(function* (productId: ProductId) {
  const sql = yield* SqlClient.SqlClient;
  return yield* Effect.orDie(
    sql<{ readonly kind: string; readonly total_delta: number }>`
      SELECT kind, total_delta FROM stock_ledger WHERE sku = ${productId} ORDER BY version`,
  );
});

layer(service, { excludeTestServices: true })("the stockroom", (it) => {
  it.effect("units that come in can be sold, the ledger explains them, and a sold out product reopens", () =>
    Effect.gen(function* () {
      const { bus } = yield* ServiceTest.ServiceTest;
      const productId = yield* stocked(1);
      assert.strictEqual((yield* hold(productId, 1))._tag, "Done");
      assert.strictEqual((yield* hold(productId, 2))._tag, "Refused");
      const answer = yield* post(productId, "restock", { quantity: 4 });
      assert.deepStrictEqual([answer.status, answer.body], [200, { productId, total: 5 }]);
      assert.strictEqual((yield* hold(productId, 2))._tag, "Done");
      yield* bus.settled;
      assert.lengthOf(yield* bus.said(ProductReopened, productId), 1);
      const moved = (yield* ledgerOf(productId)).map(({ kind, total_delta }) => [kind, total_delta]);
      assert.deepInclude(moved, ["Restock", 4]);
    }),
  );

  it.effect("units that a brand's manager brings are counted once, however often they are told", () =>
    Effect.gen(function* () {
      const { bus } = yield* ServiceTest.ServiceTest;
      const productId = yield* stocked(1);
      const brought = { productId, quantity: 4, movement: yield* Ids.fresh };
      const told = yield* bus.envelope(ProductRestocked, brought);
      yield* bus.publish(told, told);
      yield* bus.settled;
      yield* bus.publish(told);
      yield* bus.settled;
      assert.deepStrictEqual(yield* bus.deadLetters, []);
      assert.deepStrictEqual(
        (yield* ledgerOf(productId)).map(({ total_delta }) => total_delta),
        [1, 4],
      );
    }),
  );

  it.effect("the same key moves units once; with another quantity it is refused", () =>
    Effect.gen(function* () {
      const { http, tokens } = yield* ServiceTest.ServiceTest;
      const productId = yield* stocked(10);
      const as = yield* tokens.master;
      const key = yield* Ids.fresh;
      const send = (quantity: number) => http.post(`/v1/stocks/${productId}/restock`, { as, key, body: { quantity } });
      const answers = yield* Effect.replicateEffect(send(5), 3, { concurrency: "unbounded" });
      for (const { body, status } of answers) assert.deepStrictEqual([status, body["total"]], [200, 15]);
      assert.strictEqual((yield* send(6)).status, 422);
      const without = yield* http.post(`/v1/stocks/${productId}/restock`, { as, body: { quantity: 1 } });
      assert.deepStrictEqual([without.status, fieldsOf(without)], [400, ["header.idempotency-key"]]);
    }),
  );

  it.effect("a key that the inbox has forgotten moves units again", () =>
    Effect.gen(function* () {
      const { http, tokens } = yield* ServiceTest.ServiceTest;
      const sql = yield* SqlClient.SqlClient;
      const productId = yield* stocked(10);
      const as = yield* tokens.master;
      const key = yield* Ids.fresh;
      const send = http.post(`/v1/stocks/${productId}/restock`, { as, key, body: { quantity: 2 } });
      for (const total of [12, 12]) assert.strictEqual((yield* send).body["total"], total);
      yield* sql`DELETE FROM inbox`;
      const again = yield* send;
      assert.deepStrictEqual([again.status, again.body["total"]], [200, 14]);
    }),
  );

  it.effect("a count may take units away, but none that is promised", () =>
    Effect.gen(function* () {
      const productId = yield* stocked(10);
      yield* hold(productId, 7);
      const tooMuch = yield* post(productId, "adjust", { delta: -4, reason: "broken" });
      assert.deepStrictEqual(refused(tooMuch), [409, "STOCK-002"]);
      assert.strictEqual(tooMuch.body["promised"], 7);
      assert.strictEqual((yield* post(productId, "adjust", { delta: -3, reason: "broken" })).body["total"], 7);
      assert.strictEqual((yield* hold(productId, 1))._tag, "Refused");
    }),
  );

  it.effect(
    "more units than a product can have are refused: 409 where they are told by hand, and no product is set aside",
    () =>
      Effect.gen(function* () {
        const { bus } = yield* ServiceTest.ServiceTest;
        const productId = yield* stocked(999_999_999);
        const tooMany = yield* post(productId, "restock", { quantity: 2 });
        assert.deepStrictEqual([...refused(tooMany), tooMany.body["most"]], [409, "STOCK-003", 1_000_000_000]);
        assert.deepStrictEqual(refused(yield* post(productId, "adjust", { delta: 2, reason: "found" })), [
          409,
          "STOCK-003",
        ]);
        yield* bus.publish(
          yield* bus.envelope(ProductRestocked, { productId, quantity: 2, movement: yield* Ids.fresh }),
          yield* bus.envelope(ProductRestocked, { productId, quantity: 1, movement: yield* Ids.fresh }),
        );
        yield* bus.settled;
        assert.deepStrictEqual(yield* bus.deadLetters, []);
        assert.deepStrictEqual(
          (yield* ledgerOf(productId)).map(({ total_delta }) => total_delta),
          [999_999_999, 1],
        );
      }),
  );

  it.effect("a product that has no stock is 404, every flaw is named", () =>
    Effect.gen(function* () {
      const productId = ProductId.make(yield* Ids.fresh);
      assert.deepStrictEqual(refused(yield* post(productId, "restock", { quantity: 1 })), [404, "STOCK-001"]);
      const other = yield* stocked(3);
      for (const quantity of [0, -1, 1.5, 1_000_001, "1"]) {
        assert.deepStrictEqual(fieldsOf(yield* post(other, "restock", { quantity })), ["quantity"]);
      }
      assert.sameMembers([...fieldsOf(yield* post(other, "adjust", { delta: 0.5, reason: "" }))], ["delta", "reason"]);
    }),
  );
});
