import { assert, describe, it } from "@effect/vitest";
import * as Effect from "effect/Effect";
import { order, reason, refused, simulated } from "./TossHarness.ts";

describe("cancel", () => {
  it.live(
    "one full cancel ends as CANCELED and cannot be repeated",
    simulated((toss) =>
      Effect.gen(function* () {
        const payment = yield* toss.open(order);
        refused(yield* toss.cancel(payment.paymentKey, reason), 403, "NOT_CANCELABLE_PAYMENT");
        const done = yield* toss.confirm(payment);
        refused(yield* toss.cancel("nobody", reason), 404, "NOT_FOUND_PAYMENT");
        refused(yield* toss.cancel(payment.paymentKey, {}), 400, "INVALID_REQUEST");
        refused(yield* toss.cancel(payment.paymentKey, { cancelReason: "x".repeat(201) }), 400, "INVALID_REQUEST");
        refused(yield* toss.cancel(payment.paymentKey, { ...reason, currency: "USD" }), 400, "INVALID_REQUEST");
        refused(
          yield* toss.cancel(payment.paymentKey, { ...reason, cancelAmount: 11_001 }),
          403,
          "NOT_CANCELABLE_AMOUNT",
        );
        const reply = yield* toss.cancel(payment.paymentKey, reason);
        assert.deepStrictEqual([reply.body.status, reply.body.balanceAmount], ["CANCELED", 0]);
        assert.notStrictEqual(reply.body.lastTransactionKey, done.body.lastTransactionKey);
        assert.deepStrictEqual(reply.body.cancels, [
          {
            cancelAmount: 11_000,
            cancelReason: "고객 변심",
            taxFreeAmount: 0,
            taxExemptionAmount: 0,
            refundableAmount: 0,
            easyPayDiscountAmount: 0,
            canceledAt: "2026-11-27T09:00:00+09:00",
            transactionKey: reply.body.lastTransactionKey,
            receiptKey: null,
            cancelStatus: "DONE",
            cancelRequestId: null,
          },
        ]);
        refused(yield* toss.cancel(payment.paymentKey, reason), 400, "ALREADY_CANCELED_PAYMENT");
      }),
    ),
  );

  it.live(
    "partial, then the rest, stays PARTIAL_CANCELED with balance 0, and then refuses by amount",
    simulated((toss) =>
      Effect.gen(function* () {
        const payment = yield* toss.open(order);
        yield* toss.confirm(payment);
        const some = yield* toss.cancel(payment.paymentKey, {
          ...reason,
          cancelAmount: 4_000,
          refundableAmount: 11_000,
        });
        assert.deepStrictEqual([some.body.status, some.body.balanceAmount], ["PARTIAL_CANCELED", 7_000]);
        const stale = { ...reason, refundableAmount: 11_000 };
        refused(yield* toss.cancel(payment.paymentKey, stale), 400, "NOT_MATCHES_REFUNDABLE_AMOUNT");
        assert.strictEqual((yield* toss.inquire(payment.paymentKey)).body.balanceAmount, 7_000);
        const rest = yield* toss.cancel(payment.paymentKey, reason);
        assert.deepStrictEqual([rest.body.status, rest.body.balanceAmount], ["PARTIAL_CANCELED", 0]);
        assert.lengthOf(rest.body.cancels, 2);
        refused(yield* toss.cancel(payment.paymentKey, reason), 403, "NOT_CANCELABLE_AMOUNT");
        assert.deepStrictEqual(
          toss.toss.captures().map(({ sequence, kind, amount }) => [sequence, kind, amount]),
          [
            [1, "captured", 11_000],
            [2, "canceled", 4_000],
            [3, "canceled", 7_000],
          ],
        );
      }),
    ),
  );

  it.live(
    "with the flag, a second cancel within a second is refused",
    simulated(
      (toss) =>
        Effect.gen(function* () {
          const payment = yield* toss.open(order);
          yield* toss.confirm(payment);
          const part = { ...reason, cancelAmount: 1_000 };
          assert.strictEqual((yield* toss.cancel(payment.paymentKey, part)).status, 200);
          toss.pass(999);
          refused(yield* toss.cancel(payment.paymentKey, part), 403, "FORBIDDEN_CONSECUTIVE_REQUEST");
          toss.pass(1);
          assert.strictEqual((yield* toss.cancel(payment.paymentKey, part)).status, 200);
        }),
      { forbidConsecutiveCancels: true },
    ),
  );
});
