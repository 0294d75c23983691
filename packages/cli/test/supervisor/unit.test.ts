import { assert, describe, it } from "@effect/vitest";
import * as Effect from "effect/Effect";
import * as fs from "node:fs";
import * as TestClock from "effect/testing/TestClock";
import { CliError } from "../../src/CliError.ts";
import { logFile, rotate, tail } from "../../src/supervisor/Logs.ts";
import { backoffMillis, defaultLimits, make, type Running } from "../../src/supervisor/Unit.ts";
import { temporaryHome } from "../fixtures/tools.ts";

/** An incarnation that a test ends by hand. */
const life = () => {
  let end: (reason: string) => void = () => {};
  const exited = new Promise<string>((resolve) => (end = resolve));
  const running: Running = {
    pid: 1,
    exited,
    isReady: () => Promise.resolve(true),
    drain: () => end("drained"),
    kill: () => end("killed"),
  };
  return { running, end };
};

// Promises of the outside world settle between two turns of the virtual clock.
const settle = Effect.promise(() => new Promise<void>((resolve) => setImmediate(resolve)));

describe("Unit", () => {
  it("back-off: the first restart is immediate, then it doubles up to its bound", () => {
    const pauses = [1, 2, 3, 4, 8, 100].map((failures) => backoffMillis(failures, defaultLimits));
    assert.deepStrictEqual(pauses, [0, 100, 200, 400, 5_000, 5_000]);
  });

  it.effect("a crash loop is slowed down, and a stable life forgives it", () =>
    Effect.gen(function* () {
      const lives: Array<ReturnType<typeof life>> = [];
      const launch = () => {
        const next = life();
        lives.push(next);
        return Promise.resolve(next.running);
      };
      const unit = yield* make(
        { name: "order", launch, tail: () => [], logCommand: "destiny logs order" },
        defaultLimits,
        () => {},
      );
      yield* unit.firstReady;
      const crash = Effect.gen(function* () {
        yield* settle;
        lives.at(-1)?.end("crash");
        yield* settle;
      });
      const advance = (millis: number) => Effect.andThen(TestClock.adjust(millis), settle);
      yield* crash;
      yield* advance(0);
      assert.strictEqual(lives.length, 2);
      yield* crash;
      yield* advance(99);
      assert.strictEqual(lives.length, 2);
      yield* advance(1);
      assert.strictEqual(lives.length, 3);
      yield* advance(defaultLimits.stableMillis);
      yield* crash;
      yield* advance(0);
      assert.strictEqual(lives.length, 4);
      assert.strictEqual(unit.restartCount(), 3);
      assert.deepStrictEqual(
        unit.restarts().map((restart) => restart.recoveredMs),
        [0, 100, 0],
      );
    }),
  );

  it.effect("a launch that is refused for good is not tried again and keeps its own error", () =>
    Effect.gen(function* () {
      let launches = 0;
      const refusal = new CliError({ exit: "environment", code: "NOT_HERE", message: "no", next: ["elsewhere"] });
      const launch = () => {
        launches++;
        return Promise.reject(refusal);
      };
      const unit = yield* make(
        { name: "postgres", launch, tail: () => [], logCommand: "destiny logs order" },
        defaultLimits,
        () => {},
      );
      assert.strictEqual(yield* Effect.flip(unit.firstReady), refusal);
      assert.strictEqual(launches, 1);
      assert.strictEqual(unit.state(), "stopped");
    }),
  );
});

describe("logs", () => {
  it.live("a file over the bound moves aside, and its writer goes on at the new end", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryHome;
      const file = logFile(directory, "order");
      const writer = fs.openSync(file, "a");
      fs.writeSync(writer, "old\n".repeat(100));
      rotate(directory, 1_000);
      assert.strictEqual(fs.statSync(file).size, 400);
      rotate(directory, 399);
      fs.writeSync(writer, "new\n");
      fs.closeSync(writer);
      assert.strictEqual(fs.readFileSync(file, "utf8"), "new\n");
      assert.strictEqual(fs.statSync(`${file}.1`).size, 400);
      assert.deepStrictEqual(tail(`${file}.1`, 2).lines, ["old", "old"]);
    }),
  );
});
