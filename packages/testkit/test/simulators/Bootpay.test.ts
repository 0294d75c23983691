import { assert, describe, it } from "@effect/vitest";
import * as Effect from "effect/Effect";
import * as Fiber from "effect/Fiber";
import * as Result from "effect/Result";
import * as Schedule from "effect/Schedule";
import * as Schema from "effect/Schema";
import * as Bootpay from "../../src/simulators/Bootpay.ts";
import * as BootpayReceipt from "../../src/simulators/bootpay/BootpayReceipt.ts";
import { basic, type Reply } from "./TossHarness.ts";
import { type Simulated, simulating } from "./VendorHarness.ts";

type World = Simulated<Bootpay.BootpaySimulatorShape>;

const { applicationId, clientKey, privateKey, secretKey } = Bootpay.defaultKeys;
const minute = 60_000;
const amount = 11_000;

const refused = (reply: Reply, code: string) => {
  assert.strictEqual(reply.body.error_code, code);
  assert.isAtLeast(reply.status, 400);
};

const run = simulating(Bootpay.make, basic(`${clientKey}:${secretKey}`));
const world = (body: (world: World) => Effect.Effect<unknown, unknown>) => run(body, {});

/** The browser step, and the routes of the receipt that it opened. */
const opened = ({ call }: World, input: object = {}) =>
  Effect.map(call("POST", "/__sim/payments", { orderId: "order-1", amount, ...input }), ({ body }) => {
    const receipt_id: string = body.paymentKey;
    return {
      receiptId: receipt_id,
      look: call("GET", `/v2/receipt/${receipt_id}?lookup_user_data=false`),
      confirm: call("POST", "/v2/confirm", { receipt_id }),
      cancel: (fields: object = {}) => call("POST", "/v2/cancel", { receipt_id, ...fields }),
    };
  });

describe("Bootpay, simulated", () => {
  it.live(
    "takes the project's keys, and an access token that is the same for 25 minutes and good for 30",
    world(({ call, pass }) =>
      Effect.gen(function* () {
        const ask = (authorization: string) => call("GET", "/v2/receipt/x", undefined, { authorization });
        refused(yield* ask(basic("other:keys")), "APP_KEY_NOT_FOUND");
        refused(yield* ask(""), "TOKEN_KEY_INVALID");
        refused(yield* ask("Bearer made-up"), "TOKEN_KEY_INVALID");
        const token = (fields: object = {}) =>
          call("POST", "/v2/request/token", { application_id: applicationId, private_key: privateKey, ...fields });
        refused(yield* token({ application_id: "other" }), "APP_KEY_NOT_FOUND");
        refused(yield* token({ private_key: "other" }), "APP_SK_NOT_MATCHED");
        const first = (yield* token()).body;
        assert.strictEqual(first.expire_in, 1_800);
        pass(25 * minute - 1);
        assert.strictEqual((yield* token()).body.access_token, first.access_token);
        pass(1);
        const second = (yield* token()).body;
        assert.notStrictEqual(second.access_token, first.access_token);
        pass(5 * minute - 1);
        refused(yield* ask(`Bearer ${first.access_token}`), "RC_NOT_FOUND");
        pass(1);
        refused(yield* ask(`Bearer ${first.access_token}`), "TOKEN_KEY_INVALID");
        refused(yield* ask(`Bearer ${second.access_token}`), "RC_NOT_FOUND");
        yield* call("POST", "/__sim/tokens/revoke");
        refused(yield* ask(`Bearer ${second.access_token}`), "TOKEN_KEY_INVALID");
      }),
    ),
  );

  it.live(
    "approves once: a second confirm is not ready, and the receipt tells why",
    world((simulated) =>
      Effect.gen(function* () {
        const { confirm, look, receiptId } = yield* opened(simulated);
        assert.strictEqual((yield* look).body.status, 2);
        const { body } = yield* confirm;
        assert.deepInclude(body, {
          receipt_id: receiptId,
          order_id: "order-1",
          status: 1,
          price: amount,
          sandbox: true,
        });
        assert.isUndefined(body.error_code);
        refused(yield* confirm, "RC_NOT_CONFIRM_READY");
        assert.deepStrictEqual((yield* look).body, body);
        assert.deepStrictEqual(simulated.moved(), [`captured ${amount}`]);
      }),
    ),
  );

  it.live(
    "while the acquirer is asked the receipt is in status 3, and a second confirm is not ready",
    world((simulated) =>
      Effect.gen(function* () {
        const { confirm, look } = yield* opened(simulated);
        const delay = { distribution: "fixed", millis: 400 };
        yield* simulated.faults({ kind: "latency", delay, operations: ["confirm"], count: 1 });
        const first = yield* Effect.forkChild(confirm, { startImmediately: true });
        yield* look.pipe(
          Effect.repeat({ until: ({ body }) => body.status === 3, schedule: Schedule.spaced("10 millis") }),
          Effect.timeout("3 seconds"),
        );
        refused(yield* confirm, "RC_NOT_CONFIRM_READY");
        assert.strictEqual((yield* Fiber.join(first)).body.status, 1);
        assert.deepStrictEqual(simulated.moved(), [`captured ${amount}`]);
      }),
    ),
  );

  it.live(
    "waits for the buyer, and not for ever for the server",
    world((simulated) =>
      Effect.gen(function* () {
        const { confirm, look, receiptId } = yield* opened(simulated, { status: 0 });
        refused(yield* confirm, "RC_NOT_CONFIRM_READY");
        yield* simulated.call("POST", `/__sim/payments/${receiptId}/authenticate`);
        simulated.pass(BootpayReceipt.confirmWithinMillis + 1);
        refused(yield* confirm, "RC_NOT_CONFIRM_READY");
        assert.strictEqual((yield* look).body.status, -1);
        assert.isEmpty(simulated.moved());
      }),
    ),
  );

  it.live(
    "a cancel id gives back once; without one a partial cancel is done as often as it is sent",
    world((simulated) =>
      Effect.gen(function* () {
        const { cancel, confirm } = yield* opened(simulated);
        refused(yield* cancel(), "RC_CANCEL_SERVER_ERROR");
        yield* confirm;
        const part = { cancel_price: 1_000 };
        const once = yield* cancel({ ...part, cancel_id: "refund-1" });
        assert.deepInclude(once.body, { status: 20, cancelled_price: 1_000 });
        assert.strictEqual((yield* cancel({ ...part, cancel_id: "refund-1" })).text, once.text);
        yield* cancel(part);
        assert.strictEqual((yield* cancel(part)).body.cancelled_price, 3_000);
        refused(yield* cancel({ cancel_price: amount }), "RC_CANCEL_SERVER_ERROR");
        assert.deepInclude((yield* cancel()).body, { status: 20, cancelled_price: amount });
        refused(yield* cancel(), "RC_ALREADY_CANCELLED");
        const given = ["canceled 1000", "canceled 1000", "canceled 1000", "canceled 8000"];
        assert.deepStrictEqual(simulated.moved(), ["captured 11000", ...given]);
      }),
    ),
  );

  it.live(
    "an order's receipts come as an array, an error as an object",
    world((simulated) =>
      Effect.gen(function* () {
        const { confirm } = yield* opened(simulated);
        yield* opened(simulated);
        yield* confirm;
        const { body } = yield* simulated.call("GET", "/v2/lookup/order/order-1");
        assert.deepStrictEqual(
          body.map(({ status }: { status: number }) => status),
          [1, 2],
        );
        refused(yield* simulated.call("GET", "/v2/lookup/order/nobody"), "RC_NOT_FOUND");
        refused(yield* simulated.call("POST", "/v2/confirm", { receipt_id: "nobody" }), "RC_NOT_FOUND");
        refused(yield* simulated.call("GET", "/v2/nowhere"), "NOT_FOUND");
      }),
    ),
  );

  it.live(
    "a refusal of the buyer's instrument ends the receipt, a trouble of the gateway does not",
    world((simulated) =>
      Effect.gen(function* () {
        const { confirm, look } = yield* opened(simulated);
        yield* simulated.faults(
          { kind: "error", code: "RC_CONFIRM_CRITICAL_FAILED", operations: ["confirm"], count: 1 },
          { kind: "error", code: "RC_CONFIRM_FAILED", operations: ["confirm"], count: 1 },
        );
        refused(yield* confirm, "RC_CONFIRM_CRITICAL_FAILED");
        assert.strictEqual((yield* look).body.status, 2);
        refused(yield* confirm, "RC_CONFIRM_FAILED");
        assert.strictEqual((yield* look).body.status, -2);
        assert.isEmpty(simulated.moved());
      }),
    ),
  );
});

const Step = Schema.Struct({
  act: Schema.Literals(["Authenticate", "Confirm", "Refuse", "Cancel", "Cancel", "Cancel"]),
  part: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 12 })),
  whole: Schema.Boolean,
  /** Few, so that the same one comes again. */
  cancelId: Schema.Literals(["a", "b", "none"]),
  minutes: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 20 })),
});

describe("a receipt at Bootpay, whatever is asked of it", () => {
  it.prop(
    "is paid once, never gives back more than was taken, and once for a cancel id",
    [Schema.Array(Step).check(Schema.isMaxLength(30))],
    ([steps]) => {
      const price = 10_000;
      let at = 0;
      let taken = 0;
      let receipt: BootpayReceipt.Receipt = {
        receiptId: "r",
        orderId: "o",
        orderName: "n",
        method: "card",
        price,
        cancelledPrice: 0,
        status: 0,
        requestedAt: 0,
        authenticatedAt: null,
        purchasedAt: null,
        tid: null,
        cancels: [],
      };
      for (const { act, cancelId, minutes, part, whole } of steps) {
        at += minutes * minute;
        const before = receipt;
        const command: BootpayReceipt.Command =
          act === "Cancel"
            ? {
                _tag: act,
                price: whole ? undefined : part * 1_000,
                cancelId: cancelId === "none" ? undefined : cancelId,
                message: "m",
                transactionKey: "t",
              }
            : act === "Confirm"
              ? { _tag: act, transactionKey: "t" }
              : { _tag: act };
        const decided = BootpayReceipt.decide(receipt, command, at);
        if (Result.isFailure(decided)) continue;
        receipt = decided.success;
        if (receipt.purchasedAt !== before.purchasedAt) taken += 1;
        assert.isAtMost(taken, 1);
        assert.isAtMost(receipt.cancelledPrice, receipt.purchasedAt === null ? 0 : price);
        assert.strictEqual(
          receipt.cancels.reduce((sum, one) => sum + one.price, 0),
          receipt.cancelledPrice,
        );
        assert.strictEqual(receipt.status === 20, receipt.cancelledPrice > 0);
        const named = receipt.cancels.flatMap((one) => (one.cancelId === null ? [] : [one.cancelId]));
        assert.strictEqual(new Set(named).size, named.length);
      }
    },
    { arbitrary: { runs: 300 } },
  );
});
