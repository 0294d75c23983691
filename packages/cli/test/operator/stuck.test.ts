/** Real trouble in a real shop, mended by nothing but the command. */
import { assert, layer } from "@effect/vitest";
import * as Effect from "effect/Effect";
import * as os from "node:os";
import { eventually } from "../fixtures/tools.ts";
import { layer as shop, Shop } from "./Shop.ts";

const patienceMillis = 30_000;
const actor = `operator:${os.userInfo().username}`;

const stuckOnes = Effect.gen(function* () {
  const { json } = yield* Shop;
  return (yield* json("saga", "list", "--status", "stuck")).body.items;
});

/** Waits until one saga is stuck, and answers it. */
const untilStuck = Effect.gen(function* () {
  const context = yield* Effect.context<Shop>();
  yield* eventually(
    "a saga is stuck",
    async () => (await Effect.runPromiseWith(context)(stuckOnes)).length === 1,
    patienceMillis,
  );
  return (yield* stuckOnes)[0];
});

/** A paid order whose cancellation does not get its money back. */
const stuckCancellation = Effect.gen(function* () {
  const { customer, refuseRefunds } = yield* Shop;
  const orderId = yield* Effect.promise(customer.buy);
  yield* refuseRefunds;
  yield* Effect.promise(() => customer.cancel(orderId));
  return { orderId, saga: yield* untilStuck };
});

interface Entry {
  readonly kind: string;
  readonly by: { readonly actor: string; readonly note: string } | null;
}

/** What operators did to a saga. */
const doneTo = Effect.fnUntraced(function* (id: string) {
  const { json } = yield* Shop;
  const journal: ReadonlyArray<Entry> = (yield* json("saga", "show", id)).body.journal;
  return journal.flatMap(({ by, kind }) => (by === null ? [] : [{ kind, ...by }]));
});

layer(shop, { excludeTestServices: true, timeout: "90 seconds" })("an operator of a shop", (it) => {
  it.effect(
    "finds the cancellation that its gateway refuses by the order, mends it, and the journal says who did what and why",
    () =>
      Effect.gen(function* () {
        const { customer, json, run } = yield* Shop;
        const { orderId, saga: stuck } = yield* stuckCancellation;
        assert.deepInclude(stuck, { definition: "cancel-order", step: "refund payment", orderId });
        assert.include(stuck.stuck.reason, "NOT_CANCELABLE_PAYMENT");
        const about = yield* json("saga", "list", "--order", orderId);
        assert.deepStrictEqual(
          about.body.items.map(({ definition, status }: typeof stuck) => [definition, status]),
          [
            ["cancel-order", "stuck"],
            ["place-order", "completed"],
          ],
        );
        const shown = yield* run("saga", "show", orderId);
        assert.include(shown.stdout, `about order ${orderId}`);
        assert.include(shown.stdout, `destiny saga retry | skip | compensate ${stuck.id}`);
        const audited = yield* run("verify");
        assert.strictEqual(audited.code, 5);
        assert.match(audited.stdout, new RegExp(`^I7 ${stuck.id}: stuck`, "m"));

        const early = yield* json("saga", "retry", orderId, "--note", "they may have changed their mind");
        assert.strictEqual(early.body.status, "running");
        yield* untilStuck;
        assert.strictEqual((yield* run("pg", "fault", "toss", "none")).code, 0);
        yield* run("saga", "retry", orderId, "--note", "Toss gives money back again");
        yield* Effect.promise(() => customer.until(orderId, "CANCELED"));

        assert.deepStrictEqual(yield* doneTo(stuck.id), [
          { kind: "Retry", actor, note: "they may have changed their mind" },
          { kind: "Retry", actor, note: "Toss gives money back again" },
        ]);
        assert.strictEqual((yield* run("verify")).code, 0);
      }),
    { timeout: 90_000 },
  );

  it.effect(
    "gives a cancellation up: the order says so, the sale stands, and nothing is owed that nobody knows of",
    () =>
      Effect.gen(function* () {
        const { customer, json, run } = yield* Shop;
        const { orderId, saga } = yield* stuckCancellation;
        const note = "the shopper keeps the article";
        const refused = yield* json("saga", "compensate", orderId, "--note", note);
        assert.strictEqual(refused.body.error.code, "NEEDS_CONFIRMATION");
        assert.deepStrictEqual(yield* doneTo(saga.id), []);
        assert.strictEqual((yield* run("saga", "compensate", orderId, "--note", note, "--yes")).code, 0);
        yield* Effect.promise(() => customer.until(orderId, "CANCEL_FAILED"));
        yield* run("pg", "fault", "toss", "none");
        assert.deepStrictEqual(yield* doneTo(saga.id), [{ kind: "Compensate", actor, note }]);
        assert.strictEqual((yield* run("verify")).code, 0);
      }),
    { timeout: 90_000 },
  );

  it.effect(
    "gives up the message that nobody can read, what waits behind it is applied, and the trail says who it was",
    () =>
      Effect.gen(function* () {
        const { customer, json, poison, run, trail } = yield* Shop;
        const orderId = yield* Effect.promise(customer.buy);
        const id = yield* poison(orderId);
        const letters = Effect.map(json("dlq", "list"), ({ body }) => body.items);
        yield* eventually(
          "the message is set aside",
          async () => (await Effect.runPromise(letters)).length === 1,
          patienceMillis,
        );
        yield* Effect.promise(() => customer.cancel(orderId));
        yield* eventually(
          "its order waits behind it",
          async () => (await Effect.runPromise(letters)).length === 2,
          patienceMillis,
        );

        const retried = yield* run("dlq", "retry", "stock", id);
        assert.strictEqual(retried.code, 4);
        assert.match(retried.stdout, /^0 applied, 2 waiting: .*orderId/);
        assert.strictEqual((yield* run("dlq", "drop", "stock", id, "--yes")).code, 0);
        yield* Effect.promise(() => customer.until(orderId, "CANCELED"));
        assert.deepStrictEqual(yield* letters, []);
        assert.deepStrictEqual(yield* trail(orderId), [
          { action: "retry", actor },
          { action: "drop", actor },
        ]);
        assert.strictEqual((yield* run("verify")).code, 0);
      }),
    { timeout: 90_000 },
  );
});
