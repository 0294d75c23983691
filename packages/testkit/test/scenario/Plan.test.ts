import { Draw, Plan } from "@destiny/testkit/scenario";
import type { Scenario, ScenarioOptions, Stage } from "@destiny/testkit/scenario";
import { assert, describe, it } from "@effect/vitest";
import * as Schema from "effect/Schema";

const run = () => Promise.resolve();

const scenarioOf = (
  stages: ReadonlyArray<Stage>,
  weights: Record<string, number>,
): Pick<Scenario, "journeys" | "phases"> => ({
  phases: () => stages,
  journeys: Object.fromEntries(
    Object.entries(weights).map(([name, weight]) => [name, { weight, places: "order" as const, run }]),
  ),
});

const options = (arrivals: ScenarioOptions["arrivals"], scale = 1): ScenarioOptions => ({
  peakPerSecond: 0,
  durationSeconds: 0,
  scale,
  drainSeconds: 1,
  arrivals,
});

const Rate = Schema.Int.check(Schema.isBetween({ minimum: 20, maximum: 400 }));
const Seed = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 2_000_000_000 }));
const Weight = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 9 }));

/** Six standard deviations of a count with this mean: a failure is a fault, not bad luck. */
const spread = (mean: number) => 6 * Math.sqrt(mean) + 1;

describe("Plan", () => {
  it.prop("the same seed gives the same arrivals, another seed others", [Seed, Rate], ([seed, rate]) => {
    const scenario = scenarioOf([{ seconds: 2, from: rate, to: rate }], { a: 1, b: 2 });
    const make = (of: number) => Plan.make({ scenario, options: options("poisson"), users: 7, seed: of }).arrivals;
    assert.deepStrictEqual(make(seed), make(seed));
    assert.notDeepEqual(make(seed), make(seed + 1));
  });

  it.prop("journeys come in proportion to their weights", [Seed, Weight, Weight], ([seed, a, b]) => {
    const scenario = scenarioOf([{ seconds: 10, from: 200, to: 200 }], { a, b, never: 0 });
    const { arrivals } = Plan.make({ scenario, options: options("even"), users: 3, seed });
    const count = (name: string) => arrivals.filter((arrival) => arrival.journey === name).length;
    assert.strictEqual(arrivals.length, 2_000);
    assert.strictEqual(count("never"), 0);
    assert.strictEqual(count("a") + count("b"), 2_000);
    const expected = (2_000 * a) / (a + b);
    assert.isBelow(Math.abs(count("a") - expected), spread(expected));
  });

  it.prop(
    "arrivals a second follow the rate, through ramps and whatever the scale",
    [Seed, Rate, Rate],
    ([seed, from, to]) => {
      const scale = 3;
      const stages = [
        { seconds: 4, from, to, warmUp: true },
        { seconds: 3, from: to, to },
      ];
      for (const kind of ["poisson", "even"] as const) {
        const plan = Plan.make({
          scenario: scenarioOf(stages, { a: 1 }),
          options: options(kind, scale),
          users: 3,
          seed,
        });
        assert.strictEqual(plan.lengthMillis, 7_000);
        assert.deepStrictEqual(plan.warmUps, [{ fromMillis: 0, toMillis: 4_000 }]);
        for (let second = 0; second < 7; second++) {
          const rate = second < 4 ? from + ((to - from) * (second + 0.5)) / 4 : to;
          const inside = plan.arrivals.filter(({ atMillis }) => Math.floor(atMillis / 1000) === second).length;
          const expected = rate * scale;
          assert.isBelow(Math.abs(inside - expected), kind === "even" ? 1.5 : spread(expected), `${kind} ${second}`);
        }
        assert.isTrue(
          plan.arrivals.every(({ atMillis }, index) => atMillis >= (plan.arrivals[index - 1]?.atMillis ?? 0)),
        );
      }
    },
  );

  it("every user comes once before anybody comes twice", () => {
    const scenario = scenarioOf([{ seconds: 1, from: 30, to: 30 }], { a: 1 });
    const { arrivals } = Plan.make({ scenario, options: options("even"), users: 10, seed: 5 });
    const rounds = [0, 1, 2].map((round) => arrivals.slice(round * 10, round * 10 + 10).map(({ user }) => user));
    for (const round of rounds) assert.strictEqual(new Set(round).size, 10);
  });

  it.prop(
    "what is announced to all is done once by each, within its stage, on top of the rates",
    [Seed, Rate],
    (drawn) => {
      const [seed, rate] = drawn;
      const stage = { seconds: 2, from: rate, to: rate };
      const make = (everybody: { readonly everybody?: string }) =>
        Plan.make({
          scenario: scenarioOf([stage, { ...stage, ...everybody }, stage], { a: 1, b: 1, all: 0 }),
          options: options("poisson", 2),
          users: 37,
          seed,
        }).arrivals;
      const { all = [], others = [] } = Object.groupBy(make({ everybody: "all" }), ({ journey }) =>
        journey === "all" ? "all" : "others",
      );
      assert.deepStrictEqual(
        all.map(({ user }) => user).toSorted((one, other) => one - other),
        Array.from({ length: 37 }, (_, user) => user),
      );
      assert.isTrue(all.every(({ atMillis }) => atMillis >= 2_000 && atMillis < 4_000));
      const without = ({ atMillis, journey, user }: Plan.Arrival) => ({ atMillis, journey, user });
      assert.deepStrictEqual(others.map(without), make({}).map(without));
      const arrivals = make({ everybody: "all" });
      assert.isTrue(arrivals.every(({ index }, place) => index === place));
      assert.isTrue(arrivals.every(({ atMillis }, place) => atMillis >= (arrivals[place - 1]?.atMillis ?? 0)));
    },
  );

  it("a stage's own mix replaces the weights, and an unknown journey in it is refused", () => {
    const stage = { seconds: 1, from: 50, to: 50 };
    const make = (mix: Record<string, number>) =>
      Plan.make({
        scenario: scenarioOf([{ ...stage, mix }], { a: 1, b: 1 }),
        options: options("even"),
        users: 1,
        seed: 1,
      });
    assert.isTrue(make({ b: 1 }).arrivals.every(({ journey }) => journey === "b"));
    assert.throws(() => make({ c: 1 }), /no such journey: c/);
    const announced = { ...stage, everybody: "d" };
    const scenario = scenarioOf([announced], { a: 1 });
    assert.throws(() => Plan.make({ scenario, options: options("even"), users: 1, seed: 1 }), /no such journey: d/);
  });

  it("Zipf's first rank is drawn twice as often as the second and everything is drawn", () => {
    const draw = Draw.fromSeed(9);
    const pick = Draw.zipf(5, 1);
    const counts = [0, 0, 0, 0, 0];
    for (let round = 0; round < 20_000; round++) {
      const rank = pick(draw);
      counts[rank] = (counts[rank] ?? 0) + 1;
    }
    const [first = 0, second = 1] = counts;
    assert.closeTo(first / second, 2, 0.15);
    assert.isTrue(counts.every((count) => count > 1_000));
  });
});
