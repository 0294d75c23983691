import { assert, describe, it } from "@effect/vitest";
import { GatewayHealth, PaymentGateway } from "@destiny/sdk/payment";
import * as Effect from "effect/Effect";
import * as Fiber from "effect/Fiber";
import * as TestClock from "effect/testing/TestClock";

type Gateway = PaymentGateway.PaymentGateway;

const limits = { minCalls: 3, openMillis: 1000, probesToClose: 2, probeEveryMillis: 100 };
const request = { paymentKey: "k", vendorOrderId: "o", amount: 1000, idempotencyKey: "i" };

const approved: PaymentGateway.Approved = { _tag: "Approved", amount: 1000, approvedAt: 0 };
const lost = PaymentGateway.unknown("time-out");

/** A gateway that answers what it is told to, and counts how often it was reached. */
const scripted = () => {
  const reached = { confirm: 0, inquire: 0, cancel: 0 };
  const answers: { confirm: Effect.Effect<PaymentGateway.ConfirmOutcome> } = { confirm: Effect.succeed(approved) };
  const gateway: Gateway = {
    name: "scripted",
    confirm: () =>
      Effect.suspend(() => {
        reached.confirm += 1;
        return answers.confirm;
      }),
    inquire: () => Effect.sync(() => ((reached.inquire += 1), approved)),
    cancel: () => Effect.sync(() => ((reached.cancel += 1), { _tag: "AlreadyCancelled" as const })),
  };
  return { gateway, reached, answers };
};

const world = Effect.gen(function* () {
  const health = yield* GatewayHealth.GatewayHealth;
  const { answers, gateway, reached } = scripted();
  const guarded = health.guard(gateway);
  const state = Effect.map(health.snapshot, (snapshot) => snapshot["scripted"]?.confirm?.state);
  const confirms = (times: number) =>
    Effect.repeat(guarded.confirm(request), { times: times - 1 }).pipe(Effect.when(Effect.succeed(times > 0)));
  return { answers, confirms, guarded, reached, state };
}).pipe(Effect.provide(GatewayHealth.GatewayHealth.layer(limits)));

const technical: ReadonlyArray<PaymentGateway.ConfirmOutcome> = [
  lost,
  PaymentGateway.unknown("HTTP 503"),
  { ...PaymentGateway.unknown("PROVIDER_ERROR", true), technical: true },
  ...(["connect", "dns", "tls", "rate-limited", "configuration", "preflight"] as const).map(PaymentGateway.notSent),
];

const buyers: ReadonlyArray<PaymentGateway.ConfirmOutcome> = [
  approved,
  { _tag: "Declined", kind: "hard", code: "INVALID_REQUEST", message: "" },
  { _tag: "Declined", kind: "soft", code: "REJECT_CARD_PAYMENT", message: "" },
  PaymentGateway.unknown("ALREADY_PAID", true),
  { ...PaymentGateway.unknown("IN_PROGRESS"), technical: false },
  PaymentGateway.notSent("breaker"),
];

const named = (outcome: PaymentGateway.ConfirmOutcome) => JSON.stringify(outcome);

describe("GatewayHealth", () => {
  for (const outcome of technical) {
    it.effect(`${named(outcome)} is technical: it opens the breaker, which then makes no call`, () =>
      Effect.gen(function* () {
        const { answers, confirms, guarded, reached, state } = yield* world;
        answers.confirm = Effect.succeed(outcome);
        yield* confirms(3);
        assert.strictEqual(yield* state, "open");
        assert.deepStrictEqual(yield* guarded.confirm(request), PaymentGateway.notSent("breaker"));
        assert.strictEqual(reached.confirm, 3);
      }),
    );
  }

  for (const outcome of buyers) {
    it.effect(`${named(outcome)} is no trouble of the gateway, however often it comes`, () =>
      Effect.gen(function* () {
        const { answers, confirms, reached, state } = yield* world;
        answers.confirm = Effect.succeed(outcome);
        yield* confirms(50);
        assert.deepStrictEqual([yield* state, reached.confirm], ["closed", 50]);
      }),
    );
  }

  it.effect("confirms that fail leave inquiries and cancels alone", () =>
    Effect.gen(function* () {
      const { answers, confirms, guarded, reached } = yield* world;
      answers.confirm = Effect.succeed(lost);
      yield* confirms(3);
      assert.deepStrictEqual(yield* guarded.inquire(request), approved);
      assert.strictEqual((yield* guarded.cancel({ ...request, reason: "r" }))._tag, "AlreadyCancelled");
      assert.deepStrictEqual(reached, { confirm: 3, inquire: 1, cancel: 1 });
    }),
  );

  it.effect("after its time it probes, and closes when the probes went well", () =>
    Effect.gen(function* () {
      const { answers, confirms, reached, state } = yield* world;
      answers.confirm = Effect.succeed(lost);
      yield* confirms(3);
      answers.confirm = Effect.succeed(approved);
      yield* TestClock.adjust(999);
      yield* confirms(20);
      assert.deepStrictEqual([yield* state, reached.confirm], ["open", 3]);
      yield* TestClock.adjust(1);
      assert.strictEqual(yield* state, "half-open");
      yield* confirms(10);
      assert.deepStrictEqual([yield* state, reached.confirm], ["half-open", 4]);
      yield* confirms(1);
      assert.deepStrictEqual([yield* state, reached.confirm], ["closed", 5]);
    }),
  );

  it.effect("a call that is interrupted frees its place among the probes and says nothing", () =>
    Effect.gen(function* () {
      const { answers, confirms, guarded, state } = yield* world;
      answers.confirm = Effect.succeed(lost);
      yield* confirms(3);
      yield* TestClock.adjust(1000);
      answers.confirm = Effect.never;
      for (let round = 0; round < 5; round++) {
        const waiting = yield* Effect.forkChild(guarded.confirm(request), { startImmediately: true });
        yield* Fiber.interrupt(waiting);
        yield* TestClock.adjust(100);
      }
      assert.strictEqual(yield* state, "half-open");
      answers.confirm = Effect.succeed(approved);
      assert.strictEqual((yield* guarded.confirm(request))._tag, "Approved");
    }),
  );
});
