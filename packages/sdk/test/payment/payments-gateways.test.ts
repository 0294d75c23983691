import { assert, describe, layer } from "@effect/vitest";
import { Bootpay, PaymentGateway, PortOne, Toss } from "@destiny/sdk/payment";
import type { PaymentGatewaySuite } from "@destiny/testkit/conformance";
import { TestDatabase } from "@destiny/testkit/postgres";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import { inject } from "vitest";
import { bootpay, portOne, toss } from "./Subjects.ts";
import * as Till from "./Till.ts";

let serial = 0;

/** The same payments, whichever gateway takes them. */
const over = <R, E>(provider: string, subject: PaymentGatewaySuite.Subject<R, E>) => {
  const world = PaymentGateway.PaymentGateways.layer([subject.adapter()]).pipe(
    Layer.provideMerge(subject.layer),
    Layer.provideMerge(Till.layer),
    Layer.provideMerge(TestDatabase.layer(inject("pgPort"))),
  );

  /** An open intent, and a buyer who comes back from the gateway's window with a key. */
  const opened = Effect.gen(function* () {
    const till = yield* Till.make;
    const { captures, faults } = yield* subject.simulator;
    faults.clear();
    const reference = `order-${String(++serial).padStart(6, "0")}`;
    yield* till.open(reference, provider);
    const paymentKey = yield* subject.authorise(reference, Till.amount);
    return {
      till,
      reference,
      click: till.click(reference, paymentKey, undefined, provider),
      faults: (...rules: ReadonlyArray<object>) => Effect.sync(() => void faults.put({ rules })),
      moved: () =>
        captures().flatMap(({ amount, kind, orderId }) => (orderId === reference ? [`${kind} ${amount}`] : [])),
    };
  });

  const askedBy = { saga: "s" };

  layer(world, { excludeTestServices: true, timeout: "60 seconds" })(`Payments over ${provider}`, (it) => {
    describe("whatever happens to an answer", () => {
      for (const kind of ["approveThenReset", "approveThenHang", "reset"] as const) {
        it.effect(`${kind} of the confirm ends captured, once`, () =>
          Effect.gen(function* () {
            const { click, faults, moved, reference, till } = yield* opened;
            yield* faults({ kind, operations: ["confirm"], count: 1 });
            assert.strictEqual(yield* click, "unknown");
            yield* till.sweptTo(reference, "captured");
            assert.deepStrictEqual(moved(), [`captured ${Till.amount}`]);
            assert.deepStrictEqual(yield* Till.toldAbout(reference), ["Settled"]);
          }),
        );
      }

      it.effect(
        "a late success of a payment that the buyer cancelled goes back, although that answer is lost too",
        () =>
          Effect.gen(function* () {
            const { click, faults, moved, reference, till } = yield* opened;
            yield* faults(
              { kind: "approveThenReset", operations: ["confirm"], count: 1 },
              { kind: "approveThenReset", operations: ["cancel"], count: 1 },
            );
            assert.strictEqual(yield* click, "unknown");
            yield* till.submit({ _tag: "Void", reference, reason: "cancelled", askedBy });
            yield* till.sweptTo(reference, "closed");
            assert.deepStrictEqual(moved(), [`captured ${Till.amount}`, `canceled ${Till.amount}`]);
            assert.deepStrictEqual(yield* Till.toldAbout(reference), ["Voided"]);
          }),
      );
    });

    it.effect("a refund gives everything back once, although the gateway turns the first try away", () =>
      Effect.gen(function* () {
        const { click, faults, moved, reference, till } = yield* opened;
        assert.strictEqual(yield* click, "captured");
        yield* faults({ kind: "tooManyRequests", retryAfterSeconds: 1, operations: ["cancel"], count: 1 });
        yield* till.submit({ _tag: "Refund", reference, reason: "changed my mind", askedBy });
        yield* till.sweptTo(reference, "refunded");
        assert.deepStrictEqual(moved(), [`captured ${Till.amount}`, `canceled ${Till.amount}`]);
      }),
    );

    it.effect("what was turned away leaves the intent open for another try", () =>
      Effect.gen(function* () {
        const { click, faults, moved, reference, till } = yield* opened;
        yield* faults({ kind: "tooManyRequests", retryAfterSeconds: 1, operations: ["confirm"], count: 1 });
        assert.strictEqual(yield* click, "not_sent");
        assert.strictEqual(yield* till.status(reference), "open");
        assert.strictEqual(yield* click, "captured");
        assert.deepStrictEqual(moved(), [`captured ${Till.amount}`]);
      }),
    );
  });
};

over(Toss.provider, toss);
over(PortOne.provider, portOne);
over(Bootpay.provider, bootpay("Keys"));
