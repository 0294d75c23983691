import { assert, describe, it } from "@effect/vitest";
import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import * as Fiber from "effect/Fiber";
import * as TestClock from "effect/testing/TestClock";
import * as Pace from "../../src/bus/Pace.ts";

/** Does as many batches as it may, each of which takes so long; answers when each began. */
const begun = (pace: Pace.Pace, count: number, takesMillis = 0) =>
  Effect.gen(function* () {
    const batch = pace.batch(Effect.tap(Clock.currentTimeMillis, () => Effect.sleep(takesMillis)));
    const running = yield* Effect.forkChild(
      Effect.forEach(Array.from({ length: count }), () => Effect.andThen(pace.wait, batch)),
      { startImmediately: true },
    );
    yield* TestClock.adjust("100 seconds");
    return yield* Fiber.join(running);
  });

const gapsOf = (times: ReadonlyArray<number>): ReadonlyArray<number> =>
  times.slice(1).map((time, index) => time - (times[index] ?? 0));

describe("Pace", () => {
  it.effect("lets a burst begin at once, and what follows a gap apart", () =>
    Effect.gen(function* () {
      const pace = Pace.make({ minGapMillis: 40, maxGapMillis: 100, burst: 3 });
      assert.deepStrictEqual(yield* begun(pace, 6), [0, 0, 0, 40, 80, 120]);
    }),
  );

  it.effect("a gap that nothing used is a batch that may begin at once later, up to the burst", () =>
    Effect.gen(function* () {
      const pace = Pace.make({ minGapMillis: 40, maxGapMillis: 100, burst: 3 });
      yield* begun(pace, 6);
      assert.deepStrictEqual(gapsOf(yield* begun(pace, 5)), [0, 0, 40, 40]);
    }),
  );

  it.effect("batches take no more than their share of the time, once it is known how long they take", () =>
    Effect.gen(function* () {
      const pace = Pace.make({ minGapMillis: 10, maxGapMillis: 1000, burst: 1 });
      const gaps = gapsOf(yield* begun(pace, 40, 5));
      assert.isAtMost(gaps[0] ?? 0, 10);
      assert.approximately(gaps.at(-1) ?? 0, 5 / Pace.maxBusyShare, 1);
    }),
  );

  it.effect("a gap is never longer than its bound, however long a batch took", () =>
    Effect.gen(function* () {
      const pace = Pace.make({ minGapMillis: 10, maxGapMillis: 100, burst: 1 });
      yield* begun(pace, 2, 20_000);
      assert.deepStrictEqual(gapsOf(yield* begun(pace, 4)), [100, 100, 100]);
    }),
  );

  it.effect("batches that did not wait are owed, but no more of them than a burst", () =>
    Effect.gen(function* () {
      const pace = Pace.make({ minGapMillis: 40, maxGapMillis: 40, burst: 2 });
      yield* Effect.repeat(pace.batch(Effect.void), { times: 99 });
      assert.deepStrictEqual(yield* begun(pace, 3), [40, 80, 120]);
    }),
  );

  it.effect("a batch that fails fails, and counts", () =>
    Effect.gen(function* () {
      const pace = Pace.make({ minGapMillis: 40, maxGapMillis: 40, burst: 1 });
      assert.strictEqual(yield* Effect.flip(pace.batch(Effect.fail("broken"))), "broken");
      assert.deepStrictEqual(yield* begun(pace, 2), [40, 80]);
    }),
  );

  it.effect("without a greatest gap nothing waits", () =>
    Effect.gen(function* () {
      const pace = Pace.make({ minGapMillis: 10, maxGapMillis: 0, burst: 1 });
      assert.deepStrictEqual(yield* begun(pace, 3, 1), [0, 1, 2]);
    }),
  );

  it.effect("a clock that was set back costs one gap", () =>
    Effect.gen(function* () {
      const pace = Pace.make({ minGapMillis: 40, maxGapMillis: 40, burst: 1 });
      yield* TestClock.setTime(3_600_000);
      yield* pace.batch(Effect.void);
      yield* TestClock.setTime(0);
      assert.deepStrictEqual(yield* begun(pace, 2), [40, 80]);
    }),
  );
});
