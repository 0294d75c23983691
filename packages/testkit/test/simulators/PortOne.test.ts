import { assert, describe, it } from "@effect/vitest";
import * as Effect from "effect/Effect";
import * as Result from "effect/Result";
import * as Schema from "effect/Schema";
import * as PortOne from "../../src/simulators/PortOne.ts";
import * as PortOnePayment from "../../src/simulators/portone/PortOnePayment.ts";
import type { Reply } from "./TossHarness.ts";
import { type Simulated, simulating } from "./VendorHarness.ts";

type World = Simulated<PortOne.PortOneSimulatorShape>;

const refused = (reply: Reply, status: number, type: string) =>
  assert.deepStrictEqual([reply.status, reply.body.type], [status, type]);

const amount = 11_000;
const key = (text: string) => ({ key: `"${text.padEnd(16, ".")}"` });
const reason = { reason: "고객 변심" };

const run = simulating(PortOne.make, `PortOne ${PortOne.defaultApiSecret}`);
const world = (
  body: (world: World) => Effect.Effect<unknown, unknown>,
  options: Partial<PortOne.PortOneOptions> = {},
) => run(body, options);

/** The browser step, and the routes of the payment that it opened. */
const opened = ({ call }: World, input: object = {}) =>
  Effect.map(call("POST", "/__sim/payments", { orderId: "order-1", amount, ...input }), ({ body }) => {
    const path = `/payments/${body.paymentId}`;
    const { paymentToken } = body;
    return {
      handed: body,
      look: call("GET", path),
      confirm: (changes: object = {}, options = {}) =>
        call("POST", `${path}/confirm`, { paymentToken, totalAmount: amount, ...changes }, options),
      cancel: (changes: object = {}, options = {}) =>
        call("POST", `${path}/cancel`, { ...reason, ...changes }, options),
    };
  });

describe("PortOne, simulated", () => {
  it.live(
    "a strange secret is unauthorized",
    world(({ call }) =>
      Effect.gen(function* () {
        for (const authorization of ["PortOne other", `Bearer ${PortOne.defaultApiSecret}`, ""]) {
          refused(yield* call("GET", "/payments/x", undefined, { authorization }), 401, "UNAUTHORIZED");
        }
        refused(yield* call("GET", "/payments/x"), 404, "PAYMENT_NOT_FOUND");
        refused(yield* call("GET", "/nowhere"), 404, "NOT_FOUND");
      }),
    ),
  );

  it.live(
    "approves once, and the payment then has every field that the vendor promises",
    world((simulated) =>
      Effect.gen(function* () {
        const { confirm, handed, look } = yield* opened(simulated);
        assert.strictEqual(handed.paymentKey, `${handed.paymentId}:${handed.paymentToken}`);
        assert.strictEqual((yield* look).body.status, "READY");
        const confirmed = yield* confirm({ currency: "KRW", isTest: true });
        assert.deepStrictEqual(Object.keys(confirmed.body.payment).toSorted(), ["paidAt", "pgTxId"]);
        const { body } = yield* look;
        const promised = `status id transactionId merchantId storeId channel version requestedAt updatedAt
          statusChangedAt orderName amount currency customer origin paidAt disputes`.split(/\s+/);
        assert.includeMembers(Object.keys(body), promised);
        assert.deepStrictEqual([body.status, body.id, body.channel.type], ["PAID", handed.paymentId, "TEST"]);
        assert.deepInclude(body.amount, { total: amount, paid: amount, cancelled: 0 });
        refused(yield* confirm(), 409, "ALREADY_PAID");
        assert.deepStrictEqual(simulated.moved(), [`captured ${amount}`]);
        assert.strictEqual(simulated.vendor.captures()[0]?.paymentKey, handed.paymentKey);
      }),
    ),
  );

  it.live(
    "refuses another amount, currency, kind of channel or token, and a token that is too old, and takes no money",
    world((simulated) =>
      Effect.gen(function* () {
        const { confirm } = yield* opened(simulated);
        refused(yield* confirm({ totalAmount: amount - 1 }), 409, "INFORMATION_MISMATCH");
        refused(yield* confirm({ currency: "USD" }), 409, "INFORMATION_MISMATCH");
        refused(yield* confirm({ isTest: false }), 409, "INFORMATION_MISMATCH");
        refused(yield* confirm({ paymentToken: "other" }), 400, "INVALID_PAYMENT_TOKEN");
        refused(yield* confirm({ paymentToken: 7 }), 400, "INVALID_REQUEST");
        simulated.pass(PortOnePayment.confirmWithinMillis + 1);
        refused(yield* confirm(), 400, "INVALID_PAYMENT_TOKEN");
        assert.isEmpty(simulated.moved());
      }),
    ),
  );

  it.live(
    "a payment id stands for one payment: it cannot be opened twice",
    world((simulated) =>
      Effect.gen(function* () {
        yield* opened(simulated, { paymentId: "p-1" });
        const again = yield* simulated.call("POST", "/__sim/payments", {
          orderId: "order-1",
          amount,
          paymentId: "p-1",
        });
        assert.strictEqual(again.status, 503);
      }),
    ),
  );

  it.live(
    "a window that is open waits for the buyer",
    world((simulated) =>
      Effect.gen(function* () {
        const { confirm, handed } = yield* opened(simulated, { status: "READY" });
        refused(yield* confirm(), 400, "INVALID_PAYMENT_TOKEN");
        const path = `/__sim/payments/${handed.paymentId}/authenticate`;
        assert.strictEqual((yield* simulated.call("POST", path)).status, 200);
        assert.strictEqual((yield* confirm()).status, 200);
      }),
    ),
  );

  it.live(
    "an idempotency key has to be a quoted string of 16 characters or more; it replays the bytes for 3 hours",
    world((simulated) =>
      Effect.gen(function* () {
        const { confirm } = yield* opened(simulated);
        for (const wrong of ["confirm-order-1-0001", '"short"', `"${"x".repeat(257)}"`]) {
          refused(yield* confirm({}, { key: wrong }), 400, "INVALID_REQUEST");
        }
        const first = yield* confirm({}, key("confirm-1"));
        assert.strictEqual(first.status, 200);
        simulated.pass(3 * 3_600_000 - 1);
        assert.strictEqual((yield* confirm({}, key("confirm-1"))).text, first.text);
        simulated.pass(1);
        refused(yield* confirm({}, key("confirm-1")), 409, "ALREADY_PAID");
        assert.deepStrictEqual(simulated.moved(), [`captured ${amount}`]);
      }),
    ),
  );

  it.live(
    "while the first request is in flight the same key gets 409",
    world((simulated) =>
      Effect.gen(function* () {
        const { confirm } = yield* opened(simulated);
        yield* simulated.faults({ kind: "latency", delay: { distribution: "fixed", millis: 300 }, count: 1 });
        const both = yield* Effect.all([confirm({}, key("confirm-1")), confirm({}, key("confirm-1"))], {
          concurrency: 2,
        });
        const [approved, told] = both.toSorted((left, right) => left.status - right.status);
        assert.strictEqual(approved?.status, 200);
        refused(told!, 409, "IDEMPOTENCY_OUTSTANDING_REQUEST");
        assert.deepStrictEqual(simulated.moved(), [`captured ${amount}`]);
      }),
    ),
  );

  it.live(
    "gives back in parts, never more than was taken, and only what the merchant thinks is left",
    world((simulated) =>
      Effect.gen(function* () {
        const { cancel, confirm, look } = yield* opened(simulated);
        refused(yield* cancel(), 409, "PAYMENT_NOT_PAID");
        yield* confirm();
        refused(
          yield* cancel({ amount: 1_000, currentCancellableAmount: 1_000 }),
          409,
          "CANCELLABLE_AMOUNT_CONSISTENCY_BROKEN",
        );
        const part = (yield* cancel({ amount: 1_000, currentCancellableAmount: amount })).body.cancellation;
        assert.deepStrictEqual([part.status, part.totalAmount], ["SUCCEEDED", 1_000]);
        assert.strictEqual((yield* look).body.status, "PARTIAL_CANCELLED");
        refused(yield* cancel({ amount }), 409, "CANCEL_AMOUNT_EXCEEDS_CANCELLABLE_AMOUNT");
        yield* cancel();
        const { body } = yield* look;
        assert.deepStrictEqual([body.status, body.amount.cancelled], ["CANCELLED", amount]);
        refused(yield* cancel(), 409, "PAYMENT_ALREADY_CANCELLED");
        assert.deepStrictEqual(simulated.moved(), ["captured 11000", "canceled 1000", "canceled 10000"]);
      }),
    ),
  );

  it.live(
    "an asynchronous cancellation is REQUESTED, and moves no money until it is settled",
    world(
      (simulated) =>
        Effect.gen(function* () {
          const { cancel, confirm, handed, look } = yield* opened(simulated);
          yield* confirm();
          assert.strictEqual((yield* cancel()).body.cancellation.status, "REQUESTED");
          assert.strictEqual((yield* look).body.status, "PAID");
          refused(yield* cancel(), 409, "CANCEL_AMOUNT_EXCEEDS_CANCELLABLE_AMOUNT");
          assert.lengthOf(simulated.moved(), 1);
          yield* simulated.call("POST", `/__sim/payments/${handed.paymentId}/settle`);
          assert.strictEqual((yield* look).body.status, "CANCELLED");
          assert.lengthOf(simulated.moved(), 2);
        }),
      { asynchronousCancels: true },
    ),
  );

  it.live(
    "what the acquirer refuses fails the payment, what it says of itself does not",
    world((simulated) =>
      Effect.gen(function* () {
        const { confirm, look } = yield* opened(simulated);
        yield* simulated.faults({ kind: "error", code: "PG_PROVIDER", operations: ["confirm"], count: 1 });
        const unwell = yield* confirm();
        assert.deepStrictEqual([unwell.status, unwell.body.type, unwell.body.pgCode], [502, "PG_PROVIDER", "UNKNOWN"]);
        assert.strictEqual((yield* look).body.status, "READY");
        yield* simulated.faults({ kind: "error", code: "PG_PROVIDER:NO_FUNDS", operations: ["confirm"], count: 1 });
        assert.strictEqual((yield* confirm()).body.pgCode, "NO_FUNDS");
        const { body } = yield* look;
        assert.deepStrictEqual([body.status, body.failure.pgCode], ["FAILED", "NO_FUNDS"]);
        refused(yield* confirm(), 400, "INVALID_PAYMENT_TOKEN");
      }),
    ),
  );

  it.live(
    "lists payments by page, status and time for reconciliation",
    world((simulated) =>
      Effect.gen(function* () {
        for (let no = 0; no < 5; no++) {
          const { confirm } = yield* opened(simulated, { orderId: `order-${no}` });
          if (no > 0) yield* confirm();
          simulated.pass(60_000);
        }
        const list = (query: unknown) =>
          simulated.call("GET", `/payments?requestBody=${encodeURIComponent(JSON.stringify(query))}`);
        const all = (yield* list({ filter: { status: ["PAID"] }, page: { size: 3 } })).body;
        assert.deepStrictEqual([all.items.length, all.page.totalCount], [3, 4]);
        const rest = (yield* list({ filter: { status: ["PAID"] }, page: { size: 3, number: 1 } })).body;
        assert.lengthOf(rest.items, 1);
        const early = (yield* list({ filter: { until: "2026-11-27T00:02:00Z" } })).body.items;
        assert.lengthOf(early, 2);
        refused(yield* list({ page: { size: 0 } }), 400, "INVALID_REQUEST");
        refused(yield* list({ filter: { from: "when?" } }), 400, "INVALID_REQUEST");
      }),
    ),
  );
});

const Step = Schema.Struct({
  act: Schema.Literals(["Authenticate", "Confirm", "Confirm", "Fail", "Cancel", "Cancel", "Settle"]),
  part: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 12 })),
  whole: Schema.Boolean,
  asynchronous: Schema.Boolean,
  minutes: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 7 })),
});

const commandOf = ({ act, asynchronous, part, whole }: typeof Step.Type): PortOnePayment.Command => {
  const transactionKey = "t";
  switch (act) {
    case "Authenticate":
      return { _tag: act };
    case "Settle":
      return { _tag: act, transactionKey };
    case "Fail":
      return { _tag: act, pgCode: "X", reason: "x" };
    case "Confirm": {
      const totalAmount = whole ? undefined : part * 1_000;
      return { _tag: act, paymentToken: "k", totalAmount, currency: undefined, isTest: undefined, transactionKey };
    }
    case "Cancel": {
      const cancelled = whole ? undefined : part * 1_000;
      const rest = { currentCancellableAmount: undefined, asynchronous, reason: "r", transactionKey };
      return { _tag: act, amount: cancelled, ...rest };
    }
  }
};

describe("a payment at PortOne, whatever is asked of it", () => {
  it.prop(
    "is taken once, and never gives back more than was taken",
    [Schema.Array(Step).check(Schema.isMaxLength(30))],
    ([steps]) => {
      const total = 10_000;
      let at = 0;
      let taken = 0;
      let payment: PortOnePayment.Payment = {
        paymentId: "p",
        orderId: "o",
        transactionId: "x",
        paymentToken: "k",
        orderName: "n",
        method: "PaymentMethodCard",
        total,
        status: "READY",
        requestedAt: 0,
        authenticatedAt: null,
        paidAt: null,
        pgTxId: null,
        cancellations: [],
        failure: null,
      };
      for (const step of steps) {
        at += step.minutes * 60_000;
        const before = payment;
        const decided = PortOnePayment.decide(payment, commandOf(step), at);
        if (Result.isFailure(decided)) continue;
        payment = decided.success;
        if (payment.paidAt !== before.paidAt) taken += 1;
        const back = PortOnePayment.cancelled(payment);
        const promised = payment.cancellations.reduce((sum, one) => sum + one.amount, 0);
        assert.isAtMost(promised, payment.paidAt === null ? 0 : total);
        assert.isAtMost(taken, 1);
        assert.strictEqual(payment.status === "CANCELLED", back === total);
        assert.strictEqual(payment.status === "PARTIAL_CANCELLED", back > 0 && back < total);
        if (payment.status === "FAILED") assert.isNull(payment.paidAt);
      }
    },
    { arbitrary: { runs: 300 } },
  );
});
