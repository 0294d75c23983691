import { Summary } from "@destiny/testkit/scenario";
import { assert, describe, it } from "@effect/vitest";
import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import * as Fiber from "effect/Fiber";
import * as TestClock from "effect/testing/TestClock";
import { cpuPerOrder, minSeconds, observe } from "../../src/run/Usage.ts";
import type { Restart, StatusReport } from "../../src/StatusReport.ts";

const stretch = { startedAt: 0, lastArrivalAt: 30_000, warmUps: [{ from: 0, to: 10_000 }] };

/** A shop that takes 100 orders a second, and whose services use a whole core. */
const at = (
  second: number,
  { restartedAt, warmUpCost = 0 }: { readonly restartedAt?: string; readonly warmUpCost?: number } = {},
) => ({
  at: second * 1000,
  placed: 100 * second,
  restartedAt,
  cpu: {
    services: second + (second < 10 ? 0 : warmUpCost),
    postgres: second / 2,
    simulators: second / 10,
    supervisor: 0,
    load: second / 5,
  },
});
const seconds = (from: number, to: number) =>
  Array.from({ length: (to - from) / 2 + 1 }, (_, index) => from + 2 * index);

describe("the CPU time of an order", () => {
  it("is what was used in the measured part, by the orders placed in it", () => {
    assert.deepStrictEqual(
      cpuPerOrder(
        seconds(0, 40).map((second) => at(second, { warmUpCost: 100 })),
        stretch,
      ),
      { services: 10, postgres: 5, simulators: 1, supervisor: 0, load: 2, total: 18 },
    );
  });

  it("is not told of a part that is too short, had no order, or saw a process begin at 0 again", () => {
    const short = { ...stretch, lastArrivalAt: 10_000 + minSeconds * 1000 - 1 };
    assert.isNull(
      cpuPerOrder(
        seconds(0, 40).map((second) => at(second)),
        short,
      ),
    );
    assert.isNull(
      cpuPerOrder(
        seconds(10, 30).map((second) => ({ ...at(second), placed: 7 })),
        stretch,
      ),
    );
    assert.isNull(
      cpuPerOrder(
        seconds(10, 30).map((second) => at(second, second > 20 ? { restartedAt: "2026-01-01T00:00:20.000Z" } : {})),
        stretch,
      ),
    );
  });

  it.effect("is not told when a process began at 0 again, though a shop shows no more restarts than it did", () =>
    Effect.gen(function* () {
      const cost = Effect.fnUntraced(function* (restarted: boolean) {
        let second = 0;
        const restarts = (): ReadonlyArray<Restart> =>
          Array.from({ length: 50 }, (_, index) => ({
            service: "order",
            at: new Date(1000 * (index + (restarted && second > 20 ? 1 : 0))).toISOString(),
            reason: "signal SIGKILL",
            recoveredMs: 1,
          }));
        const status = Effect.sync((): StatusReport => ({
          instance: "start",
          profile: "embedded",
          components: [],
          services: [],
          supervisor: null,
          memoryMb: 1,
          cpuSeconds: at(second).cpu,
          settings: {},
          restarts: restarts(),
        }));
        const observer = observe(status);
        const startedAt = yield* Clock.currentTimeMillis;
        const fiber = yield* Effect.forkChild(observer.sampling);
        for (; second <= 30; second++) {
          observer.second({ cpuSeconds: second / 5, orders: { ...Summary.nothing.orders, placed: 100 * second } });
          yield* TestClock.adjust("1 second");
        }
        yield* Fiber.interrupt(fiber);
        return observer.usage({ startedAt, lastArrivalAt: startedAt + 30_000, warmUps: [] }).cpuPerOrderMs;
      });
      assert.isNotNull(yield* cost(false));
      assert.isNull(yield* cost(true));
    }),
  );

  it("is not told where the system does not say", () => {
    const silent = { services: 0, postgres: 0, simulators: 0, supervisor: 0, load: 0 };
    assert.isNull(
      cpuPerOrder(
        seconds(10, 30).map((second) => ({ ...at(second), cpu: silent })),
        stretch,
      ),
    );
  });
});
