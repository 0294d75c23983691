import { assert, describe, it } from "@effect/vitest";
import * as Effect from "effect/Effect";
import * as Fiber from "effect/Fiber";
import * as Schedule from "effect/Schedule";
import * as TestClock from "effect/testing/TestClock";
import * as Toss from "../../src/simulators/Toss.ts";
import { basic, makeClient, type Reply, simulated } from "./TossHarness.ts";

const refused = (reply: Reply, status: number, code: string) => {
  assert.strictEqual(reply.body.code, code);
  assert.strictEqual(reply.status, status);
  assert.isString(reply.body.message);
};
const order = { orderId: "order-0001", amount: 11_000 };
const reason = { cancelReason: "고객 변심" };

describe("authentication", () => {
  it.live(
    "a key without the trailing colon is refused as a format, a strange key as a key",
    simulated((toss) =>
      Effect.gen(function* () {
        const ask = (authorization: string) => toss.inquire("k", { authorization });
        refused(yield* ask(basic(Toss.defaultSecretKey)), 403, "INCORRECT_BASIC_AUTH_FORMAT");
        refused(yield* ask(`Bearer ${Toss.defaultSecretKey}`), 403, "INCORRECT_BASIC_AUTH_FORMAT");
        refused(yield* ask(""), 401, "UNAUTHORIZED_KEY");
        refused(yield* ask(basic("test_sk_other:")), 401, "UNAUTHORIZED_KEY");
        refused(yield* ask(basic("test_ck_client:")), 400, "INVALID_API_KEY");
        refused(yield* ask(basic(`${Toss.defaultSecretKey}:`)), 404, "NOT_FOUND_PAYMENT");
      }),
    ),
  );

  it.live(
    "the language of messages follows Accept-Language",
    simulated((toss) =>
      Effect.gen(function* () {
        const english = yield* toss.inquire("k", { headers: { "accept-language": "en-US" } });
        const korean = yield* toss.inquire("k", { headers: { "accept-language": "ko-KR" } });
        assert.strictEqual(english.body.message, "The payment does not exist.");
        assert.match(korean.body.message, /존재하지/);
      }),
    ),
  );
});

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

describe("idempotency keys", () => {
  it.live(
    "a key replays status and bytes, whatever the body says",
    simulated((toss) =>
      Effect.gen(function* () {
        const payment = yield* toss.open(order);
        const other = yield* toss.open({ orderId: "order-0002", amount: 2_000 });
        const first = yield* toss.confirm(payment, { key: "k1" });
        yield* toss.cancel(payment.paymentKey, reason);
        const again = yield* toss.confirm(other, { key: "k1" });
        assert.deepStrictEqual([again.status, again.text], [200, first.text]);
        assert.strictEqual((yield* toss.inquire(other.paymentKey)).body.status, "IN_PROGRESS");
      }),
    ),
  );

  it.live(
    "errors are bound to their key as well, for fifteen days",
    simulated((toss) =>
      Effect.gen(function* () {
        const payment = yield* toss.open(order);
        const wrong = yield* toss.confirm({ ...payment, amount: 1 }, { key: "k1" });
        refused(wrong, 400, "INVALID_REQUEST");
        assert.strictEqual((yield* toss.confirm(payment, { key: "k1" })).text, wrong.text);
        assert.strictEqual((yield* toss.confirm(payment, { key: "k2" })).status, 200);
        toss.pass(15 * 86_400_000 - 1);
        assert.strictEqual((yield* toss.confirm(payment, { key: "k1" })).text, wrong.text);
        toss.pass(1);
        refused(yield* toss.confirm(payment, { key: "k1" }), 400, "ALREADY_PROCESSED_PAYMENT");
      }),
    ),
  );

  it.live(
    "a key belongs to its secret and its URL, and is ignored on GET",
    simulated(
      (toss) =>
        Effect.gen(function* () {
          const payment = yield* toss.open(order);
          refused(
            yield* toss.confirm({ ...payment, amount: 1 }, { key: "k", secret: "test_sk_a" }),
            400,
            "INVALID_REQUEST",
          );
          assert.strictEqual(
            (yield* toss.inquire(payment.paymentKey, { key: "k", secret: "test_sk_a" })).body.status,
            "IN_PROGRESS",
          );
          assert.strictEqual((yield* toss.confirm(payment, { key: "k", secret: "test_sk_b" })).status, 200);
          assert.strictEqual(
            (yield* toss.cancel(payment.paymentKey, reason, { key: "k", secret: "test_sk_a" })).body.status,
            "CANCELED",
          );
        }),
      { secretKeys: ["test_sk_a", "test_sk_b"] },
    ),
  );

  it.live(
    "a key may have 300 characters and no more",
    simulated((toss) =>
      Effect.gen(function* () {
        const payment = yield* toss.open(order);
        refused(yield* toss.confirm(payment, { key: "k".repeat(301) }), 400, "INVALID_IDEMPOTENCY_KEY");
        assert.strictEqual((yield* toss.confirm(payment, { key: "k".repeat(300) })).status, 200);
      }),
    ),
  );

  it.live(
    "while the first is in flight the same key gets 409, and another key for the payment 400",
    simulated((toss) =>
      Effect.gen(function* () {
        const payment = yield* toss.open(order);
        yield* toss.faults({
          kind: "latency",
          delay: { distribution: "fixed", millis: 300 },
          operations: ["confirm"],
          count: 1,
        });
        const first = yield* Effect.forkChild(toss.confirm(payment, { key: "k1" }), { startImmediately: true });
        // The first has reached the simulator once the rule has its hit.
        yield* Effect.sync(() => toss.toss.faults.report().rules[0]?.hits).pipe(
          Effect.repeat({ until: (hits) => hits === 1, schedule: Schedule.spaced("5 millis") }),
          Effect.timeout("2 seconds"),
        );
        const second = yield* toss.confirm(payment, { key: "k1" });
        refused(second, 409, "IDEMPOTENT_REQUEST_PROCESSING");
        refused(yield* toss.confirm(payment, { key: "k2" }), 400, "ALREADY_PROCESSING_REQUEST");
        const done = yield* Fiber.join(first);
        assert.strictEqual(done.status, 200);
        assert.strictEqual((yield* toss.confirm(payment, { key: "k1" })).text, done.text);
        assert.lengthOf(toss.toss.captures(), 1);
      }),
    ),
  );

  it.live(
    "the table is bounded: the oldest answer goes, is counted, and the payment's own state still protects it",
    simulated(
      (toss) =>
        Effect.gen(function* () {
          const payment = yield* toss.open(order);
          yield* toss.confirm(payment, { key: "k0" });
          for (const key of ["k1", "k2"]) yield* toss.confirm({}, { key });
          refused(yield* toss.confirm(payment, { key: "k0" }), 400, "ALREADY_PROCESSED_PAYMENT");
          assert.strictEqual((yield* toss.call("GET", "/healthz")).body.evictedIdempotencyKeys, 2);
        }),
      { maxIdempotencyKeys: 2 },
    ),
  );
});

describe("limits and lists", () => {
  it.live(
    "with the flag, an operation has its calls a minute and then 429 with Retry-After",
    simulated(
      (toss) =>
        Effect.gen(function* () {
          for (let call = 0; call < 3; call++) assert.strictEqual((yield* toss.inquire("k")).status, 404);
          toss.pass(15_000);
          const limited = yield* toss.inquire("k");
          refused(limited, 429, "TOO_MANY_REQUESTS");
          assert.strictEqual(limited.headers.get("retry-after"), "45");
          assert.strictEqual((yield* toss.confirm({})).status, 400);
          toss.pass(45_000);
          assert.strictEqual((yield* toss.inquire("k")).status, 404);
        }),
      { rateLimitPerMinute: 3 },
    ),
  );

  it.live(
    "transactions are listed oldest first, by window, in pages that neither repeat nor skip",
    simulated((toss) =>
      Effect.gen(function* () {
        for (let index = 0; index < 5; index++) {
          const payment = yield* toss.open({ orderId: `order-000${index}`, amount: 1_000 + index });
          yield* toss.confirm(payment);
          if (index === 1) yield* toss.cancel(payment.paymentKey, reason);
          toss.pass(1_000);
        }
        const ask = (query: string) => toss.call("GET", `/v1/transactions?${query}`);
        const day = "startDate=2026-11-27T00:00:00&endDate=2026-11-27T23:59:59";
        const all = (yield* ask(day)).body;
        assert.deepStrictEqual(
          all.map((row: { orderId: string; status: string; amount: number }) => [row.orderId, row.status, row.amount]),
          [
            ["order-0000", "DONE", 1_000],
            ["order-0001", "DONE", 1_001],
            ["order-0001", "CANCELED", 1_001],
            ["order-0002", "DONE", 1_002],
            ["order-0003", "DONE", 1_003],
            ["order-0004", "DONE", 1_004],
          ],
        );
        const paged: Array<{ transactionKey: string }> = [];
        for (let pages = 0; pages < 4; pages++) {
          const after = paged.at(-1) === undefined ? "" : `&startingAfter=${paged.at(-1)?.transactionKey}`;
          const rows = (yield* ask(`${day}&limit=2${after}`)).body;
          assert.lengthOf(rows, pages < 3 ? 2 : 0);
          paged.push(...rows);
        }
        assert.deepStrictEqual(paged, all);
        const window = yield* ask("startDate=2026-11-27T09:00:02&endDate=2026-11-27T09:00:03");
        assert.lengthOf(window.body, 2);
        refused(yield* ask("limit=2"), 400, "INVALID_REQUEST");
        refused(yield* ask(`${day}&limit=5001`), 400, "INVALID_REQUEST");
      }),
    ),
  );

  it.live(
    "control lists come in pages, and a reset forgets everything",
    simulated(
      (toss) =>
        Effect.gen(function* () {
          for (let index = 0; index < 3; index++) {
            yield* toss.confirm(yield* toss.open({ orderId: `order-000${index}`, amount: 1_000 }), {
              key: `k${index}`,
            });
          }
          const first = (yield* toss.call("GET", "/__sim/captures?limit=2")).body;
          assert.deepStrictEqual([first.items.length, first.nextCursor], [2, "2"]);
          const rest = (yield* toss.call("GET", `/__sim/captures?limit=2&after=${first.nextCursor}`)).body;
          assert.deepStrictEqual([rest.items[0].sequence, rest.items.length, rest.nextCursor], [3, 1, null]);
          assert.lengthOf((yield* toss.call("GET", "/__sim/payments")).body.items, 3);
          assert.strictEqual(
            (yield* toss.call("POST", "/__sim/payments", { orderId: "order-0009", amount: 0 })).status,
            400,
          );
          assert.strictEqual(
            (yield* toss.call("POST", "/__sim/payments", { orderId: "order-0009", amount: 1 })).status,
            503,
          );
          yield* toss.call("POST", "/__sim/reset");
          assert.isEmpty((yield* toss.call("GET", "/__sim/captures")).body.items);
          assert.isEmpty((yield* toss.call("GET", "/__sim/payments")).body.items);
          assert.strictEqual((yield* toss.confirm(yield* toss.open(order), { key: "k0" })).body.orderId, order.orderId);
        }),
      { maxPayments: 3 },
    ),
  );
});

describe("the layer", () => {
  it.effect("gives tests a simulator on their own clock, with direct access to faults and captures", () =>
    Effect.gen(function* () {
      const toss = yield* Toss.TossSimulator;
      const client = makeClient(toss.url);
      const payment = yield* client.open(order);
      const late = toss.createPayment({ orderId: "order-late", amount: 1_000 });
      yield* client.confirm(payment);
      assert.lengthOf(toss.captures(), 1);
      yield* TestClock.adjust("11 minutes");
      refused(
        yield* client.confirm({ paymentKey: late?.paymentKey, orderId: "order-late", amount: 1_000 }),
        404,
        "NOT_FOUND_PAYMENT_SESSION",
      );
      toss.faults.put({ rules: [{ kind: "unavailable", status: 502 }] });
      assert.strictEqual((yield* client.inquire(payment.paymentKey)).status, 502);
      toss.reset();
      assert.isEmpty(toss.payments());
    }).pipe(Effect.provide(Toss.layer({ port: 0 }))),
  );
});
