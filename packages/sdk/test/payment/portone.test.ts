import { assert, describe, it } from "@effect/vitest";
import { PortOne } from "@destiny/sdk/payment";
import { PortOne as Vendor } from "@destiny/testkit/simulators";
import * as Effect from "effect/Effect";
import * as Redacted from "effect/Redacted";
import { type Answer, baseUrl, scripted } from "./Scripted.ts";

const amount = 15_000;
const order = "order-1";
const request = {
  paymentKey: PortOne.paymentKey(PortOne.paymentId(order, 2), "token"),
  vendorOrderId: order,
  amount,
  idempotencyKey: "confirm:order-1:1",
};
const back = { ...request, reason: "changed my mind", idempotencyKey: "return:order-1:1:0" };

const against = (answer: (what: string) => Answer, isTest = false) => {
  const { log, provide } = scripted(({ what }) => answer(what));
  const gateway = provide(PortOne.make({ baseUrl, apiSecret: Redacted.make("secret"), isTest, timeoutMillis: 400 }));
  return { log, gateway };
};

const payment = (fields: Readonly<Record<string, unknown>>) => ({
  id: "order-1-2",
  currency: "KRW",
  channel: { type: "LIVE" },
  paidAt: "2026-11-27T00:00:00Z",
  method: { type: "PaymentMethodCard" },
  ...fields,
  amount: { total: amount, paid: amount, cancelled: 0, ...(fields["amount"] as object | undefined) },
});

/** Every status of the vendor's schema, and one that it may add. */
const statuses = [
  [{ status: "PAID" }, { _tag: "Approved", amount, method: "CARD", approvedAt: Date.UTC(2026, 10, 27) }],
  [{ status: "PAID", currency: "USD" }, { _tag: "Unknown" }],
  [{ status: "PAID", paidAt: "soon" }, { _tag: "Unknown" }],
  [
    { status: "PAID", channel: { type: "TEST" } },
    { _tag: "Declined", code: "TEST_CHANNEL" },
  ],
  [{ status: "READY" }, { _tag: "Pending" }],
  [{ status: "PENDING" }, { _tag: "Pending" }],
  [{ status: "PAY_PENDING" }, { _tag: "Pending" }],
  [{ status: "VIRTUAL_ACCOUNT_ISSUED" }, { _tag: "Pending" }],
  [
    { status: "FAILED", failure: { reason: "no", pgCode: "X1" } },
    { _tag: "Declined", kind: "hard", code: "X1" },
  ],
  [{ status: "FAILED" }, { _tag: "Declined", code: "FAILED" }],
  [
    { status: "CANCELLED", amount: { cancelled: amount } },
    { _tag: "Declined", code: "CANCELLED" },
  ],
  [
    { status: "PARTIAL_CANCELLED", amount: { cancelled: amount } },
    { _tag: "Declined", code: "CANCELLED" },
  ],
  [{ status: "PARTIAL_CANCELLED", amount: { cancelled: 1 } }, { _tag: "Unknown" }],
  [{ status: "SOMETHING_NEW" }, { _tag: "Unknown", answered: true }],
] as const;

const troubled = { _tag: "Unknown", answered: true, technical: true } as const;

/** What the vendor's error types prove about a confirm. Written out here: the adapter's table is the subject. */
const confirmTypes = [
  [400, { type: "INVALID_REQUEST" }, { _tag: "Declined", kind: "hard" }],
  [400, { type: "INVALID_PAYMENT_TOKEN" }, { _tag: "Declined", kind: "hard" }],
  [409, { type: "INFORMATION_MISMATCH" }, { _tag: "Declined", kind: "hard" }],
  [404, { type: "PAYMENT_NOT_FOUND" }, { _tag: "Declined", kind: "hard" }],
  [401, { type: "UNAUTHORIZED" }, { _tag: "NotSent", reason: "configuration" }],
  [403, { type: "FORBIDDEN" }, { _tag: "NotSent", reason: "configuration" }],
  [404, { type: "CHANNEL_NOT_FOUND" }, { _tag: "NotSent", reason: "configuration" }],
  [429, { type: "ANYTHING" }, { _tag: "NotSent", reason: "rate-limited" }],
  [409, { type: "ALREADY_PAID" }, { _tag: "Unknown", answered: true }],
  [409, { type: "IDEMPOTENCY_OUTSTANDING_REQUEST" }, { _tag: "Unknown", answered: false, technical: false }],
  [502, { type: "PG_PROVIDER", pgCode: "F112", pgMessage: "?" }, { ...troubled, why: "PG_PROVIDER" }],
  [502, { type: "PG_PROVIDER", pgCode: "REJECT_CARD_PAYMENT" }, { _tag: "Declined", kind: "soft" }],
  [503, { type: "SOMETHING_NEW" }, { ...troubled, why: "SOMETHING_NEW" }],
  [400, { type: "SOMETHING_NEW" }, { _tag: "Unknown", answered: true }],
  [500, "no body of the vendor's", { _tag: "Unknown", answered: false }],
] as const;

const cancelTypes = [
  [409, "PAYMENT_NOT_PAID", "Refused"],
  [409, "MAX_CANCEL_COUNT_REACHED", "Refused"],
  [404, "PAYMENT_NOT_FOUND", "Refused"],
  [400, "INVALID_REQUEST", "Refused"],
  [401, "UNAUTHORIZED", "NotSent"],
  [409, "IDEMPOTENCY_OUTSTANDING_REQUEST", "Unknown"],
  [502, "PG_PROVIDER", "Unknown"],
  [409, "SOMETHING_NEW", "Unknown"],
] as const;

const settled = [
  [{ status: "CANCELLED", amount: { cancelled: amount } }, "AlreadyCancelled"],
  [{ status: "PAID" }, "Refused"],
  [{ status: "PAID", cancellations: [{ status: "REQUESTED" }] }, "Unknown"],
] as const;

describe("PortOne", () => {
  it.effect("a confirm tells the vendor what we expect, under a quoted key of at least 16 characters", () =>
    Effect.gen(function* () {
      const { gateway, log } = against(() => ({ body: { payment: { pgTxId: "t", paidAt: "2026-11-27T00:00:00Z" } } }));
      const made = yield* gateway;
      assert.deepInclude(yield* made.confirm(request), { _tag: "Approved", amount });
      yield* made.confirm({ ...request, idempotencyKey: "short" });
      assert.strictEqual(log[0]?.what, "POST /payments/order-1-2/confirm");
      assert.strictEqual(log[0]?.headers["authorization"], "PortOne secret");
      assert.strictEqual(log[0]?.headers["idempotency-key"], '"confirm:order-1:1"');
      assert.match(log[1]?.headers["idempotency-key"] ?? "", /^"[\x20-\x7e]{16,256}"$/);
      const body = { paymentToken: "token", currency: "KRW", totalAmount: amount, isTest: false };
      assert.deepStrictEqual(log[0]?.body, body);
    }),
  );

  for (const [paymentKey, vendorOrderId] of [
    ["order-1-2:token", "order-2"],
    ["order-1-2:token", "order"],
    ["order-1-2:token", "order-1-2"],
    ["order-1-2", "order-1"],
    [":token", "order-1"],
    ["order-1-2:", "order-1"],
    // What a buyer may make up, to reach another address or to break ours.
    ["order-1-../cancel:token", "order-1"],
    ["order-1-\ud800:token", "order-1"],
    ["order-1-0:token", "order-1"],
  ] as const) {
    it.effect(`${paymentKey} is no try of ${vendorOrderId}: declined without a request`, () =>
      Effect.gen(function* () {
        const { gateway, log } = against(() => ({ body: {} }));
        const made = yield* gateway;
        const other = { ...request, paymentKey, vendorOrderId };
        assert.deepInclude(yield* made.confirm(other), { _tag: "Declined", code: "OTHER_ORDER" });
        assert.deepInclude(yield* made.inquire(other), { _tag: "Declined", code: "OTHER_ORDER" });
        assert.isEmpty(log);
      }),
    );
  }

  for (const [fields, outcome] of statuses) {
    it.effect(`an inquiry that finds ${JSON.stringify(fields)} is ${outcome._tag}`, () =>
      Effect.gen(function* () {
        const { gateway } = against(() => ({ body: payment(fields) }));
        const seen: object = yield* (yield* gateway).inquire(request);
        assert.deepInclude(seen, outcome);
      }),
    );
  }

  it.effect("a payment of a test channel counts where that is wanted", () =>
    Effect.gen(function* () {
      const { gateway } = against(() => ({ body: payment({ status: "PAID", channel: { type: "TEST" } }) }), true);
      assert.strictEqual((yield* (yield* gateway).inquire(request))._tag, "Approved");
    }),
  );

  for (const [status, body, outcome] of confirmTypes) {
    it.effect(`a confirm that gets ${status} ${JSON.stringify(body)} is ${outcome._tag}`, () =>
      Effect.gen(function* () {
        const { gateway } = against(() => ({ status, body }));
        const seen: object = yield* (yield* gateway).confirm(request);
        assert.deepInclude(seen, outcome);
      }),
    );
  }

  for (const [status, type, outcome] of cancelTypes) {
    it.effect(`a cancel that gets ${status} ${type} is ${outcome}`, () =>
      Effect.gen(function* () {
        const { gateway } = against(() => ({ status, body: { type } }));
        assert.strictEqual((yield* (yield* gateway).cancel(back))._tag, outcome);
      }),
    );
  }

  for (const [fields, outcome] of settled) {
    it.effect(`a cancel that finds another amount looks, and ${JSON.stringify(fields)} is ${outcome}`, () =>
      Effect.gen(function* () {
        const { gateway } = against((what) =>
          what.startsWith("POST")
            ? { status: 409, body: { type: "CANCELLABLE_AMOUNT_CONSISTENCY_BROKEN" } }
            : { body: payment(fields) },
        );
        assert.strictEqual((yield* (yield* gateway).cancel(back))._tag, outcome);
      }),
    );
  }

  it.effect("a cancel names the amount that is left, so that the vendor gives back all of it or nothing", () =>
    Effect.gen(function* () {
      const { gateway, log } = against(() => ({
        body: { cancellation: { status: "SUCCEEDED", totalAmount: amount } },
      }));
      assert.deepStrictEqual(yield* (yield* gateway).cancel(back), { _tag: "Cancelled", amount });
      assert.deepStrictEqual(log[0]?.body, { reason: "changed my mind", amount, currentCancellableAmount: amount });
    }),
  );

  it.effect("a cancellation that the acquirer refused is refused", () =>
    Effect.gen(function* () {
      const { gateway } = against(() => ({ body: { cancellation: { status: "FAILED", totalAmount: amount } } }));
      assert.strictEqual((yield* (yield* gateway).cancel(back))._tag, "Refused");
    }),
  );

  it.live("a cancellation that the acquirer takes its time for is unknown until it is settled", () =>
    Effect.gen(function* () {
      const vendor = yield* Vendor.make({ port: 0, asynchronousCancels: true, drainMillis: 100 });
      const gateway = yield* PortOne.make({
        baseUrl: vendor.url,
        apiSecret: Redacted.make(vendor.apiSecret),
        isTest: true,
      });
      const { paymentId, paymentToken } = vendor.createPayment({ orderId: order, amount })!;
      const paymentKey = PortOne.paymentKey(paymentId, paymentToken);
      yield* gateway.confirm({ ...request, paymentKey });
      const cancel = (no: number) => gateway.cancel({ ...back, paymentKey, idempotencyKey: `return:order-1:1:${no}` });
      assert.strictEqual((yield* cancel(1))._tag, "Unknown");
      assert.strictEqual((yield* cancel(2))._tag, "Unknown");
      assert.strictEqual((yield* gateway.inquire({ ...request, paymentKey }))._tag, "Approved");
      yield* Effect.promise(() => fetch(`${vendor.url}/__sim/payments/${paymentId}/settle`, { method: "POST" }));
      assert.strictEqual((yield* cancel(3))._tag, "AlreadyCancelled");
      assert.deepStrictEqual(
        vendor.captures().map(({ kind }) => kind),
        ["captured", "canceled"],
      );
    }).pipe(Effect.provide(PortOne.httpClient), Effect.scoped),
  );
});
