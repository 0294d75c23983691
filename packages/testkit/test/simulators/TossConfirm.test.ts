import { assert, describe, it } from "@effect/vitest";
import * as Effect from "effect/Effect";
import { order, reason, refused, simulated } from "./TossHarness.ts";

describe("confirm and inquiry", () => {
  it.live(
    "approves once: the whole Payment object, and the same one by key and by order",
    simulated((toss) =>
      Effect.gen(function* () {
        const payment = yield* toss.open(order);
        assert.deepStrictEqual(payment, { paymentKey: payment.paymentKey, ...order });
        assert.strictEqual((yield* toss.inquire(payment.paymentKey)).body.status, "IN_PROGRESS");
        const reply = yield* toss.confirm(payment, { key: "confirm-1" });
        assert.strictEqual(reply.status, 200);
        assert.strictEqual(reply.headers.get("idempotency-key"), "confirm-1");
        assert.match(reply.headers.get("x-tosspayments-trace-id") ?? "", /^[0-9a-f]+$/);
        const fields = `version paymentKey type orderId orderName mId currency method totalAmount balanceAmount status
        requestedAt approvedAt useEscrow lastTransactionKey suppliedAmount vat cultureExpense taxFreeAmount
        taxExemptionAmount cancels isPartialCancelable card virtualAccount mobilePhone giftCertificate transfer easyPay
        cashReceipt cashReceipts discount secret receipt checkout country failure metadata`.split(/\s+/);
        assert.deepStrictEqual(Object.keys(reply.body).toSorted(), fields.toSorted());
        assert.strictEqual(reply.body.status, "DONE");
        assert.strictEqual(reply.body.method, "카드");
        assert.strictEqual(reply.body.approvedAt, "2026-11-27T09:00:00+09:00");
        assert.deepStrictEqual([reply.body.totalAmount, reply.body.balanceAmount], [11_000, 11_000]);
        assert.deepStrictEqual([reply.body.suppliedAmount, reply.body.vat], [10_000, 1_000]);
        assert.strictEqual((yield* toss.inquire(payment.paymentKey)).text, reply.text);
        assert.strictEqual((yield* toss.call("GET", `/v1/payments/orders/${order.orderId}`)).text, reply.text);
        refused(yield* toss.confirm(payment), 400, "ALREADY_PROCESSED_PAYMENT");
        assert.deepStrictEqual(
          toss.toss.captures().map(({ kind, amount }) => [kind, amount]),
          [["captured", 11_000]],
        );
      }),
    ),
  );

  it.live(
    "refuses another amount, another order, bad bodies and unknown payments, and takes no money",
    simulated((toss) =>
      Effect.gen(function* () {
        const payment = yield* toss.open(order);
        refused(yield* toss.confirm({ ...payment, amount: 10_999 }), 400, "INVALID_REQUEST");
        refused(yield* toss.confirm({ ...payment, orderId: "order-0002" }), 400, "INVALID_REQUEST");
        refused(yield* toss.confirm({ ...payment, orderId: "short" }), 400, "INVALID_REQUEST");
        refused(yield* toss.confirm("{not json"), 400, "INVALID_REQUEST");
        refused(yield* toss.confirm({ ...payment, paymentKey: "nobody" }), 404, "NOT_FOUND_PAYMENT");
        refused(yield* toss.call("GET", "/v1/payments/orders/nobody-1"), 404, "NOT_FOUND_PAYMENT");
        refused(yield* toss.call("GET", "/v1/nowhere"), 404, "NOT_FOUND");
        const tiny = yield* toss.open({ orderId: "order-tiny", amount: 99 });
        refused(yield* toss.confirm(tiny), 400, "BELOW_MINIMUM_AMOUNT");
        assert.isEmpty(toss.toss.captures());
        assert.strictEqual((yield* toss.inquire(payment.paymentKey)).body.status, "IN_PROGRESS");
      }),
    ),
  );

  it.live(
    "the window to confirm is ten minutes to the millisecond",
    simulated((toss) =>
      Effect.gen(function* () {
        const early = yield* toss.open(order);
        const late = yield* toss.open({ orderId: "order-late", amount: 5_000 });
        toss.pass(600_000);
        assert.strictEqual((yield* toss.confirm(early)).status, 200);
        toss.pass(1);
        refused(yield* toss.confirm(late), 404, "NOT_FOUND_PAYMENT_SESSION");
        const seen = (yield* toss.inquire(late.paymentKey)).body;
        assert.strictEqual(seen.status, "EXPIRED");
        assert.strictEqual(seen.failure.code, "EXPIRED_PAYMENT");
      }),
    ),
  );

  it.live(
    "the buyer has thirty minutes to authenticate, then ten to be confirmed",
    simulated((toss) =>
      Effect.gen(function* () {
        const opened = yield* toss.open({ ...order, status: "READY" });
        const forgotten = yield* toss.open({ orderId: "order-forgotten", amount: 500, status: "READY" });
        const ready = (yield* toss.inquire(opened.paymentKey)).body;
        assert.deepStrictEqual([ready.status, ready.method], ["READY", null]);
        refused(yield* toss.confirm(opened), 404, "NOT_FOUND_PAYMENT_SESSION");
        toss.pass(1_800_000);
        const authenticate = (key: string) => toss.call("POST", `/__sim/payments/${key}/authenticate`);
        assert.strictEqual((yield* authenticate(opened.paymentKey)).body.status, "IN_PROGRESS");
        toss.pass(600_000);
        assert.strictEqual((yield* authenticate(forgotten.paymentKey)).status, 404);
        assert.strictEqual((yield* toss.confirm(opened)).body.status, "DONE");
      }),
    ),
  );

  it.live(
    "an order is paid once: a second payment of it is refused and the inquiry shows the paid one",
    simulated((toss) =>
      Effect.gen(function* () {
        const first = yield* toss.open(order);
        const second = yield* toss.open(order);
        yield* toss.confirm(first);
        refused(yield* toss.confirm(second), 400, "DUPLICATED_ORDER_ID");
        const seen = yield* toss.call("GET", `/v1/payments/orders/${order.orderId}`);
        assert.strictEqual(seen.body.paymentKey, first.paymentKey);
      }),
    ),
  );

  it.live(
    "a virtual account is captured by the deposit, not by confirm",
    simulated((toss) =>
      Effect.gen(function* () {
        const payment = yield* toss.open({ ...order, method: "가상계좌" });
        const waiting = (yield* toss.confirm(payment)).body;
        assert.deepStrictEqual([waiting.status, waiting.approvedAt], ["WAITING_FOR_DEPOSIT", null]);
        assert.isEmpty(toss.toss.captures());
        refused(
          yield* toss.cancel(payment.paymentKey, { ...reason, cancelAmount: 1 }),
          403,
          "NOT_ALLOWED_PARTIAL_REFUND_WAITING_DEPOSIT",
        );
        const paid = yield* toss.call("POST", `/__sim/payments/${payment.paymentKey}/deposit`);
        assert.strictEqual(paid.body.status, "DONE");
        assert.lengthOf(toss.toss.captures(), 1);
        refused(yield* toss.cancel(payment.paymentKey, reason), 400, "INVALID_REFUND_ACCOUNT_INFO");
        const account = { bank: "20", accountNumber: "1234567890", holderName: "김토스" };
        const refund = yield* toss.cancel(payment.paymentKey, { ...reason, refundReceiveAccount: account });
        assert.strictEqual(refund.body.status, "CANCELED");
      }),
    ),
  );

  it.live(
    "a forced error comes before any look at the payment, with its real status, and only with a test key",
    simulated(
      (toss) =>
        Effect.gen(function* () {
          const payment = yield* toss.open(order);
          const forced = (code: string, secret: string) =>
            toss.confirm({ ...payment, amount: 1 }, { secret, headers: { "TossPayments-Test-Code": code } });
          refused(yield* forced("REJECT_CARD_PAYMENT", "test_sk_a"), 403, "REJECT_CARD_PAYMENT");
          refused(yield* forced("COMMON_ERROR", "test_sk_a"), 500, "COMMON_ERROR");
          refused(yield* forced("IDEMPOTENT_REQUEST_PROCESSING", "test_sk_a"), 409, "IDEMPOTENT_REQUEST_PROCESSING");
          refused(yield* forced("COMMON_ERROR", "live_sk_a"), 400, "INVALID_REQUEST");
          assert.strictEqual(
            (yield* toss.inquire(payment.paymentKey, { secret: "test_sk_a" })).body.status,
            "IN_PROGRESS",
          );
        }),
      { secretKeys: ["test_sk_a", "live_sk_a"] },
    ),
  );

  it.live(
    "a body over the limit is refused unread",
    simulated(
      (toss) =>
        Effect.gen(function* () {
          refused(yield* toss.confirm({ paymentKey: "x".repeat(2_000) }), 413, "PAYLOAD_TOO_LARGE");
        }),
      { maxBodyBytes: 1_000 },
    ),
  );
});
