import { assert, describe, it } from "@effect/vitest";
import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import * as Fiber from "effect/Fiber";
import * as TestClock from "effect/testing/TestClock";
import * as Pace from "../../src/bus/Pace.ts";

/** Begins as many batches as it may; answers when each began. */
const begun = (pace: Pace.Pace, count: number) =>
  Effect.gen(function* () {
    const running = yield* Effect.forkChild(
      Effect.forEach(Array.from({ length: count }), () =>
        pace.wait.pipe(Effect.andThen(pace.begin), Effect.andThen(Clock.currentTimeMillis)),
      ),
      { startImmediately: true },
    );
    yield* TestClock.adjust("10 seconds");
    return yield* Fiber.join(running);
  });

describe("Pace", () => {
  it.effect("lets a burst begin at once, and what follows a gap apart", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* begun(Pace.make({ gapMillis: 40, burst: 3 }), 6), [0, 0, 0, 40, 80, 120]);
    }),
  );

  it.effect("a gap that nothing used is a batch that may begin at once later, up to the burst", () =>
    Effect.gen(function* () {
      const pace = Pace.make({ gapMillis: 40, burst: 3 });
      yield* begun(pace, 6);
      const at = yield* Clock.currentTimeMillis;
      const later = yield* begun(pace, 5);
      assert.deepStrictEqual(
        later.map((time) => time - at),
        [0, 0, 0, 40, 80],
      );
    }),
  );

  it.effect("batches that did not wait are owed, but no more of them than a burst", () =>
    Effect.gen(function* () {
      const pace = Pace.make({ gapMillis: 40, burst: 2 });
      yield* Effect.repeat(pace.begin, { times: 99 });
      assert.deepStrictEqual(yield* begun(pace, 3), [40, 80, 120]);
    }),
  );

  it.effect("without a gap nothing waits", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* begun(Pace.make({ gapMillis: 0, burst: 1 }), 3), [0, 0, 0]);
    }),
  );

  it.effect("a clock that was set back costs one gap", () =>
    Effect.gen(function* () {
      const pace = Pace.make({ gapMillis: 40, burst: 1 });
      yield* TestClock.setTime(3_600_000);
      yield* pace.begin;
      yield* TestClock.setTime(0);
      assert.deepStrictEqual(yield* begun(pace, 2), [40, 80]);
    }),
  );
});
