import { assert, describe, it } from "@effect/vitest";
import { Bootpay } from "@destiny/sdk/payment";
import { Bootpay as Vendor } from "@destiny/testkit/simulators";
import * as Effect from "effect/Effect";
import * as Fiber from "effect/Fiber";
import * as TestClock from "effect/testing/TestClock";
import { type Answer, baseUrl, scripted } from "./Scripted.ts";
import { type BootpayMode, bootpayCredentials } from "./Subjects.ts";

const amount = 15_000;
const timeoutMillis = 400;
const request = { paymentKey: "r1", vendorOrderId: "order-1", amount, idempotencyKey: "confirm:order-1:1" };
const back = { ...request, reason: "changed my mind", idempotencyKey: "return:order-1:1:0" };

const against = (
  answer: (what: string, authorization: string) => Answer | Effect.Effect<Answer>,
  mode: BootpayMode = "Keys",
) => {
  const { log, provide, times } = scripted(({ headers, what }) => answer(what, headers["authorization"] ?? ""));
  const credentials = bootpayCredentials(mode, Vendor.defaultKeys);
  return { log, times, gateway: provide(Bootpay.make({ baseUrl, credentials, timeoutMillis })) };
};

const receipt = (fields: Readonly<Record<string, unknown>> = {}) => ({
  receipt_id: "r1",
  order_id: "order-1",
  price: amount,
  cancelled_price: 0,
  status: 2,
  method_symbol: "card",
  purchased_at: null,
  ...fields,
});
const paid = receipt({ status: 1, purchased_at: "2026-11-27T09:00:00+09:00" });

/** Every status of the vendor's table, and one that it may add. */
const statuses = [
  [{ status: 0 }, { _tag: "Pending" }],
  [{ status: 2 }, { _tag: "Pending" }],
  [{ status: 3 }, { _tag: "Pending" }],
  [{ status: 5 }, { _tag: "Pending" }],
  [{ status: 1 }, { _tag: "Unknown" }],
  [{ status: -1 }, { _tag: "Declined", code: "STATUS_-1" }],
  [{ status: -2 }, { _tag: "Declined", code: "STATUS_-2" }],
  [{ status: -3 }, { _tag: "Declined" }],
  [
    { status: 20, cancelled_price: amount },
    { _tag: "Declined", code: "CANCELLED" },
  ],
  [{ status: 20, cancelled_price: 1 }, { _tag: "Unknown" }],
  [{ status: -20 }, { _tag: "Unknown" }],
  [{ status: -30 }, { _tag: "Unknown" }],
  [{ status: 11 }, { _tag: "Unknown" }],
  [{ status: 77 }, { _tag: "Unknown", answered: true }],
] as const;

/** What the vendor's codes prove about a confirm that was sent. */
const confirmCodes = [
  ["RC_CONFIRM_FAILED", 400, { _tag: "Declined", kind: "soft" }],
  ["RC_NOT_FOUND", 404, { _tag: "Declined", kind: "hard" }],
  ["RC_NOT_CONFIRM_READY", 400, { _tag: "Unknown", answered: true }],
  ["RC_CONFIRM_CRITICAL_FAILED", 400, { _tag: "Unknown", answered: true, technical: true }],
  ["APP_KEY_NOT_FOUND", 401, { _tag: "NotSent", reason: "configuration" }],
  ["APP_KEY_NOT_REST", 401, { _tag: "NotSent", reason: "configuration" }],
  ["APP_SK_NOT_MATCHED", 401, { _tag: "NotSent", reason: "configuration" }],
  ["TOKEN_KEY_INVALID", 401, { _tag: "NotSent", reason: "configuration" }],
  ["SOMETHING_NEW", 400, { _tag: "Unknown", answered: true }],
  // That it is an error is said by its code: the vendor promises no status.
  ["RC_CONFIRM_FAILED", 200, { _tag: "Declined", kind: "soft" }],
] as const;

const cancelCodes = [
  ["RC_CANCEL_SERVER_ERROR", "Refused"],
  ["RC_NOT_FOUND", "Refused"],
  ["RC_CANCEL_CRITICAL_ERROR", "Unknown"],
  ["APP_SK_NOT_MATCHED", "NotSent"],
  ["SOMETHING_NEW", "Unknown"],
] as const;

/** Answers to the look before a confirm, after which there must be no confirm. */
const looks: ReadonlyArray<readonly [string, Answer, object]> = [
  ["another price", { body: receipt({ price: amount - 1 }) }, { _tag: "Declined", code: "AMOUNT_MISMATCH" }],
  ["another order", { body: receipt({ order_id: "order-2" }) }, { _tag: "Declined", code: "OTHER_ORDER" }],
  ["a payment that was made", { body: paid }, { _tag: "Approved", amount, method: "CARD" }],
  ["one that is being approved", { body: receipt({ status: 3 }) }, { _tag: "Unknown", answered: false }],
  ["a buyer who is still at it", { body: receipt({ status: 0 }) }, { _tag: "Unknown" }],
  ["one that failed", { body: receipt({ status: -2 }) }, { _tag: "Declined" }],
  ["a proxy's 503", { status: 503, body: "" }, { _tag: "NotSent", reason: "preflight" }],
  ["a code in no table", { status: 400, body: { error_code: "NEW" } }, { _tag: "NotSent", reason: "preflight" }],
  ["429", { status: 429, body: "" }, { _tag: "NotSent", reason: "rate-limited" }],
  ["nothing that can be read", { body: { status: "?" } }, { _tag: "NotSent", reason: "preflight" }],
];

const isLook = (what: string) => what.startsWith("GET");

describe("Bootpay", () => {
  for (const [what, answer, outcome] of looks) {
    it.effect(`a confirm that first finds ${what} is not sent: ${JSON.stringify(outcome)}`, () =>
      Effect.gen(function* () {
        const { gateway, times } = against(() => answer);
        const seen: object = yield* (yield* gateway).confirm(request);
        assert.deepInclude(seen, outcome);
        assert.strictEqual(times("POST"), 0);
      }),
    );
  }

  for (const paymentKey of ["..", "../lookup/order/1", "r1?x", "\ud800", "", "x".repeat(101)]) {
    it.effect(`${JSON.stringify(paymentKey.slice(0, 20))} is no receipt id: declined without a request`, () =>
      Effect.gen(function* () {
        const { gateway, log } = against(() => ({ body: receipt() }));
        const made = yield* gateway;
        assert.deepInclude(yield* made.confirm({ ...request, paymentKey }), { _tag: "Declined", kind: "hard" });
        assert.deepInclude(yield* made.inquire({ ...request, paymentKey }), { _tag: "Declined", kind: "hard" });
        assert.isEmpty(log);
      }),
    );
  }

  for (const [code, status, outcome] of confirmCodes) {
    it.effect(`a confirm that gets ${status} ${code} is ${outcome._tag}`, () =>
      Effect.gen(function* () {
        const { gateway } = against((what) =>
          isLook(what) ? { body: receipt() } : { status, body: { error_code: code, message: "no" } },
        );
        const seen: object = yield* (yield* gateway).confirm(request);
        assert.deepInclude(seen, outcome);
      }),
    );
  }

  for (const [fields, outcome] of statuses) {
    it.effect(`an inquiry that finds ${JSON.stringify(fields)} is ${outcome._tag}`, () =>
      Effect.gen(function* () {
        const { gateway } = against(() => ({ body: receipt(fields) }));
        const seen: object = yield* (yield* gateway).inquire(request);
        assert.deepInclude(seen, outcome);
      }),
    );
  }

  for (const [code, outcome] of cancelCodes) {
    it.effect(`a cancel that gets ${code} is ${outcome}`, () =>
      Effect.gen(function* () {
        const { gateway } = against(() => ({ status: 400, body: { error_code: code } }));
        assert.strictEqual((yield* (yield* gateway).cancel(back))._tag, outcome);
      }),
    );
  }

  it.effect("a return names its cancel id and the vendor's own field for the reason", () =>
    Effect.gen(function* () {
      const { gateway, log } = against(() => ({ body: receipt({ status: 20, cancelled_price: amount }) }));
      assert.deepStrictEqual(yield* (yield* gateway).cancel(back), { _tag: "Cancelled", amount });
      assert.deepStrictEqual(log[0]?.body, {
        receipt_id: "r1",
        cancel_price: amount,
        cancel_id: "return:order-1:1:0",
        cancel_message: "changed my mind",
      });
    }),
  );

  it.effect(
    "a confirm is done in its time, whatever its parts take: what was sent is unknown, what was not is not",
    () =>
      Effect.gen(function* () {
        const { gateway, times } = against((what) =>
          isLook(what) ? Effect.delay(Effect.succeed<Answer>({ body: receipt() }), 300) : Effect.never,
        );
        const sent = yield* Effect.forkChild((yield* gateway).confirm(request));
        yield* TestClock.adjust(timeoutMillis);
        assert.deepInclude(yield* Fiber.join(sent), { _tag: "Unknown", answered: false });
        assert.strictEqual(times("POST /v2/confirm"), 1);

        const silent = against(() => Effect.never);
        const unsent = yield* Effect.forkChild((yield* silent.gateway).confirm(request));
        yield* TestClock.adjust(timeoutMillis);
        assert.deepStrictEqual(yield* Fiber.join(unsent), { _tag: "NotSent", reason: "preflight" });
        assert.strictEqual(silent.times("POST"), 0);
      }),
  );
});

describe("Bootpay's access token", () => {
  const tokenPath = "POST /v2/request/token";

  /** Hands out numbered tokens; `valid` says which are taken. */
  const desk = (valid: (no: number) => boolean = () => true, expiresIn = 1800) => {
    let no = 0;
    const vendor = against((what, authorization) => {
      // Not at once, so that calls that do not wait for each other would each ask.
      if (what === tokenPath) {
        return Effect.andThen(
          Effect.yieldNow,
          Effect.sync((): Answer => ({ body: { access_token: `token-${++no}`, expire_in: expiresIn } })),
        );
      }
      return valid(Number(authorization.slice("Bearer token-".length)))
        ? { body: paid }
        : { status: 401, body: { error_code: "TOKEN_KEY_INVALID" } };
    }, "Token");
    return { ...vendor, fetched: () => vendor.times(tokenPath) };
  };

  it.effect("is fetched once for any number of calls at once, and once more when its time is over", () =>
    Effect.gen(function* () {
      const { fetched, gateway } = desk();
      const { inquire } = yield* gateway;
      const twenty = Effect.all(
        Array.from({ length: 20 }, () => inquire(request)),
        { concurrency: 20 },
      );
      for (const { _tag } of yield* twenty) assert.strictEqual(_tag, "Approved");
      assert.strictEqual(fetched(), 1);
      yield* TestClock.adjust("4 minutes");
      yield* twenty;
      assert.strictEqual(fetched(), 2);
    }),
  );

  it.effect("is held no longer than the vendor says, less a margin", () =>
    Effect.gen(function* () {
      const { fetched, gateway } = desk(() => true, 90);
      const { inquire } = yield* gateway;
      yield* inquire(request);
      yield* TestClock.adjust(29_999);
      yield* inquire(request);
      assert.strictEqual(fetched(), 1);
      yield* TestClock.adjust(1);
      yield* inquire(request);
      assert.strictEqual(fetched(), 2);
    }),
  );

  it.effect("turned away, it is fetched anew and the call made once more; turned away again it is configuration", () =>
    Effect.gen(function* () {
      const revoked = desk((no) => no > 1);
      assert.strictEqual((yield* (yield* revoked.gateway).inquire(request))._tag, "Approved");
      assert.strictEqual(revoked.fetched(), 2);
      const refused = desk(() => false);
      assert.deepStrictEqual(yield* (yield* refused.gateway).confirm(request), {
        _tag: "NotSent",
        reason: "configuration",
      });
      assert.deepStrictEqual([refused.fetched(), refused.times("GET")], [2, 2]);
    }),
  );

  for (const [what, answer, reason] of [
    ["its keys are wrong", { status: 401, body: { error_code: "APP_SK_NOT_MATCHED" } }, "configuration"],
    ["a proxy answers 503", { status: 503, body: "" }, "preflight"],
    ["the vendor is in trouble", { status: 500, body: { error_code: "INTERNAL" } }, "preflight"],
    ["there are too many requests", { status: 429, body: "" }, "rate-limited"],
    ["nobody answers", Effect.never, "preflight"],
  ] as const) {
    it.effect(`is not to be had because ${what}: nothing was sent (${reason})`, () =>
      Effect.gen(function* () {
        const { gateway, times } = against((asked) => (asked === tokenPath ? answer : { body: receipt() }), "Token");
        const fiber = yield* Effect.forkChild((yield* gateway).confirm(request));
        yield* TestClock.adjust(timeoutMillis);
        assert.deepStrictEqual(yield* Fiber.join(fiber), { _tag: "NotSent", reason });
        assert.strictEqual(times("GET") + times("POST /v2/confirm"), 0);
      }),
    );
  }

  it.live("of the simulated vendor works, and survives that all tokens are revoked", () =>
    Effect.gen(function* () {
      const vendor = yield* Vendor.make({ port: 0, drainMillis: 100 });
      const credentials = bootpayCredentials("Token", vendor.keys);
      const gateway = yield* Bootpay.make({ baseUrl: vendor.url, credentials });
      const paymentKey = vendor.createPayment({ orderId: request.vendorOrderId, amount })!.receiptId;
      assert.strictEqual((yield* gateway.inquire({ ...request, paymentKey }))._tag, "Pending");
      yield* Effect.promise(() => fetch(`${vendor.url}/__sim/tokens/revoke`, { method: "POST" }));
      assert.strictEqual((yield* gateway.confirm({ ...request, paymentKey }))._tag, "Approved");
      const wrong = bootpayCredentials("Token", vendor.keys, "somebody-elses");
      const stranger = yield* Bootpay.make({ baseUrl: vendor.url, credentials: wrong });
      assert.deepInclude(yield* stranger.confirm({ ...request, paymentKey }), { reason: "configuration" });
    }).pipe(Effect.provide(Bootpay.httpClient), Effect.scoped),
  );
});
