import { assert, describe, it } from "@effect/vitest";
import * as Effect from "effect/Effect";
import * as Result from "effect/Result";
import * as Schedule from "effect/Schedule";
import * as Faults from "../../src/simulators/Faults.ts";
import { order, reason, simulated } from "./TossHarness.ts";

const once = { operations: ["confirm"], count: 1 };

describe("faults over the wire", () => {
  for (const [kind, code] of [
    ["approveThenHang", "TimeoutError"],
    ["approveThenReset", "ECONNRESET"],
  ] as const) {
    it.live(
      `${kind}: no answer, yet the money is taken, and the same key then tells`,
      simulated((toss) =>
        Effect.gen(function* () {
          const payment = yield* toss.open(order);
          yield* toss.faults({ kind, ...once });
          const lost = yield* Effect.flip(toss.confirm(payment, { key: "k1", timeoutMillis: 300 }));
          assert.strictEqual(lost.code, code);
          assert.lengthOf(toss.toss.captures(), 1);
          assert.strictEqual((yield* toss.inquire(payment.paymentKey)).body.status, "DONE");
          assert.strictEqual((yield* toss.confirm(payment, { key: "k1" })).body.status, "DONE");
          assert.lengthOf(toss.toss.captures(), 1);
        }),
      ),
    );
  }

  for (const [kind, code] of [
    ["hang", "TimeoutError"],
    ["reset", "ECONNRESET"],
  ] as const) {
    it.live(
      `${kind}: no answer, and nothing was done`,
      simulated((toss) =>
        Effect.gen(function* () {
          const payment = yield* toss.open(order);
          yield* toss.faults({ kind, ...once });
          assert.strictEqual((yield* Effect.flip(toss.confirm(payment, { key: "k1", timeoutMillis: 300 }))).code, code);
          assert.strictEqual((yield* toss.inquire(payment.paymentKey)).body.status, "IN_PROGRESS");
          assert.strictEqual((yield* toss.confirm(payment, { key: "k1" })).status, 200);
        }),
      ),
    );
  }

  it.live(
    "approveThenError: the error is a lie, and it is the answer bound to the key",
    simulated((toss) =>
      Effect.gen(function* () {
        const payment = yield* toss.open(order);
        yield* toss.faults({ kind: "approveThenError", code: "FAILED_INTERNAL_SYSTEM_PROCESSING", ...once });
        const reply = yield* toss.confirm(payment, { key: "k1" });
        assert.strictEqual(reply.status, 500);
        assert.strictEqual((yield* toss.inquire(payment.paymentKey)).body.status, "DONE");
        assert.strictEqual((yield* toss.confirm(payment, { key: "k1" })).text, reply.text);
      }),
    ),
  );

  it.live(
    "error: a refusal of the instrument aborts the payment, a trouble of the gateway does not",
    simulated((toss) =>
      Effect.gen(function* () {
        const refusedPayment = yield* toss.open(order);
        yield* toss.faults(
          { kind: "error", code: "REJECT_CARD_PAYMENT", ...once },
          { kind: "error", code: "PROVIDER_ERROR", ...once },
        );
        const refusal = yield* toss.confirm(refusedPayment);
        assert.deepStrictEqual([refusal.status, refusal.body.code], [403, "REJECT_CARD_PAYMENT"]);
        const seen = (yield* toss.inquire(refusedPayment.paymentKey)).body;
        assert.deepStrictEqual([seen.status, seen.failure.code], ["ABORTED", "REJECT_CARD_PAYMENT"]);
        const payment = yield* toss.open({ orderId: "order-0002", amount: 1_000 });
        assert.deepStrictEqual((yield* toss.confirm(payment)).body.code, "PROVIDER_ERROR");
        assert.strictEqual((yield* toss.confirm(payment)).status, 200);
      }),
    ),
  );

  it.live(
    "a fault keeps to its operations: cancel is hit, confirm and inquiry are not",
    simulated((toss) =>
      Effect.gen(function* () {
        const payment = yield* toss.open(order);
        yield* toss.faults({ kind: "approveThenReset", operations: ["cancel"] });
        assert.strictEqual((yield* toss.confirm(payment)).status, 200);
        assert.strictEqual((yield* Effect.flip(toss.cancel(payment.paymentKey, reason))).code, "ECONNRESET");
        assert.strictEqual((yield* toss.inquire(payment.paymentKey)).body.status, "CANCELED");
      }),
    ),
  );

  it.live(
    "429 and 5xx come from in front of the gateway, bind no key, and end with their window",
    simulated((toss) =>
      Effect.gen(function* () {
        const payment = yield* toss.open(order);
        yield* toss.faults(
          { kind: "tooManyRequests", retryAfterSeconds: 7, durationMillis: 1_000 },
          { kind: "unavailable", status: 503, startAfterMillis: 1_000, durationMillis: 1_000 },
        );
        const limited = yield* toss.confirm(payment, { key: "k1" });
        assert.deepStrictEqual([limited.status, limited.headers.get("retry-after")], [429, "7"]);
        toss.pass(1_000);
        assert.strictEqual((yield* toss.confirm(payment, { key: "k1" })).status, 503);
        assert.deepStrictEqual(
          (yield* toss.call("GET", "/__sim/faults")).body.rules.map((rule: { active: boolean }) => rule.active),
          [false, true],
        );
        toss.pass(1_000);
        assert.strictEqual((yield* toss.confirm(payment, { key: "k1" })).status, 200);
      }),
    ),
  );

  it.live(
    "latency after: a client that gave up was charged at once; before: it is charged later all the same",
    simulated((toss) =>
      Effect.gen(function* () {
        const delay = { distribution: "fixed", millis: 400 };
        const first = yield* toss.open(order);
        const second = yield* toss.open({ orderId: "order-0002", amount: 1_000 });
        yield* toss.faults({ kind: "latency", delay, at: "after", ...once });
        yield* Effect.flip(toss.confirm(first, { timeoutMillis: 150 }));
        assert.strictEqual((yield* toss.inquire(first.paymentKey)).body.status, "DONE");
        yield* toss.faults({ kind: "latency", delay, at: "before", ...once });
        yield* Effect.flip(toss.confirm(second, { timeoutMillis: 150 }));
        assert.strictEqual((yield* toss.inquire(second.paymentKey)).body.status, "IN_PROGRESS");
        const late = toss
          .inquire(second.paymentKey)
          .pipe(
            Effect.repeat({ until: (reply) => reply.body.status === "DONE", schedule: Schedule.spaced("20 millis") }),
            Effect.timeout("3 seconds"),
          );
        yield* late;
        assert.lengthOf(toss.toss.captures(), 2);
      }),
    ),
  );

  it.live(
    "an outage refuses connections, and the same port answers when it is over",
    simulated((toss) =>
      Effect.gen(function* () {
        const payment = yield* toss.open(order);
        assert.strictEqual((yield* toss.faults({ kind: "outage", durationMillis: 500 })).status, 200);
        const down = yield* toss
          .confirm(payment, { key: "k1" })
          .pipe(
            Effect.flip,
            Effect.repeat({ until: (lost) => lost.code === "ECONNREFUSED", schedule: Schedule.spaced("10 millis") }),
            Effect.timeout("3 seconds"),
            Effect.result,
          );
        assert.isTrue(Result.isSuccess(down));
        const up = yield* toss
          .confirm(payment, { key: "k1" })
          .pipe(Effect.retry(Schedule.spaced("20 millis")), Effect.timeout("5 seconds"));
        assert.strictEqual(up.body.status, "DONE");
      }),
    ),
  );

  it.live(
    "a plan that is wrong is refused with a reason and the old one stays",
    simulated((toss) =>
      Effect.gen(function* () {
        yield* toss.faults({ kind: "reset", ...once });
        for (const rule of [
          { kind: "reset", operations: ["refund"] },
          { kind: "reset", probabillity: 0.5 },
          { kind: "explode" },
          { kind: "outage" },
        ]) {
          const reply = yield* toss.faults(rule);
          assert.strictEqual(reply.status, 400);
          assert.isNotEmpty(reply.body.message);
        }
        assert.lengthOf(toss.toss.faults.report().rules, 1);
        assert.strictEqual((yield* toss.call("DELETE", "/__sim/faults")).status, 204);
        assert.isEmpty(toss.toss.faults.report().rules);
      }),
    ),
  );
});

describe("the plan itself", () => {
  const plan = (rules: ReadonlyArray<unknown>, seed: number) => {
    const faults = Faults.make({ operations: ["confirm"], now: () => 0, outage: () => undefined });
    assert.isTrue(Result.isSuccess(faults.put({ seed, rules })));
    return Array.from({ length: 2_000 }, () => faults.draw("confirm"));
  };

  it("hits the same requests for the same seed, others for another, and as often as it says", () => {
    const rules = [{ kind: "reset", probability: 0.2 }];
    const hits = (seed: number) => plan(rules, seed).map((drawn) => drawn.fault !== undefined);
    assert.deepStrictEqual(hits(1), hits(1));
    assert.notDeepEqual(hits(1), hits(2));
    assert.closeTo(hits(1).filter(Boolean).length, 400, 80);
  });

  it("draws a lognormal delay with the median and the p99 that were asked for", () => {
    const delay = { distribution: "lognormal", medianMillis: 40, p99Millis: 400, maxMillis: 1_000 };
    const drawn = plan([{ kind: "latency", delay }], 3)
      .map((one) => one.beforeMillis)
      .toSorted((left, right) => left - right);
    assert.closeTo(drawn[1_000] ?? 0, 40, 6);
    assert.closeTo(drawn[1_980] ?? 0, 400, 160);
    assert.isAtMost(drawn.at(-1) ?? 0, 1_000);
  });
});
