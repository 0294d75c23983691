import { assert, layer } from "@effect/vitest";
import * as Effect from "effect/Effect";
import { AwaitPayment, CloseOrder, CompleteOrder, OrderCancelRequested } from "../../src/contracts/index.ts";
import { ServiceTest } from "../shared/ServiceTest.ts";
import { fieldsOf } from "../shared/TestHttp.ts";
import * as Orders from "./Orders.ts";

layer(Orders.service, { excludeTestServices: true })("cancelling an order", (it) => {
  for (const status of ["PENDING", "WAITING_PAYMENT"] as const) {
    it.effect(
      `a ${status} order takes the wish, says it once however often it is asked, and leaves the rest to the saga`,
      () =>
        Effect.gen(function* () {
          const { bus, http, tokens } = yield* ServiceTest;
          const as = yield* tokens.customer;
          const { id } = yield* Orders.placed(as);
          if (status === "WAITING_PAYMENT") yield* bus.ask(AwaitPayment, { orderId: id, ...(yield* Orders.priced()) });
          const cancel = (message: string) => http.patch(`/v1/orders/${id}/cancel`, { as, body: { message } });
          const first = yield* cancel("changed my mind");
          const again = yield* Effect.all([cancel("really"), cancel("now")], { concurrency: "unbounded" });
          assert.deepStrictEqual(
            [first, ...again].map((answer) => [answer.status, answer.body["status"]]),
            Array.from({ length: 3 }, () => [202, status]),
          );
          yield* bus.settled;
          const events = yield* bus.said(OrderCancelRequested, id);
          assert.deepStrictEqual(
            events.map(({ payload }) => payload),
            [{ orderId: id, reason: "changed my mind" }],
          );
          yield* bus.ask(CloseOrder, { orderId: id, outcome: { _tag: "Canceled" } });
          assert.strictEqual((yield* http.get(`/v1/orders/${id}`, { as })).body["status"], "CANCELED");
        }),
    );
  }

  it.effect("what has ended cannot be cancelled: 409 that says where the order stands", () =>
    Effect.gen(function* () {
      const { bus, http, tokens } = yield* ServiceTest;
      const as = yield* tokens.customer;
      const completed = (yield* Orders.placed(as)).id;
      yield* bus.ask(AwaitPayment, { orderId: completed, ...(yield* Orders.priced()) });
      yield* bus.ask(CompleteOrder, { orderId: completed });
      const failed = (yield* Orders.placed(as)).id;
      yield* bus.ask(CloseOrder, { orderId: failed, outcome: { _tag: "Failed", reason: "SOLD_OUT", detail: "" } });
      for (const [orderId, orderStatus] of [
        [completed, "COMPLETED"],
        [failed, "FAILED"],
      ] as const) {
        const answer = yield* http.patch(`/v1/orders/${orderId}/cancel`, { as, body: {} });
        assert.deepStrictEqual(
          [answer.status, answer.body["code"], answer.body["orderStatus"]],
          [409, "ORDER-003", orderStatus],
        );
        yield* bus.settled;
        assert.deepStrictEqual(yield* bus.said(OrderCancelRequested, orderId), []);
      }
    }),
  );

  it.effect("somebody else's order is 404 and stays untouched; a MASTER may cancel it", () =>
    Effect.gen(function* () {
      const { bus, http, tokens } = yield* ServiceTest;
      const { answer, id } = yield* Orders.placed(yield* tokens.customer);
      const path = `/v1/orders/${id}/cancel`;
      const foreign = yield* http.patch(path, { as: yield* tokens.partner, body: {} });
      const never = yield* http.patch(`/v1/orders/${yield* Orders.product}/cancel`, {
        as: yield* tokens.master,
        body: {},
      });
      assert.deepStrictEqual([foreign.status, never.status], [404, 404]);
      yield* bus.settled;
      assert.deepStrictEqual(yield* bus.said(OrderCancelRequested, id), []);
      const master = yield* tokens.master;
      assert.deepStrictEqual((yield* http.get(`/v1/orders/${id}`, { as: master })).body, answer.body);
      assert.strictEqual((yield* http.patch(path, { as: master, body: { message: "fraud" } })).status, 202);
    }),
  );

  it.effect("a message that is too long or that no database takes is 400", () =>
    Effect.gen(function* () {
      const { http, tokens } = yield* ServiceTest;
      const as = yield* tokens.customer;
      const { id } = yield* Orders.placed(as);
      for (const message of ["x".repeat(501), "a\0b", 7]) {
        const answer = yield* http.patch(`/v1/orders/${id}/cancel`, { as, body: { message } });
        assert.deepStrictEqual([answer.status, fieldsOf(answer)], [400, ["message"]]);
      }
      assert.strictEqual((yield* http.patch(`/v1/orders/${id}/cancel`, { as, body: {} })).status, 202);
    }),
  );
});
