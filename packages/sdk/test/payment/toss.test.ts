import { assert, describe, layer } from "@effect/vitest";
import { Toss } from "@destiny/sdk/payment";
import { Toss as Simulator } from "@destiny/testkit/simulators";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Tracer from "effect/Tracer";
import { inspect } from "node:util";
import * as RecordingTracer from "../support/RecordingTracer.ts";
import { adapter, authorised, captures, faults, net } from "./TossDesk.ts";

/** Every confirm code of the vendor's table, by what it proves. Written out here: the adapter's table is the subject. */
const codes = {
  doubt: ["ALREADY_PROCESSED_PAYMENT", "ALREADY_PROCESSING_REQUEST", "DUPLICATED_ORDER_ID"],
  trouble: [
    "PROVIDER_ERROR",
    "CARD_PROCESSING_ERROR",
    "FAILED_PAYMENT_INTERNAL_SYSTEM_PROCESSING",
    "FAILED_INTERNAL_SYSTEM_PROCESSING",
    "UNKNOWN_PAYMENT_ERROR",
    "COMMON_ERROR",
  ],
  hard: ["INVALID_REQUEST", "BELOW_MINIMUM_AMOUNT", "NOT_FOUND_PAYMENT", "NOT_FOUND_PAYMENT_SESSION"],
  soft: ["REJECT_CARD_PAYMENT", "INVALID_STOPPED_CARD", "EXCEED_MAX_AMOUNT", "NOT_AVAILABLE_BANK", "FDS_ERROR"],
  configuration: ["INVALID_API_KEY", "UNAUTHORIZED_KEY", "FORBIDDEN_REQUEST", "INCORRECT_BASIC_AUTH_FORMAT"],
} as const;

const world = Layer.merge(Simulator.layer({ port: 0 }), Toss.httpClient);

let serial = 0;
const fresh = () => authorised(`order-${String(++serial).padStart(6, "0")}`);

const forced = (code: string) => adapter({ headers: { "TossPayments-Test-Code": code } });

layer(world, { excludeTestServices: true })("Toss", (it) => {
  it.effect("a call that fails leaves a span that names neither the address nor the payment", () =>
    Effect.gen(function* () {
      const { spans, tracer } = RecordingTracer.make();
      const request = yield* fresh();
      const toss = yield* adapter({ baseUrl: "http://127.0.0.1:1" });
      const answer = yield* Effect.provideService(toss.inquire(request), Tracer.Tracer, tracer);
      assert.notStrictEqual(answer._tag, "Approved");
      const calls = spans.filter(({ kind }) => kind === "client");
      assert.deepStrictEqual(
        calls.map(({ attributes, status }) => [
          attributes.get("error.type"),
          status._tag === "Ended" && status.exit._tag,
        ]),
        [["TransportError", "Success"]],
      );
      const told = calls.map(({ attributes, name, status }) => inspect([name, [...attributes], status], { depth: 9 }));
      assert.notInclude(told.join(), request.paymentKey);
    }),
  );

  describe("a confirm", () => {
    it.effect("takes exactly the authorised amount, and its method is named in English", () =>
      Effect.gen(function* () {
        const request = yield* fresh();
        const outcome = yield* (yield* adapter()).confirm(request);
        assert.strictEqual(outcome._tag, "Approved");
        assert.deepInclude(outcome, { amount: request.amount, method: "CARD" });
        assert.strictEqual(yield* net(request.vendorOrderId), request.amount);
      }),
    );

    it.effect("under the same idempotency key captures once, however often it is sent", () =>
      Effect.gen(function* () {
        const request = yield* fresh();
        const toss = yield* adapter();
        const outcomes = yield* Effect.all([toss.confirm(request), toss.confirm(request)], { concurrency: 2 });
        assert.deepStrictEqual(
          outcomes.map(({ _tag }) => _tag === "Approved" || _tag === "Unknown"),
          [true, true],
        );
        assert.strictEqual((yield* toss.confirm(request))._tag, "Approved");
        assert.strictEqual(yield* captures(request.vendorOrderId), 1);
      }),
    );

    for (const code of codes.doubt) {
      it.effect(`${code} proves nothing`, () =>
        Effect.gen(function* () {
          const outcome = yield* (yield* forced(code)).confirm(yield* fresh());
          assert.deepStrictEqual(outcome, { _tag: "Unknown", why: code, answered: true });
        }),
      );
    }

    for (const code of codes.trouble) {
      it.effect(`${code} proves nothing about the payment, and counts against the gateway`, () =>
        Effect.gen(function* () {
          const outcome = yield* (yield* forced(code)).confirm(yield* fresh());
          assert.deepStrictEqual(outcome, { _tag: "Unknown", why: code, answered: true, technical: true });
        }),
      );
    }

    for (const kind of ["hard", "soft"] as const) {
      for (const code of codes[kind]) {
        it.effect(`${code} is a ${kind} refusal`, () =>
          Effect.gen(function* () {
            const request = yield* fresh();
            assert.deepInclude(yield* (yield* forced(code)).confirm(request), { _tag: "Declined", kind, code });
            assert.strictEqual(yield* captures(request.vendorOrderId), 0);
          }),
        );
      }
    }

    for (const code of codes.configuration) {
      it.effect(`${code} is our own fault: turned away unread`, () =>
        Effect.gen(function* () {
          const outcome = yield* (yield* forced(code)).confirm(yield* fresh());
          assert.deepStrictEqual(outcome, { _tag: "NotSent", reason: "configuration" });
        }),
      );
    }

    it.effect("whose first request still runs leaves the key unspent", () =>
      Effect.gen(function* () {
        const outcome = yield* (yield* forced("IDEMPOTENT_REQUEST_PROCESSING")).confirm(yield* fresh());
        assert.deepInclude(outcome, { _tag: "Unknown", answered: false });
      }),
    );

    it.effect("a code that is in no table is unknown, never declined", () =>
      Effect.gen(function* () {
        yield* faults({ kind: "error", code: "SOMETHING_NEW", operations: ["confirm"], count: 1 });
        const outcome = yield* (yield* adapter()).confirm(yield* fresh());
        assert.deepStrictEqual(outcome, { _tag: "Unknown", why: "SOMETHING_NEW", answered: true });
      }),
    );

    it.effect("an error after the approval is unknown, and the inquiry finds the money", () =>
      Effect.gen(function* () {
        yield* faults({ kind: "approveThenError", code: "COMMON_ERROR", operations: ["confirm"], count: 1 });
        const request = yield* fresh();
        const toss = yield* adapter();
        assert.strictEqual((yield* toss.confirm(request))._tag, "Unknown");
        assert.deepInclude(yield* toss.inquire(request), { _tag: "Approved", amount: request.amount });
      }),
    );

    for (const kind of ["approveThenReset", "approveThenHang"] as const) {
      it.effect(`${kind}: unknown and unanswered, the inquiry finds the money, the same key repeats the approval`, () =>
        Effect.gen(function* () {
          yield* faults({ kind, operations: ["confirm"], count: 1 });
          const request = yield* fresh();
          const toss = yield* adapter();
          assert.deepInclude(yield* toss.confirm(request), { _tag: "Unknown", answered: false });
          assert.deepInclude(yield* toss.inquire(request), { _tag: "Approved", amount: request.amount });
          assert.strictEqual((yield* toss.confirm(request))._tag, "Approved");
          assert.strictEqual(yield* captures(request.vendorOrderId), 1);
        }),
      );
    }

    for (const kind of ["reset", "hang"] as const) {
      it.effect(`${kind} before the gateway acts cannot be told from one after: unknown`, () =>
        Effect.gen(function* () {
          yield* faults({ kind, operations: ["confirm"], count: 1 });
          const request = yield* fresh();
          const toss = yield* adapter();
          assert.deepInclude(yield* toss.confirm(request), { _tag: "Unknown", answered: false });
          assert.deepStrictEqual(yield* toss.inquire(request), { _tag: "Pending" });
        }),
      );
    }

    it.effect("a proxy's 503 is unknown, and leaves the vendor's key unspent", () =>
      Effect.gen(function* () {
        yield* faults({ kind: "unavailable", status: 503, operations: ["confirm"], count: 1 });
        const outcome = yield* (yield* adapter()).confirm(yield* fresh());
        assert.deepStrictEqual(outcome, { _tag: "Unknown", why: "HTTP 503", answered: false });
      }),
    );

    it.effect("429 means that nothing happened", () =>
      Effect.gen(function* () {
        yield* faults({ kind: "tooManyRequests", retryAfterSeconds: 1, operations: ["confirm"], count: 1 });
        const outcome = yield* (yield* adapter()).confirm(yield* fresh());
        assert.deepStrictEqual(outcome, { _tag: "NotSent", reason: "rate-limited" });
      }),
    );

    it.effect("a refused connection, a name that does not resolve and a server without TLS were never sent", () =>
      Effect.gen(function* () {
        const simulator = yield* Simulator.TossSimulator;
        const request = yield* fresh();
        const reasonAt = (baseUrl: string) =>
          Effect.flatMap(adapter({ baseUrl }), (toss) => toss.confirm(request)).pipe(
            Effect.map((outcome) => (outcome._tag === "NotSent" ? outcome.reason : outcome._tag)),
          );
        assert.strictEqual(yield* reasonAt("http://127.0.0.1:1"), "connect");
        assert.strictEqual(yield* reasonAt("http://no-such-host.invalid"), "dns");
        assert.strictEqual(yield* reasonAt(`https://127.0.0.1:${simulator.port}`), "tls");
        assert.strictEqual(yield* captures(request.vendorOrderId), 0);
      }),
    );

    it.effect("a wrong secret is our own fault, not the buyer's", () =>
      Effect.gen(function* () {
        const toss = yield* adapter({ secretKey: "test_sk_somebody_else" });
        assert.deepStrictEqual(yield* toss.confirm(yield* fresh()), { _tag: "NotSent", reason: "configuration" });
      }),
    );
  });

  describe("an inquiry", () => {
    it.effect("an unknown payment is not found, which is not declined", () =>
      Effect.gen(function* () {
        const outcome = yield* (yield* adapter()).inquire({ paymentKey: "nobody", vendorOrderId: "order-none" });
        assert.deepStrictEqual(outcome, { _tag: "NotFound" });
      }),
    );

    it.effect("a payment of another order can never pay for this one", () =>
      Effect.gen(function* () {
        const other = yield* fresh();
        const toss = yield* adapter();
        yield* toss.confirm(other);
        const outcome = yield* toss.inquire({ paymentKey: other.paymentKey, vendorOrderId: "order-mine" });
        assert.deepInclude(outcome, { _tag: "Declined", code: "OTHER_ORDER" });
      }),
    );

    it.effect("that does not reach the gateway says nothing about the payment", () =>
      Effect.gen(function* () {
        const toss = yield* adapter({ baseUrl: "http://127.0.0.1:1" });
        assert.strictEqual((yield* toss.inquire(yield* fresh()))._tag, "Unknown");
      }),
    );
  });

  describe("a cancel", () => {
    const paid = Effect.gen(function* () {
      const request = yield* fresh();
      const toss = yield* adapter();
      yield* toss.confirm(request);
      const cancel = (no: number, amount = request.amount) =>
        toss.cancel({ ...request, amount, reason: "test", idempotencyKey: `refund:${request.vendorOrderId}:${no}` });
      return { request, toss, cancel };
    });

    it.effect("gives everything back, and a second one finds nothing left", () =>
      Effect.gen(function* () {
        const { cancel, request } = yield* paid;
        assert.deepStrictEqual(yield* cancel(1), { _tag: "Cancelled", amount: request.amount });
        assert.deepStrictEqual(yield* cancel(2), { _tag: "AlreadyCancelled" });
        assert.strictEqual(yield* net(request.vendorOrderId), 0);
      }),
    );

    it.effect("given back is what the balance says: in two parts the vendor's status stays PARTIAL_CANCELED", () =>
      Effect.gen(function* () {
        const { cancel, request, toss } = yield* paid;
        assert.strictEqual((yield* cancel(1, 5000))._tag, "Unknown");
        assert.strictEqual((yield* toss.inquire(request))._tag, "Unknown");
        assert.deepStrictEqual(yield* cancel(2, request.amount - 5000), {
          _tag: "Cancelled",
          amount: request.amount,
        });
        assert.deepStrictEqual(yield* cancel(3), { _tag: "AlreadyCancelled" });
        assert.deepInclude(yield* toss.inquire(request), { _tag: "Declined", code: "CANCELED" });
      }),
    );

    it.effect("more than is left is refused while money is left", () =>
      Effect.gen(function* () {
        const { cancel, request } = yield* paid;
        assert.deepInclude(yield* cancel(1, request.amount + 1), { _tag: "Refused", code: "NOT_CANCELABLE_AMOUNT" });
      }),
    );

    for (const [code, expected] of [
      ["REFUND_REJECTED", "Refused"],
      ["EXCEED_MAX_REFUND_DUE", "Refused"],
      ["PROVIDER_ERROR", "Unknown"],
      ["FAILED_REFUND_PROCESS", "Unknown"],
      ["FORBIDDEN_CONSECUTIVE_REQUEST", "Unknown"],
      ["SOMETHING_NEW", "Unknown"],
      ["UNAUTHORIZED_KEY", "NotSent"],
    ] as const) {
      it.effect(`${code} is ${expected}`, () =>
        Effect.gen(function* () {
          const { cancel } = yield* paid;
          yield* faults({ kind: "error", code, operations: ["cancel"], count: 1 });
          assert.strictEqual((yield* cancel(1))._tag, expected);
        }),
      );
    }

    it.effect("whose answer got lost is unknown, and the same key repeats it", () =>
      Effect.gen(function* () {
        const { cancel, request } = yield* paid;
        yield* faults({ kind: "approveThenReset", operations: ["cancel"], count: 1 });
        assert.deepInclude(yield* cancel(1), { _tag: "Unknown", answered: false });
        assert.deepStrictEqual(yield* cancel(1), { _tag: "Cancelled", amount: request.amount });
        assert.strictEqual(yield* net(request.vendorOrderId), 0);
      }),
    );
  });

  describe("an outage", () => {
    it.effect("says not sent once the open connection is gone", () =>
      Effect.gen(function* () {
        const toss = yield* adapter();
        yield* toss.confirm(yield* fresh());
        yield* faults({ kind: "outage", durationMillis: 3_600_000 });
        const request = yield* fresh();
        // The first call may still meet the dying connection; then it may not claim that nothing was sent.
        const outcomes: Array<string> = [];
        for (let call = 0; call < 20 && outcomes.at(-1) !== "NotSent"; call++) {
          outcomes.push((yield* toss.confirm(request))._tag);
        }
        yield* faults();
        assert.strictEqual(outcomes.at(-1), "NotSent");
        assert.strictEqual(yield* captures(request.vendorOrderId), outcomes.includes("Approved") ? 1 : 0);
      }),
    );
  });
});
