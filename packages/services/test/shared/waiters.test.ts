import { assert, describe, it } from "@effect/vitest";
import * as Effect from "effect/Effect";
import * as Fiber from "effect/Fiber";
import * as TestClock from "effect/testing/TestClock";
import * as Waiters from "../../src/shared/Waiters.ts";

/** A shelf of numbers, and how often somebody looked at how many of them. */
const shelf = Effect.gen(function* () {
  const values = new Map<string, number>();
  const looks: Array<ReadonlyArray<string>> = [];
  let broken = false;
  const remembered = new Map<string, { readonly value: number; readonly ageMillis: number }>();
  const waiters = yield* Waiters.make<string, number, string>({
    read: (ids) =>
      Effect.suspend(() => {
        looks.push(ids);
        if (broken) return Effect.fail("broken");
        return Effect.succeed(new Map([...values].filter(([id]) => ids.includes(id))));
      }),
    recall: (id, maxAgeMillis) => {
      const known = remembered.get(id);
      return known === undefined || known.ageMillis > maxAgeMillis ? undefined : known.value;
    },
  });
  const until = (id: string, wanted: number, waitMillis = 60_000) =>
    Effect.forkChild(waiters.until({ id, holds: (value) => value === wanted, waitMillis }), { startImmediately: true });
  return { ...waiters, until, values, remembered, looks, breakReads: (isBroken: boolean) => void (broken = isBroken) };
});

describe("Waiters", () => {
  it.effect("answers at once what already holds, and undefined for what is not there", () =>
    Effect.gen(function* () {
      const { until, values } = yield* shelf;
      values.set("a", 1);
      assert.strictEqual(yield* Fiber.join(yield* until("a", 1)), 1);
      const missing = yield* until("b", 1, 100);
      yield* TestClock.adjust(100);
      assert.isUndefined(yield* Fiber.join(missing));
    }),
  );

  it.effect("a notice wakes all who wait for that id without any time passing, and nobody else", () =>
    Effect.gen(function* () {
      const { looks, notify, until } = yield* shelf;
      const [first, second, other] = [yield* until("a", 1), yield* until("a", 1), yield* until("b", 1)];
      looks.length = 0;
      notify([["a", 1]]);
      assert.deepStrictEqual([yield* Fiber.join(first), yield* Fiber.join(second)], [1, 1]);
      assert.isUndefined(other.pollUnsafe());
      assert.deepStrictEqual(looks, [], "the notice is the answer");
    }),
  );

  it.effect("a notice of a change that is not the wanted one keeps waiting, to the end of the wait", () =>
    Effect.gen(function* () {
      const { notify, until, values } = yield* shelf;
      const waiting = yield* until("a", 2, 500);
      values.set("a", 1);
      notify([["a", 1]]);
      yield* TestClock.adjust(499);
      assert.isUndefined(waiting.pollUnsafe());
      yield* TestClock.adjust(1);
      assert.strictEqual(yield* Fiber.join(waiting), 1, "what was seen last");
    }),
  );

  it.effect(
    "what is remembered spares the read at the beginning, unless it is older than a poll would let it get",
    () =>
      Effect.gen(function* () {
        const { looks, remembered, until, values } = yield* shelf;
        values.set("a", 2);
        remembered.set("a", { value: 1, ageMillis: Waiters.pollMillis });
        assert.strictEqual(yield* Fiber.join(yield* until("a", 1)), 1);
        assert.deepStrictEqual(looks, []);
        remembered.set("a", { value: 1, ageMillis: Waiters.pollMillis + 1 });
        assert.strictEqual(yield* Fiber.join(yield* until("a", 2)), 2);
        assert.deepStrictEqual(looks, [["a"]]);
      }),
  );

  it.effect("a remembered value that another process has changed keeps a wait no longer than a poll", () =>
    Effect.gen(function* () {
      const { remembered, until, values } = yield* shelf;
      values.set("a", 2);
      remembered.set("a", { value: 1, ageMillis: 0 });
      const waiting = yield* until("a", 2);
      assert.isUndefined(waiting.pollUnsafe());
      yield* TestClock.adjust(Waiters.pollMillis);
      assert.strictEqual(yield* Fiber.join(waiting), 2);
    }),
  );

  it.effect("a change that nobody tells of is seen within a poll, by one look for everybody", () =>
    Effect.gen(function* () {
      const { looks, until, values } = yield* shelf;
      const waiting = yield* Effect.forEach(["a", "b", "c"], (id) => until(id, 1));
      values.set("b", 1);
      looks.length = 0;
      yield* TestClock.adjust(Waiters.pollMillis);
      assert.deepStrictEqual(
        waiting.map((fiber) => fiber.pollUnsafe() !== undefined),
        [false, true, false],
      );
      assert.deepStrictEqual(looks, [["a", "b", "c"]]);
    }),
  );

  it.effect("a look that fails is tried again at the next poll", () =>
    Effect.gen(function* () {
      const { breakReads, until, values } = yield* shelf;
      const waiting = yield* until("a", 1);
      values.set("a", 1);
      breakReads(true);
      yield* TestClock.adjust(Waiters.pollMillis);
      assert.isUndefined(waiting.pollUnsafe());
      breakReads(false);
      yield* TestClock.adjust(Waiters.pollMillis);
      assert.strictEqual(yield* Fiber.join(waiting), 1);
    }),
  );

  it.effect("who has gone is not looked for any more", () =>
    Effect.gen(function* () {
      const { looks, until } = yield* shelf;
      yield* Fiber.interrupt(yield* until("a", 1));
      yield* until("b", 1, 100);
      yield* TestClock.adjust(100);
      looks.length = 0;
      yield* TestClock.adjust(Waiters.pollMillis);
      assert.deepStrictEqual(looks, []);
    }),
  );

  it.effect("beyond the limit nobody waits: the answer is what stands there now", () =>
    Effect.gen(function* () {
      const { until, values } = yield* shelf;
      yield* Effect.forEach(Array.from({ length: Waiters.maxWaiters }), () => until("a", 2), { discard: true });
      values.set("a", 1);
      assert.strictEqual(yield* Fiber.join(yield* until("a", 2)), 1);
    }),
  );
});
