/**
 * The exact list of arrivals of a run, made before the run from the scenario's stages and a seed.
 *
 * Guarantee: a pure function; the same scenario, options, users and seed give the same arrivals, so a run's demand can
 * be repeated whatever the shop answered last time.
 *
 * Limits: at most `maxArrivals` arrivals; beyond that planning throws rather than thinning out the load.
 */
import * as Draw from "./Draw.ts";
import type { Scenario, ScenarioOptions, Stage } from "./Scenario.ts";

export interface Arrival {
  readonly index: number;
  /** Milliseconds after the run's zero. */
  readonly atMillis: number;
  readonly journey: string;
  /** Index into the users of the run. */
  readonly user: number;
  /** Seed of this shopper's own draws. */
  readonly seed: number;
}

export interface Plan {
  readonly arrivals: ReadonlyArray<Arrival>;
  /** Sum of the stages. */
  readonly lengthMillis: number;
  /** Stretches of warm-up stages, [from, to) in milliseconds after zero. */
  readonly warmUps: ReadonlyArray<{ readonly fromMillis: number; readonly toMillis: number }>;
}

export interface PlanOptions {
  readonly scenario: Pick<Scenario, "journeys" | "phases">;
  readonly options: ScenarioOptions;
  readonly users: number;
  readonly seed: number;
}

export const maxArrivals = 2_000_000;

/** Milliseconds into the stage at which `area` arrivals have come: the inverse of the rate's integral. */
const timeOf = (stage: Stage, scale: number, area: number): number => {
  const from = stage.from * scale;
  const slope = ((stage.to - stage.from) * scale) / stage.seconds;
  if (slope === 0) return (area / from) * 1000;
  // This form of the root has no cancellation when the slope is small.
  return ((2 * area) / (from + Math.sqrt(Math.max(0, from * from + 2 * slope * area)))) * 1000;
};

const mustHave = (scenario: Pick<Scenario, "journeys">, names: ReadonlyArray<string>): void => {
  const unknown = names.filter((name) => scenario.journeys[name] === undefined);
  if (unknown.length > 0) throw new RangeError(`a stage names no such journey: ${unknown.join(", ")}`);
};

const journeyPicker = (scenario: Pick<Scenario, "journeys">, stage: Stage) => {
  const names = Object.keys(scenario.journeys);
  mustHave(scenario, Object.keys(stage.mix ?? {}));
  const weights = names.map((name) =>
    stage.mix === undefined ? (scenario.journeys[name]?.weight ?? 0) : (stage.mix[name] ?? 0),
  );
  const pick = Draw.weighted(weights);
  return (draw: Draw.Draw) => names[pick(draw)] ?? "";
};

/** Evenly spaced arrivals sit in the middle of their slots, so a stage of rate r and s seconds has round(r s) of them. */
export const make = ({ scenario, options, users, seed }: PlanOptions): Plan => {
  if (users < 1) throw new RangeError("a plan needs at least one user");
  const times = Draw.fromSeed(Draw.mix(seed, 11));
  const choices = Draw.fromSeed(Draw.mix(seed, 12));
  // Users come in shuffled rounds: nobody comes twice before everybody came once.
  const order = Draw.shuffled(users, Draw.fromSeed(Draw.mix(seed, 13)));
  const announced = Draw.shuffled(users, Draw.fromSeed(Draw.mix(seed, 15)));
  const planned: Array<Omit<Arrival, "index" | "seed">> = [];
  const add = (arrival: Omit<Arrival, "index" | "seed">) => {
    if (planned.length >= maxArrivals) throw new RangeError(`more than ${maxArrivals} arrivals planned`);
    planned.push(arrival);
  };
  const warmUps: Array<{ fromMillis: number; toMillis: number }> = [];
  const step = options.arrivals === "even" ? () => 1 : () => -Math.log(1 - times());
  let start = 0;
  let turn = 0;
  let next = options.arrivals === "even" ? 0.5 : step();
  for (const stage of scenario.phases(options)) {
    if (!(stage.seconds > 0) || stage.from < 0 || stage.to < 0) {
      throw new RangeError("a stage needs a positive length and rates of at least 0");
    }
    const area = ((stage.from + stage.to) / 2) * options.scale * stage.seconds;
    const journey = area > 0 ? journeyPicker(scenario, stage) : () => "";
    const first = planned.length;
    for (; next < area; next += step()) {
      add({
        atMillis: start + timeOf(stage, options.scale, next),
        journey: journey(choices),
        user: order[turn++ % users] ?? 0,
      });
    }
    next -= area;
    const length = stage.seconds * 1000;
    const { everybody } = stage;
    if (everybody !== undefined) {
      mustHave(scenario, [everybody]);
      for (const [place, user] of announced.entries()) {
        add({ atMillis: start + ((place + 0.5) / users) * length, journey: everybody, user });
      }
      for (const one of planned.splice(first).sort((left, right) => left.atMillis - right.atMillis)) planned.push(one);
    }
    if (stage.warmUp === true) warmUps.push({ fromMillis: start, toMillis: start + length });
    start += length;
  }
  const arrivals = planned.map((arrival, index) => ({ index, ...arrival, seed: Draw.mix(seed, 14, index) }));
  return { arrivals, lengthMillis: start, warmUps };
};
