import { assert, describe, it } from "@effect/vitest";
import * as Effect from "effect/Effect";
import * as Fiber from "effect/Fiber";
import * as Schedule from "effect/Schedule";
import { order, reason, refused, simulated } from "./TossHarness.ts";

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
