import { assert, describe, it } from "@effect/vitest";
import { cpuPerOrder, minSeconds } from "../../src/run/Usage.ts";

const stretch = { startedAt: 0, lastArrivalAt: 30_000, warmUps: [{ from: 0, to: 10_000 }] };

/** A shop that takes 100 orders a second, and whose services use a whole core. */
const at = (second: number, { restarts = 0, warmUpCost = 0 } = {}) => ({
  at: second * 1000,
  placed: 100 * second,
  restarts,
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
        seconds(10, 30).map((second) => at(second, { restarts: second > 20 ? 1 : 0 })),
        stretch,
      ),
    );
  });

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
