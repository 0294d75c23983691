import { assert, layer } from "@effect/vitest";
import * as Effect from "effect/Effect";
import {
  AwaitPayment,
  CloseCancellation,
  CloseOrder,
  CompleteOrder,
  OrderCancellationStarted,
  OrderCancelRequested,
  type OrderId,
} from "../../src/contracts/index.ts";
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

  /** The cancellations that were started. */
  const started = Effect.fnUntraced(function* (orderId: OrderId) {
    const { bus } = yield* ServiceTest;
    yield* bus.settled;
    return (yield* bus.said(OrderCancellationStarted, orderId)).map(({ payload }) => payload);
  });

  it.effect("a completed order starts one cancellation with what was paid, however often it is asked", () =>
    Effect.gen(function* () {
      const { bus, http, tokens } = yield* ServiceTest;
      const as = yield* tokens.customer;
      const { amount, id } = yield* Orders.completed(as);
      const cancel = http.patch(`/v1/orders/${id}/cancel`, { as, body: { message: "too big" } });
      const answers = yield* Effect.all([cancel, cancel, cancel], { concurrency: "unbounded" });
      assert.deepStrictEqual(
        answers.map(({ body, status }) => [status, body["status"]]),
        Array.from({ length: 3 }, () => [202, "CANCEL_REQUESTED"]),
      );
      const [first, ...more] = yield* started(id);
      assert.deepStrictEqual(more, []);
      assert.deepInclude(first, { orderId: id, amount, reason: "too big" });
      assert.deepStrictEqual(
        yield* bus.said(OrderCancelRequested, id),
        [],
        "place-order has ended: nobody needs to know",
      );
      const cancellationId = first?.cancellationId ?? assert.fail("no cancellation was started");
      yield* bus.ask(CloseCancellation, { orderId: id, cancellationId, outcome: { _tag: "Canceled" } });
      assert.strictEqual((yield* http.get(`/v1/orders/${id}`, { as })).body["status"], "CANCELED");
    }),
  );

  it.effect("a wish that the completion overtakes starts the cancellation with it", () =>
    Effect.gen(function* () {
      const { bus, http, tokens } = yield* ServiceTest;
      const as = yield* tokens.customer;
      const { id } = yield* Orders.placed(as);
      yield* bus.ask(AwaitPayment, { orderId: id, ...(yield* Orders.priced()) });
      yield* http.patch(`/v1/orders/${id}/cancel`, { as, body: {} });
      assert.deepStrictEqual(yield* started(id), []);
      yield* bus.ask(CompleteOrder, { orderId: id });
      const seen = (yield* http.get(`/v1/orders/${id}`, { as })).body;
      assert.strictEqual(seen["status"], "CANCEL_REQUESTED");
      assert.deepInclude((yield* started(id))[0], { orderId: id, reason: "no reason was given" });
    }),
  );

  it.effect("one that operators gave up says why, and only they start another one", () =>
    Effect.gen(function* () {
      const { bus, http, tokens } = yield* ServiceTest;
      const as = yield* tokens.customer;
      const { id } = yield* Orders.completed(as);
      const path = `/v1/orders/${id}/cancel`;
      yield* http.patch(path, { as, body: {} });
      const [first] = yield* started(id);
      const cancellationId = first?.cancellationId ?? assert.fail("no cancellation was started");
      const giveUp = bus.ask(CloseCancellation, {
        orderId: id,
        cancellationId,
        outcome: { _tag: "GivenUp", why: "refund payment: the account is closed" },
      });
      yield* giveUp;
      const seen = (yield* http.get(`/v1/orders/${id}`, { as })).body;
      assert.strictEqual(seen["status"], "CANCEL_FAILED");
      assert.deepInclude(seen["cancellation"] as object, { givenUp: "refund payment: the account is closed" });
      const again = yield* http.patch(path, { as, body: {} });
      assert.deepStrictEqual([again.status, again.body["orderStatus"]], [409, "CANCEL_FAILED"]);
      const operator = yield* http.patch(path, { as: yield* tokens.master, body: {} });
      assert.deepStrictEqual([operator.status, operator.body["status"]], [202, "CANCEL_REQUESTED"]);
      yield* giveUp;
      assert.strictEqual((yield* http.get(`/v1/orders/${id}`, { as })).body["status"], "CANCEL_REQUESTED");
      const all = yield* started(id);
      assert.strictEqual(new Set(all.map((one) => one.cancellationId)).size, 2, "each under an id of its own");
    }),
  );

  it.effect("what never came to be, or is cancelled, cannot be cancelled: 409 that says where the order stands", () =>
    Effect.gen(function* () {
      const { bus, http, tokens } = yield* ServiceTest;
      const as = yield* tokens.customer;
      const failed = (yield* Orders.placed(as)).id;
      yield* bus.ask(CloseOrder, { orderId: failed, outcome: { _tag: "Failed", reason: "SOLD_OUT", detail: "" } });
      const canceled = (yield* Orders.placed(as)).id;
      yield* bus.ask(CloseOrder, { orderId: canceled, outcome: { _tag: "Canceled" } });
      for (const [orderId, orderStatus] of [
        [failed, "FAILED"],
        [canceled, "CANCELED"],
      ] as const) {
        const answer = yield* http.patch(`/v1/orders/${orderId}/cancel`, { as, body: {} });
        assert.deepStrictEqual(
          [answer.status, answer.body["code"], answer.body["orderStatus"]],
          [409, "ORDER-003", orderStatus],
        );
        assert.deepStrictEqual(yield* started(orderId), []);
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
