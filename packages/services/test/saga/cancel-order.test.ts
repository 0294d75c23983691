import { assert, layer } from "@effect/vitest";
import { Ids } from "@destiny/sdk/message";
import * as Effect from "effect/Effect";
import {
  CancellationId,
  CloseCancellation,
  CouponId,
  OrderCancellationStarted,
  OrderId,
  RefundPayment,
  ReturnStock,
  Won,
} from "../../src/contracts/index.ts";
import { ServiceTest } from "../shared/ServiceTest.ts";
import * as Participants from "./Participants.ts";

/** A completed order whose cancellation has just been asked for. */
const started = Effect.fnUntraced(function* (amount = 3000, couponId: CouponId | null = null) {
  const { bus, http, tokens } = yield* ServiceTest;
  const orderId = OrderId.make(yield* Ids.fresh);
  const cancellationId = CancellationId.make(yield* Ids.fresh);
  const payload = { cancellationId, orderId, amount: Won.make(amount), couponId, reason: "too big" };
  yield* bus.publish(yield* bus.envelope(OrderCancellationStarted, payload));
  const path = `/v1/sagas/cancel-order/${cancellationId}`;
  const as = yield* tokens.master;
  const show = Effect.map(http.get(path, { as }), ({ body }) => body);
  return {
    orderId,
    cancellationId,
    types: Effect.map(Participants.asked(orderId), (all) => all.map(({ type }) => type)),
    show,
    status: Effect.map(show, (body) => body["status"]),
    refund: Participants.answer(RefundPayment, orderId, { _tag: "Done", value: { refunded: Won.make(amount) } }),
    refuseRefund: Participants.answer(RefundPayment, orderId, { _tag: "Refused", reason: { code: "CLOSED_ACCOUNT" } }),
    operate: Effect.fnUntraced(function* (action: string, note = "called the bank", key?: string) {
      return yield* http.post(`${path}/${action}`, { as, key: key ?? (yield* Ids.fresh), body: { note } });
    }),
    operator: as.userId,
  };
});

const closing = (all: ReadonlyArray<{ readonly type: string; readonly data: unknown }>) =>
  all.findLast(({ type }) => type === CloseCancellation.type)?.data;

layer(Participants.service, { excludeTestServices: true })("CancelOrder", (it) => {
  it.effect("refunds, then returns the units, then closes the order, and waits for each", () =>
    Effect.gen(function* () {
      const { cancellationId, orderId, refund, status, types } = yield* started();
      assert.deepStrictEqual(yield* types, [RefundPayment.type]);
      yield* refund;
      assert.deepStrictEqual(yield* types, [RefundPayment.type, ReturnStock.type]);
      yield* Participants.answer(ReturnStock, orderId, Participants.done);
      assert.deepStrictEqual(yield* types, [RefundPayment.type, ReturnStock.type, CloseCancellation.type]);
      assert.strictEqual(yield* status, "running");
      assert.deepStrictEqual(closing(yield* Participants.asked(orderId)), {
        orderId,
        cancellationId,
        outcome: { _tag: "Canceled" },
      });
      yield* Participants.answer(CloseCancellation, orderId, Participants.done);
      assert.strictEqual(yield* status, "completed");
    }),
  );

  it.effect("refunds nothing of an order that cost nothing", () =>
    Effect.gen(function* () {
      const { orderId, types } = yield* started(0);
      assert.deepStrictEqual(yield* types, [ReturnStock.type]);
      yield* Participants.answer(ReturnStock, orderId, Participants.done);
      assert.deepStrictEqual(yield* types, [ReturnStock.type, CloseCancellation.type]);
    }),
  );

  it.effect(
    "a refused refund stands still with its reason, and goes on by itself when the money is back after all",
    () =>
      Effect.gen(function* () {
        const { orderId, refund, refuseRefund, show, types } = yield* started();
        yield* Participants.asked(orderId);
        yield* refuseRefund;
        const stuck = yield* show;
        assert.strictEqual(stuck["status"], "stuck");
        assert.include(JSON.stringify(stuck["stuck"]), "CLOSED_ACCOUNT");
        yield* refund;
        assert.deepStrictEqual(yield* types, [RefundPayment.type, ReturnStock.type]);
      }),
  );

  it.effect("retry asks again under the same operation; the journal keeps who, and why", () =>
    Effect.gen(function* () {
      const { operate, operator, orderId, refuseRefund, show } = yield* started();
      yield* Participants.asked(orderId);
      yield* refuseRefund;
      const key = yield* Ids.fresh;
      const retried = yield* operate("retry", "the account is open again", key);
      assert.deepStrictEqual([retried.status, retried.body["status"]], [200, "running"]);
      const questions = yield* Participants.asked(orderId);
      assert.deepStrictEqual(new Set(questions.map(({ operationId }) => operationId)).size, 1);
      assert.lengthOf(questions, 2);
      const again = yield* operate("retry", "the account is open again", key);
      assert.deepStrictEqual([again.status, (yield* Participants.asked(orderId)).length], [200, 2]);
      assert.strictEqual((yield* operate("retry", "another reason", key)).status, 422);
      const journal = (yield* show)["journal"] as ReadonlyArray<Record<string, unknown>>;
      assert.deepStrictEqual(
        journal.flatMap(({ by, kind }) => (by === null ? [] : [{ kind, by }])),
        [{ kind: "Retry", by: { actor: operator, note: "the account is open again" } }],
      );
    }),
  );

  it.effect("skip goes on without a step that was done by hand", () =>
    Effect.gen(function* () {
      const { operate, orderId, refuseRefund, types } = yield* started();
      yield* Participants.asked(orderId);
      yield* refuseRefund;
      assert.strictEqual((yield* operate("skip", "paid back in cash")).status, 200);
      assert.deepStrictEqual(yield* types, [RefundPayment.type, ReturnStock.type]);
    }),
  );

  it.effect("compensate gives it up: the order is told at which step and why, and the saga ends", () =>
    Effect.gen(function* () {
      const { cancellationId, operate, operator, orderId, refuseRefund, status } = yield* started();
      yield* Participants.asked(orderId);
      yield* refuseRefund;
      assert.strictEqual((yield* operate("compensate", "the shopper agreed to a voucher")).status, 200);
      assert.deepStrictEqual(closing(yield* Participants.asked(orderId)), {
        orderId,
        cancellationId,
        outcome: {
          _tag: "GivenUp",
          why: `refund payment: given up by ${operator}: the shopper agreed to a voucher`,
        },
      });
      yield* Participants.answer(CloseCancellation, orderId, Participants.done);
      assert.strictEqual(yield* status, "compensated");
    }),
  );

  it.effect("what is not stuck takes no action, and what does not exist is 404", () =>
    Effect.gen(function* () {
      const { http, tokens } = yield* ServiceTest;
      const { operate, orderId } = yield* started();
      yield* Participants.asked(orderId);
      for (const action of ["retry", "skip", "compensate"]) {
        const refused = yield* operate(action);
        assert.deepStrictEqual(
          [refused.status, refused.body["code"], refused.body["situation"]],
          [409, "SAGA-002", "running.after"],
        );
        const never = yield* http.post(`/v1/sagas/cancel-order/${yield* Ids.fresh}/${action}`, {
          as: yield* tokens.master,
          key: yield* Ids.fresh,
          body: { note: "?" },
        });
        assert.deepStrictEqual([never.status, never.body["code"]], [404, "SAGA-001"]);
      }
      assert.strictEqual((yield* operate("explode")).status, 400);
    }),
  );
});
