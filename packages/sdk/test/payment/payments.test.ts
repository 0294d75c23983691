import { assert, describe, layer } from "@effect/vitest";
import { Toss } from "@destiny/sdk/payment";
import { PaymentAudit } from "@destiny/sdk/payment";
import { TestDatabase } from "@destiny/testkit/postgres";
import { Toss as Simulator } from "@destiny/testkit/simulators";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Redacted from "effect/Redacted";
import * as Result from "effect/Result";
import * as Schedule from "effect/Schedule";
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { inject } from "vitest";
import * as Till from "./Till.ts";
import { authorised, captures, faults, net, timeoutMillis } from "./TossDesk.ts";

const gateways = Layer.unwrap(
  Effect.map(Simulator.TossSimulator, ({ secretKey, url }) =>
    Toss.layer({ baseUrl: url, secretKey: Redacted.make(secretKey), timeoutMillis }),
  ),
);

const world = gateways.pipe(
  Layer.provideMerge(Simulator.layer({ port: 0 })),
  Layer.provideMerge(Till.layer),
  Layer.provideMerge(TestDatabase.layer(inject("pgPort"))),
);

let serial = 0;

/** An open intent, and a buyer who comes back from the gateway's window with a key. */
const opened = Effect.gen(function* () {
  yield* faults();
  const till = yield* Till.make;
  const reference = `order-${String(++serial).padStart(6, "0")}`;
  yield* till.open(reference);
  const { paymentKey } = yield* authorised(reference, Till.amount);
  return { till, reference, paymentKey };
});

const tagOf = <A, E extends { readonly _tag: string }>(effect: Effect.Effect<A, E>) =>
  Effect.map(Effect.result(effect), (result) => (Result.isSuccess(result) ? result.success : result.failure._tag));

/** Tells when the gateway has taken the money, which nobody was told. */
const taken = (reference: string) =>
  captures(reference).pipe(
    Effect.flatMap((count) => (count === 1 ? Effect.void : Effect.fail("not yet"))),
    Effect.retry(Schedule.spaced("20 millis").pipe(Schedule.upTo({ duration: "15 seconds" }))),
  );

layer(world, { excludeTestServices: true })("Payments", (it) => {
  describe("a double click", () => {
    it.effect("of one key captures once", () =>
      Effect.gen(function* () {
        const { paymentKey, reference, till } = yield* opened;
        const click = tagOf(till.click(reference, paymentKey));
        const answers = yield* Effect.all([click, click], { concurrency: 2 });
        assert.deepStrictEqual(answers.toSorted(), ["AlreadyConfirming", "captured"]);
        assert.strictEqual(yield* captures(reference), 1);
        assert.deepStrictEqual(yield* Till.toldAbout(reference), ["Settled"]);
      }),
    );

    it.effect("of two keys captures one of them", () =>
      Effect.gen(function* () {
        const { paymentKey, reference, till } = yield* opened;
        const other = yield* authorised(reference, Till.amount);
        const answers = yield* Effect.all(
          [tagOf(till.click(reference, paymentKey)), tagOf(till.click(reference, other.paymentKey))],
          { concurrency: 2 },
        );
        assert.deepStrictEqual(answers.toSorted(), ["AlreadyConfirming", "captured"]);
        assert.strictEqual(yield* net(reference), Till.amount);
      }),
    );

    it.effect("with one idempotency key gets one answer, also after it was paid", () =>
      Effect.gen(function* () {
        const { paymentKey, reference, till } = yield* opened;
        const key = `${reference}/click`;
        const click = till.click(reference, paymentKey, key);
        yield* Effect.all([click, click], { concurrency: 2 });
        assert.strictEqual(yield* click, "captured");
        assert.strictEqual(yield* till.click(reference, paymentKey), "captured");
        assert.strictEqual(yield* captures(reference), 1);
      }),
    );
  });

  describe("an answer that never came", () => {
    for (const kind of ["approveThenHang", "approveThenReset"] as const) {
      it.effect(`${kind}: unknown, then captured once by the sweeper`, () =>
        Effect.gen(function* () {
          const { paymentKey, reference, till } = yield* opened;
          yield* faults({ kind, operations: ["confirm"], count: 1 });
          assert.strictEqual(yield* till.click(reference, paymentKey), "unknown");
          assert.strictEqual(yield* till.sweptTo(reference, "captured"), "captured");
          assert.strictEqual(yield* captures(reference), 1);
          assert.deepStrictEqual(yield* Till.toldAbout(reference), ["Settled"]);
        }),
      );
    }

    it.effect("and was never acted on: the same confirm is sent again", () =>
      Effect.gen(function* () {
        const { paymentKey, reference, till } = yield* opened;
        yield* faults({ kind: "reset", operations: ["confirm"], count: 1 });
        assert.strictEqual(yield* till.click(reference, paymentKey), "unknown");
        assert.strictEqual(yield* till.sweptTo(reference, "captured"), "captured");
        assert.strictEqual(yield* net(reference), Till.amount);
      }),
    );

    it.effect("two sweepers at once settle it once", () =>
      Effect.gen(function* () {
        const { paymentKey, reference, till } = yield* opened;
        yield* faults({ kind: "approveThenReset", operations: ["confirm"], count: 1 });
        yield* till.click(reference, paymentKey);
        const other = yield* Till.make;
        yield* Effect.all([till.sweptTo(reference, "captured"), other.sweptTo(reference, "captured")], {
          concurrency: 2,
        });
        assert.deepStrictEqual(yield* Till.toldAbout(reference), ["Settled"]);
      }),
    );

    it.effect("because the process was killed after the approval: the next one asks, and captures once", () =>
      Effect.gen(function* () {
        const { paymentKey, reference, till } = yield* opened;
        const simulator = yield* Simulator.TossSimulator;
        const database = yield* TestDatabase.TestDatabase;
        yield* faults({ kind: "approveThenHang", operations: ["confirm"], count: 1 });
        yield* Effect.acquireUseRelease(
          Effect.sync(() =>
            spawn(
              process.execPath,
              [
                "--conditions=@destiny/source",
                fileURLToPath(new URL("confirm.process.ts", import.meta.url)),
                database.url,
                simulator.url,
                simulator.secretKey,
                reference,
                paymentKey,
              ],
              { stdio: ["ignore", "inherit", "inherit"] },
            ),
          ),
          () => taken(reference),
          (child) =>
            Effect.callback<void>((resume) => {
              child.once("exit", () => resume(Effect.void));
              child.kill("SIGKILL");
            }),
        );
        assert.strictEqual(yield* till.status(reference), "confirming");
        assert.strictEqual(yield* till.sweptTo(reference, "captured"), "captured");
        assert.strictEqual(yield* captures(reference), 1);
        assert.deepStrictEqual(yield* Till.toldAbout(reference), ["Settled"]);
      }),
    );
  });

  describe("the end of the window while a confirm is out", () => {
    const outstanding = Effect.gen(function* () {
      const order = yield* opened;
      yield* faults({ kind: "approveThenReset", operations: ["confirm"], count: 1 });
      assert.strictEqual(yield* order.till.click(order.reference, order.paymentKey), "unknown");
      return order;
    });

    it.effect("the deadline waits, and the accepted confirm wins over it", () =>
      Effect.gen(function* () {
        const { reference, till } = yield* outstanding;
        const close = till.submit({ _tag: "Close", reference, cancel: false });
        assert.deepStrictEqual(yield* close, ["StillPending"]);
        yield* till.sweptTo(reference, "captured");
        assert.deepStrictEqual(yield* close, ["SettledBefore"]);
        assert.strictEqual(yield* net(reference), Till.amount);
      }),
    );

    it.effect("a cancellation gives the money back before it answers closed, and nothing settles", () =>
      Effect.gen(function* () {
        const { reference, till } = yield* outstanding;
        const close = till.submit({ _tag: "Close", reference, cancel: true });
        assert.deepStrictEqual(yield* close, ["StillPending"]);
        yield* till.sweptTo(reference, "closed");
        assert.deepStrictEqual(yield* close, ["Closed"]);
        assert.strictEqual(yield* captures(reference), 1);
        assert.strictEqual(yield* net(reference), 0);
        assert.notInclude(yield* Till.toldAbout(reference), "Settled");
      }),
    );

    it.effect("a void whose answer got lost is repeated, and gives back once", () =>
      Effect.gen(function* () {
        const { reference, till } = yield* outstanding;
        yield* till.submit({ _tag: "Close", reference, cancel: true });
        yield* faults({ kind: "approveThenReset", operations: ["cancel"], count: 1 });
        yield* till.sweptTo(reference, "closed");
        assert.strictEqual(yield* net(reference), 0);
      }),
    );
  });

  it.effect("a closed intent takes no money, and neither does one that was closed before it was opened", () =>
    Effect.gen(function* () {
      const { paymentKey, reference, till } = yield* opened;
      yield* till.submit({ _tag: "Close", reference, cancel: false });
      assert.strictEqual(yield* tagOf(till.click(reference, paymentKey)), "PaymentClosed");
      const early = `${reference}-early`;
      yield* till.submit({ _tag: "Close", reference: early, cancel: true });
      assert.strictEqual(yield* tagOf(till.open(early)), "PaymentClosed");
      assert.strictEqual(yield* net(reference), 0);
    }),
  );

  it.effect("a refund is answered when the money is back, and repeated with the first outcome", () =>
    Effect.gen(function* () {
      const { paymentKey, reference, till } = yield* opened;
      yield* till.click(reference, paymentKey);
      const refund = till.submit({ _tag: "Refund", reference, reason: "returned", askedBy: { saga: "s" } });
      assert.deepStrictEqual(yield* refund, ["Noted"]);
      yield* till.sweptTo(reference, "refunded");
      assert.strictEqual(yield* net(reference), 0);
      assert.deepStrictEqual(yield* refund, ["Refunded"]);
      assert.deepStrictEqual(yield* Till.toldAbout(reference), ["Settled", "Refunded", "Refunded"]);
    }),
  );

  it.effect("a request that was turned away unread leaves the intent open for another try", () =>
    Effect.gen(function* () {
      const { paymentKey, reference, till } = yield* opened;
      yield* faults({ kind: "tooManyRequests", retryAfterSeconds: 1, operations: ["confirm"], count: 1 });
      assert.strictEqual(yield* till.click(reference, paymentKey), "not_sent");
      assert.strictEqual(yield* till.click(reference, paymentKey), "captured");
      assert.strictEqual(yield* captures(reference), 1);
    }),
  );

  it.effect("a resend that is turned away does not give up the first confirm, which may still capture", () =>
    Effect.gen(function* () {
      const { paymentKey, reference, till } = yield* opened;
      yield* faults({
        kind: "latency",
        delay: { distribution: "fixed", millis: 2500 },
        operations: ["confirm"],
        count: 1,
      });
      assert.strictEqual(yield* till.click(reference, paymentKey), "unknown");
      yield* faults({ kind: "tooManyRequests", retryAfterSeconds: 1, operations: ["confirm"], durationMillis: 1000 });
      yield* till.sweep;
      yield* till.submit({ _tag: "Close", reference, cancel: true });
      yield* till.sweptTo(reference, "closed");
      assert.strictEqual(yield* net(reference), 0);
    }),
  );

  it.effect("a refund goes on after an error that the gateway would replay under the same key", () =>
    Effect.gen(function* () {
      const { paymentKey, reference, till } = yield* opened;
      yield* till.click(reference, paymentKey);
      yield* faults({ kind: "error", code: "FAILED_REFUND_PROCESS", operations: ["cancel"], count: 1 });
      yield* till.submit({ _tag: "Refund", reference, reason: "returned", askedBy: { saga: "s" } });
      yield* till.sweptTo(reference, "refunded");
      assert.strictEqual(yield* net(reference), 0);
    }),
  );

  for (const { called, reason } of [
    { called: "an empty reason", reason: "" },
    { called: "a blank reason", reason: "  " },
    { called: "a reason longer than any gateway takes", reason: `${"x".repeat(199)}\u{1F4B8} and so on` },
  ]) {
    it.effect(`the money goes back also for ${called}: a gateway would refuse it for ever`, () =>
      Effect.gen(function* () {
        const askedBy = { saga: "s" };
        const refunded = yield* opened;
        yield* refunded.till.click(refunded.reference, refunded.paymentKey);
        yield* refunded.till.submit({ _tag: "Refund", reference: refunded.reference, reason, askedBy });
        yield* refunded.till.sweptTo(refunded.reference, "refunded");
        const voided = yield* opened;
        yield* faults({ kind: "approveThenReset", operations: ["confirm"], count: 1 });
        assert.strictEqual(yield* voided.till.click(voided.reference, voided.paymentKey), "unknown");
        yield* voided.till.submit({ _tag: "Void", reference: voided.reference, reason, askedBy });
        yield* voided.till.sweptTo(voided.reference, "closed");
        assert.deepStrictEqual([yield* net(refunded.reference), yield* net(voided.reference)], [0, 0]);
      }),
    );
  }

  it.effect(
    "a transient error of the gateway does not block the buyer: the confirm is sent again under a new key",
    () =>
      Effect.gen(function* () {
        const { paymentKey, reference, till } = yield* opened;
        yield* faults({ kind: "error", code: "PROVIDER_ERROR", operations: ["confirm"], count: 1 });
        assert.strictEqual(yield* till.click(reference, paymentKey), "unknown");
        yield* till.sweptTo(reference, "captured");
        assert.strictEqual(yield* captures(reference), 1);
      }),
  );

  it.effect("the audit agrees with all of the above", () =>
    Effect.gen(function* () {
      for (const { checked, id, violations } of yield* PaymentAudit.audit) {
        assert.deepStrictEqual({ id, violations }, { id, violations: [] });
        assert.isAbove(checked, 0);
      }
    }),
  );
});
