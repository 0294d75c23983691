import { assert, layer } from "@effect/vitest";
import * as Effect from "effect/Effect";
import { CloseOrder } from "../../src/contracts/index.ts";
import { ServiceTest } from "../shared/ServiceTest.ts";
import { type Answer, itemsOf } from "../shared/TestHttp.ts";
import * as Orders from "./Orders.ts";

const refused = ({ body, status }: Answer) => [status, body["code"]];

const deliver = Effect.fnUntraced(function* (id: string, deliveryStatus: unknown) {
  const { http, tokens } = yield* ServiceTest;
  return yield* http.patch(`/v1/orders/${id}/status`, { as: yield* tokens.master, body: { deliveryStatus } });
});

layer(Orders.service, { excludeTestServices: true })("a parcel", (it) => {
  it.effect("is sent and arrives, each once however often it is said, and its shopper sees where it is", () =>
    Effect.gen(function* () {
      const { http, tokens } = yield* ServiceTest;
      const as = yield* tokens.customer;
      const { id } = yield* Orders.completed(as);
      const seen = Effect.map(http.get(`/v1/orders/${id}`, { as }), ({ body }) => body["deliveryStatus"]);
      assert.strictEqual(yield* seen, "PREPARING");
      for (const to of ["SHIPPING", "SHIPPING", "DELIVERED", "DELIVERED"]) {
        const answer = yield* deliver(id, to);
        assert.deepStrictEqual([answer.status, answer.body["deliveryStatus"]], [200, to]);
        assert.strictEqual(yield* seen, to);
      }
      const back = yield* deliver(id, "SHIPPING");
      assert.deepInclude(back.body, { code: "ORDER-004", orderStatus: "COMPLETED", deliveryStatus: "DELIVERED" });
    }),
  );

  it.effect("goes one step after the other, and only of a completed order", () =>
    Effect.gen(function* () {
      const { tokens } = yield* ServiceTest;
      const as = yield* tokens.customer;
      assert.deepStrictEqual(refused(yield* deliver((yield* Orders.completed(as)).id, "DELIVERED")), [
        409,
        "ORDER-004",
      ]);
      assert.deepStrictEqual(refused(yield* deliver((yield* Orders.placed(as)).id, "SHIPPING")), [409, "ORDER-004"]);
      assert.deepStrictEqual(refused(yield* deliver(yield* Orders.product, "SHIPPING")), [404, "ORDER-001"]);
      for (const state of ["PREPARING", "COMPLETED", "", null]) {
        assert.deepStrictEqual(
          refused(yield* deliver((yield* Orders.completed(as)).id, state)),
          [400, "SERV-001"],
          String(state),
        );
      }
    }),
  );

  it.effect("that was sent is not cancelled, and one whose order is being cancelled is not sent", () =>
    Effect.gen(function* () {
      const { http, tokens } = yield* ServiceTest;
      const as = yield* tokens.customer;
      const cancel = (id: string) => http.patch(`/v1/orders/${id}/cancel`, { as, body: {} });
      const { id: sent } = yield* Orders.completed(as);
      yield* deliver(sent, "SHIPPING");
      const late = yield* cancel(sent);
      assert.deepStrictEqual(refused(late), [409, "ORDER-003"]);
      assert.deepInclude(late.body, { orderStatus: "COMPLETED", deliveryStatus: "SHIPPING" });
      const { id: canceled } = yield* Orders.completed(as);
      assert.strictEqual((yield* cancel(canceled)).status, 202);
      assert.deepStrictEqual(refused(yield* deliver(canceled, "SHIPPING")), [409, "ORDER-004"]);
    }),
  );
});

layer(Orders.service, { excludeTestServices: true })("removing an order", (it) => {
  it.effect("takes one that is over out of its shopper's sight, and out of nobody else's", () =>
    Effect.gen(function* () {
      const { bus, http, tokens } = yield* ServiceTest;
      const [as, master] = [yield* tokens.customer, yield* tokens.master];
      const [{ id }, { id: kept }] = [yield* Orders.placed(as), yield* Orders.placed(as)];
      yield* bus.ask(CloseOrder, { orderId: id, outcome: { _tag: "Canceled" } });
      const path = `/v1/orders/${id}`;
      const stranger = yield* http.send("DELETE", path, { as: yield* tokens.customer });
      assert.deepStrictEqual(refused(stranger), [404, "ORDER-001"]);
      assert.strictEqual((yield* http.send("DELETE", path, { as })).status, 204);
      for (const answer of [yield* http.get(path, { as }), yield* http.send("DELETE", path, { as })]) {
        assert.deepStrictEqual(refused(answer), [404, "ORDER-001"]);
      }
      const waited = yield* http.get(`${path}?since=CANCELED`, { as, headers: { prefer: "wait=1" } });
      assert.strictEqual(waited.status, 404);
      assert.deepStrictEqual(
        itemsOf(yield* http.get("/v1/orders", { as })).map((order) => order["id"]),
        [kept],
      );
      assert.strictEqual((yield* http.get(path, { as: master })).status, 200);
    }),
  );

  it.effect("of one that is under way is refused: not paid, not sent, not arrived", () =>
    Effect.gen(function* () {
      const { http, tokens } = yield* ServiceTest;
      const as = yield* tokens.customer;
      const remove = (id: string) => http.send("DELETE", `/v1/orders/${id}`, { as });
      assert.deepStrictEqual(refused(yield* remove((yield* Orders.placed(as)).id)), [409, "ORDER-005"]);
      const { id } = yield* Orders.completed(as);
      assert.deepStrictEqual(refused(yield* remove(id)), [409, "ORDER-005"]);
      yield* deliver(id, "SHIPPING");
      assert.deepStrictEqual(refused(yield* remove(id)), [409, "ORDER-005"]);
      yield* deliver(id, "DELIVERED");
      assert.strictEqual((yield* remove(id)).status, 204);
    }),
  );
});
