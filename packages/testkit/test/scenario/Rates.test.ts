import { Plan, Samples, Summary, Thresholds } from "@destiny/testkit/scenario";
import type { Scenario } from "@destiny/testkit/scenario";
import { assert, describe, it } from "@effect/vitest";
import couponRush from "../../../../scenarios/coupon-rush.ts";
import knee from "../../../../scenarios/knee.ts";

const orders = (counts: Partial<Summary.Orders>) => ({ ...Summary.nothing.orders, offered: 100, ...counts });

/** What a run of the scenario misses of its limits on orders. */
const missed = ({ thresholds }: Scenario, counts: Partial<Summary.Orders>): ReadonlyArray<string> =>
  Thresholds.evaluate(
    { thresholds: thresholds.filter(({ metric }) => metric === "orders"), faults: [] },
    {
      summary: { ...Summary.nothing, orders: orders(counts) },
      samples: Samples.recorder(0).samples(),
      faults: [],
    },
    "gate",
  )
    .filter(({ ok }) => !ok)
    .map(({ name }) => name);

describe("knee", () => {
  it("is no rate that the shop can take when any order is turned away, sold out, left unpaid or failed", () => {
    assert.deepStrictEqual(missed(knee, { placed: 100, completed: 100 }), []);
    for (const count of ["refused", "soldOut", "unpaid", "failed"] as const) {
      assert.lengthOf(missed(knee, { placed: 100, completed: 99, [count]: 1 }), 1, count);
    }
  });
});

describe("coupon-rush", () => {
  it("gives no coupon away before the rush, and warms up at the same rate whatever the rush is", () => {
    const arrivals = (peakPerSecond: number) => {
      const options = { ...couponRush.defaults, peakPerSecond };
      const plan = Plan.make({ scenario: couponRush, options, users: couponRush.needs.users, seed: 42 });
      const rushAt = Math.max(...plan.warmUps.map(({ toMillis }) => toMillis));
      return Map.groupBy(plan.arrivals, ({ atMillis }) => (atMillis < rushAt ? "before" : "rush"));
    };
    const before = arrivals(2_000).get("before") ?? [];
    assert.isAbove(before.length, 100);
    assert.sameMembers([...new Set(before.map(({ journey }) => journey))], ["look", "buy"]);
    assert.notInclude(
      (arrivals(2_000).get("rush") ?? []).map(({ journey }) => journey),
      "look",
    );
    assert.strictEqual(before.length, arrivals(200).get("before")?.length);
  });
});
