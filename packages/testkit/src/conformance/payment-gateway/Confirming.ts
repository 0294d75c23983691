/** What a confirm takes, and how often, whoever asks for it and where it gets to. */
import type { PaymentGateway } from "@destiny/sdk/payment";
import { assert, type Vitest } from "@effect/vitest";
import * as Effect from "effect/Effect";
import { amount, assertSound, buyer, paid, type Subject, unanswered } from "./Subject.ts";

export const confirming = <R, E>(it: Vitest.MethodsNonLive<R>, subject: Subject<R, E>): void => {
  it.effect("confirm: no fault is approved over exactly the amount, once, and the inquiry says the same", () =>
    Effect.gen(function* () {
      const { captures, gateway, net, request } = yield* buyer(subject);
      assert.deepStrictEqual(yield* gateway.inquire(request), { _tag: "Pending" });
      const outcome = yield* gateway.confirm(request);
      assert.deepInclude(outcome, { _tag: "Approved", amount });
      const seen = yield* gateway.inquire(request);
      assert.deepInclude(seen, { _tag: "Approved", amount });
      if (outcome._tag === "Approved" && seen._tag === "Approved") {
        assert.strictEqual(seen.approvedAt, outcome.approvedAt);
      }
      assert.deepStrictEqual([captures(), net()], [1, amount]);
    }),
  );

  it.effect("confirm: repeated under its key, it captures once and ends approved", () =>
    Effect.gen(function* () {
      const { captures, gateway, request } = yield* buyer(subject);
      const both = yield* Effect.all([gateway.confirm(request), gateway.confirm(request)], { concurrency: 2 });
      for (const { _tag } of both) assert.include(["Approved", "Unknown"], _tag);
      assert.strictEqual((yield* gateway.confirm(request))._tag, "Approved");
      assert.strictEqual(captures(), 1);
    }),
  );

  it.effect("confirm: repeated under another key, it captures once and is never said to have failed", () =>
    Effect.gen(function* () {
      const { captures, gateway, request } = yield* paid(subject);
      const again = yield* gateway.confirm({ ...request, idempotencyKey: `${request.idempotencyKey}:1` });
      assert.include(["Approved", "Unknown"], again._tag);
      assert.strictEqual(captures(), 1);
    }),
  );

  it.effect("confirm: after an answer got lost, the same key ends approved and captures once", () =>
    Effect.gen(function* () {
      const { captures, faults, gateway, request } = yield* buyer(subject);
      yield* faults({ kind: "approveThenReset", operations: ["confirm"], count: 1 });
      assert.deepInclude(yield* gateway.confirm(request), unanswered);
      assert.deepInclude(yield* gateway.confirm(request), { _tag: "Approved", amount });
      assert.strictEqual(captures(), 1);
    }),
  );

  for (const [what, change] of [
    ["another amount", { amount: amount + 1 }],
    ["another order", { vendorOrderId: "order-of-somebody-else" }],
  ] as const) {
    it.effect(`confirm: ${what} than the buyer authorised is declined before any money moves`, () =>
      Effect.gen(function* () {
        const { captures, gateway, request } = yield* buyer(subject);
        assert.deepInclude(yield* gateway.confirm({ ...request, ...change }), { _tag: "Declined", kind: "hard" });
        assert.strictEqual(captures(), 0);
      }),
    );
  }

  it.effect("confirm: a payment that the gateway does not know is declined, and not found by an inquiry", () =>
    Effect.gen(function* () {
      const { gateway, request } = yield* buyer(subject);
      const paymentKey = subject.unknownKey(request.vendorOrderId);
      assert.deepInclude(yield* gateway.confirm({ ...request, paymentKey }), { _tag: "Declined", kind: "hard" });
      assert.deepStrictEqual(yield* gateway.inquire({ ...request, paymentKey }), { _tag: "NotFound" });
    }),
  );

  it.effect("confirm: a refused connection, a name without address and a server without TLS were never sent", () =>
    Effect.gen(function* () {
      const { captures, request, simulator } = yield* buyer(subject);
      const reasonAt = (baseUrl: string) =>
        Effect.map(
          Effect.flatMap(subject.adapter({ baseUrl }), (gateway) => gateway.confirm(request)),
          (outcome) => (outcome._tag === "NotSent" ? outcome.reason : outcome._tag),
        );
      assert.strictEqual(yield* reasonAt("http://127.0.0.1:1"), "connect");
      assert.strictEqual(yield* reasonAt("http://no-such-host.invalid"), "dns");
      assert.strictEqual(yield* reasonAt(`https://127.0.0.1:${simulator.port}`), "tls");
      assert.strictEqual(captures(), 0);
    }),
  );

  it.effect("confirm: a wrong secret is our fault: not sent, and not the buyer's", () =>
    Effect.gen(function* () {
      const { captures, request } = yield* buyer(subject);
      const gateway = yield* subject.adapter({ secret: "somebody-elses" });
      assert.deepStrictEqual(yield* gateway.confirm(request), { _tag: "NotSent", reason: "configuration" });
      assert.strictEqual(captures(), 0);
    }),
  );

  it.effect("confirm: in an outage it is not sent once the open connections are gone, and unknown until then", () =>
    Effect.gen(function* () {
      const { captures, faults, gateway, request } = yield* buyer(subject);
      yield* faults({ kind: "outage", durationMillis: 3_600_000 });
      const outcomes: Array<PaymentGateway.ConfirmOutcome> = [];
      while (outcomes.at(-1)?._tag !== "NotSent" && outcomes.length < 20) {
        outcomes.push(yield* gateway.confirm(request));
      }
      assert.strictEqual((yield* gateway.inquire(request))._tag, "Unknown");
      yield* faults();
      assert.strictEqual(outcomes.at(-1)?._tag, "NotSent");
      assert.strictEqual(captures(), outcomes.some(({ _tag }) => _tag === "Approved") ? 1 : 0);
    }),
  );

  it.effect("approves and hangs, inquiry included: nothing is claimed until it speaks again", () =>
    Effect.gen(function* () {
      const { captures, faults, gateway, request } = yield* buyer(subject);
      yield* faults({ kind: "approveThenHang", operations: ["confirm", "inquire"] });
      const outcome = yield* gateway.confirm(request);
      assertSound(outcome, captures());
      assert.strictEqual((yield* gateway.inquire(request))._tag, "Unknown");
      yield* faults();
      const seen = yield* gateway.inquire(request);
      assert.strictEqual(seen._tag, captures() === 1 ? "Approved" : "Pending");
    }),
  );
};
