/**
 * Open-model load: executes a plan of arrivals against a shop and keeps figures and the shoppers' ledger.
 *
 * Guarantee: an arrival starts at its planned time whatever earlier shoppers still wait for, or it is counted as dropped
 * with its reason; none is delayed in silence. So slow answers never thin out the demand (no coordinated omission).
 *
 * Limits: `Summary.Limits`. After the last arrival shoppers have `drainSeconds`; who is left then is stopped, and an
 * order that is not terminal by then is open.
 *
 * Plain promises, not fibers: journeys are async functions that other runners can execute too, and the generator shares
 * the machine with what it measures.
 */
import * as fs from "node:fs/promises";
import * as path from "node:path";
import * as Draw from "./Draw.ts";
import * as HttpClient from "./HttpClient.ts";
import * as Ledger from "./Ledger.ts";
import { maxTextLength } from "./LedgerEntry.ts";
import * as Metrics from "./Metrics.ts";
import * as Plan from "./Plan.ts";
import * as Preparation from "./Preparation.ts";
import * as Samples from "./Samples.ts";
import type { Scenario, ScenarioOptions } from "./Scenario.ts";
import * as Shopper from "./Shopper.ts";
import { defaultLimits, files } from "./Summary.ts";
import type { Job, Progress, Summary } from "./Summary.ts";
import * as Tally from "./Tally.ts";

const orderRoute = "POST /v1/orders";
const { clock, Stopped } = HttpClient;

export interface Running {
  /** Rejects with `LoadError` when preparing failed, else always resolves, also after `stop`. */
  readonly done: Promise<Summary>;
  /** Ends the run now: no further arrival, shoppers under way are stopped, everything known is written. */
  readonly stop: () => void;
}

const maxExamples = 20;

const cpuSeconds = (): number => {
  const { system, user } = process.cpuUsage();
  return (user + system) / 1e6;
};

export const start = (job: Job, scenario: Scenario, onProgress: (progress: Progress) => void): Running => {
  const stopping = { asked: false, hooks: new Set<() => void>() };
  return {
    done: run(job, scenario, onProgress, stopping),
    stop: () => {
      stopping.asked = true;
      for (const hook of stopping.hooks) hook();
    },
  };
};

interface Stopping {
  asked: boolean;
  readonly hooks: Set<() => void>;
}

const run = async (
  job: Job,
  scenario: Scenario,
  onProgress: (progress: Progress) => void,
  stopping: Stopping,
): Promise<Summary> => {
  const options: ScenarioOptions = { ...scenario.defaults, ...job.options };
  const limits = job.limits ?? defaultLimits;
  const metrics = Metrics.make(clock(), orderRoute);
  const ledger = await Ledger.write(path.join(job.folder, files.ledger));
  const client = HttpClient.make({ shopUrl: job.shopUrl, ...limits });
  const pauses = Shopper.pauses();
  const halt = () => {
    client.stop();
    pauses.stop();
  };
  stopping.hooks.add(halt);
  if (stopping.asked) halt();
  ledger.append({ type: "run", at: clock(), run: job.run, scenario: scenario.name, seed: job.seed });
  try {
    const plan = Plan.make({ scenario, options, users: job.users.length, seed: job.seed });
    const prepare = { client, metrics, pause: pauses.pause };
    const accounts = Preparation.accounts(prepare, job, limits.maxTokenAgeMillis);
    const users = Array.from(new Set(plan.arrivals.map((arrival) => arrival.user)));
    onProgress({ type: "preparing", what: `logging in ${users.length} shoppers` });
    await Preparation.concurrently(users, limits.loginConcurrency, (user) => accounts(user).then(() => undefined));
    const first = users[0] === undefined ? undefined : await accounts(users[0]);
    onProgress({ type: "preparing", what: "reading the catalogue" });
    const products = await Preparation.catalogue(prepare, job, first?.token ?? "");
    const world: Shopper.World = {
      run: job.run,
      client,
      metrics,
      ledger,
      products,
      popularity: Draw.zipf(products.length, scenario.zipfExponent),
      simulators: job.simulators,
      couponTemplateId: job.couponTemplateId,
      timings: job.timings ?? scenario.timings,
      pause: pauses.pause,
    };
    const executed = await execute({ world, scenario, options, limits, plan, accounts, stopping, halt, onProgress });
    const orders = Tally.orders(ledger.orders.values(), executed.arrivals);
    const { http, saga, startedLateP99Ms, unexpected, weather } = metrics.figures();
    const startedAt = executed.zero;
    const summary: Summary = {
      run: job.run,
      scenario: scenario.name,
      seed: job.seed,
      interrupted: stopping.asked,
      startedAt,
      lastArrivalAt: startedAt + (plan.arrivals.at(-1)?.atMillis ?? 0),
      endedAt: clock(),
      lengthMillis: plan.lengthMillis,
      warmUps: plan.warmUps.map(({ fromMillis, toMillis }) => ({
        from: startedAt + fromMillis,
        to: startedAt + toMillis,
      })),
      orders,
      coupons: Tally.coupons(ledger.coupons.values()),
      dropped: executed.dropped.busy + executed.dropped.late + executed.dropped.interrupted,
      droppedBecause: executed.dropped,
      startedLateP99Ms,
      drainedMs: executed.drainedMs,
      http,
      saga,
      unexpected,
      weather,
      journeyFailures: executed.failures,
    };
    await fs.writeFile(path.join(job.folder, files.samples), Samples.encode(metrics.samples()));
    await fs.writeFile(path.join(job.folder, files.summary), JSON.stringify(summary, undefined, 2));
    return summary;
  } catch (error) {
    if (error instanceof Stopped) throw new Preparation.LoadError("stopped before the first arrival", { cause: error });
    throw error;
  } finally {
    stopping.hooks.delete(halt);
    ledger.append({ type: "closed", at: clock(), interrupted: stopping.asked });
    await ledger.close();
    await client.close();
  }
};

interface Execution {
  readonly world: Shopper.World;
  readonly scenario: Scenario;
  readonly options: ScenarioOptions;
  readonly limits: NonNullable<Job["limits"]>;
  readonly plan: Plan.Plan;
  readonly accounts: (user: number) => Promise<Shopper.Account>;
  readonly stopping: Stopping;
  readonly halt: () => void;
  readonly onProgress: (progress: Progress) => void;
}

const execute = async ({ world, scenario, options, limits, plan, accounts, stopping, halt, onProgress }: Execution) => {
  const { arrivals } = plan;
  const { metrics, ledger } = world;
  const placing = (arrival: Plan.Arrival) => scenario.journeys[arrival.journey]?.places === "order";
  /** Orders of arrivals that did not set out for one. */
  const unplanned = () => {
    let count = 0;
    for (const index of ledger.orders.keys()) {
      const arrival = arrivals[index];
      if (arrival !== undefined && !placing(arrival)) count += 1;
    }
    return count;
  };
  const dropped = { busy: 0, late: 0, interrupted: 0 };
  const counted = { offered: 0, dropped: 0 };
  const failures = { count: 0, examples: new Array<string>() };
  const under = new Map<number, Promise<void>>();
  const failed = (arrival: Plan.Arrival, error: unknown) => {
    if (error instanceof Stopped) return;
    failures.count += 1;
    if (failures.examples.length >= maxExamples) return;
    const reason = error instanceof Error ? error.message : String(error);
    failures.examples.push(`shopper ${arrival.index} (${arrival.journey}): ${reason}`.slice(0, maxTextLength));
  };

  const shop = async (arrival: Plan.Arrival) => {
    const journey = scenario.journeys[arrival.journey];
    if (journey === undefined) throw new Error(`no journey ${arrival.journey}`);
    const account = await accounts(arrival.user);
    const shopper = Shopper.make(world, arrival, account, journey.places !== "nothing");
    await journey.run(shopper).catch((error: unknown) => failed(arrival, error));
    const order = shopper.ledger.order();
    if (order?.orderId !== undefined && !order.terminal) await scenario.settle(shopper);
  };

  const zero = clock();
  onProgress({ type: "started", at: zero, lengthMillis: plan.lengthMillis, arrivals: arrivals.length });
  const sending = () => {
    let count = 0;
    for (const index of under.keys()) {
      const arrival = arrivals[index];
      const orders = arrival !== undefined && (placing(arrival) || ledger.orders.has(index));
      if (orders && ledger.orders.get(index)?.orderId === undefined) count += 1;
    }
    return count;
  };
  const tried = () => ({ offered: counted.offered + unplanned(), dropped: counted.dropped });
  let second = 0;
  const ticker = setInterval(() => {
    second += 1;
    onProgress({
      type: "second",
      second,
      orders: Tally.orders(ledger.orders.values(), { ...tried(), sending: sending() }),
      dropped: dropped.busy + dropped.late + dropped.interrupted,
      unexpected: metrics.unexpectedCount(),
      inFlight: under.size,
      ...metrics.lastSecond(),
      cpuSeconds: cpuSeconds(),
    });
  }, 1000);

  const drop = (arrival: Plan.Arrival, why: keyof typeof dropped) => {
    dropped[why] += 1;
    if (placing(arrival)) counted.dropped += 1;
  };
  const arrive = (arrival: Plan.Arrival) => {
    if (placing(arrival)) counted.offered += 1;
    const late = clock() - zero - arrival.atMillis;
    if (stopping.asked) return drop(arrival, "interrupted");
    if (late > limits.maxLateMillis) return drop(arrival, "late");
    if (under.size >= limits.maxInFlight) return drop(arrival, "busy");
    metrics.startedLate(late);
    const shopping = shop(arrival)
      .catch((error: unknown) => failed(arrival, error))
      .finally(() => under.delete(arrival.index));
    under.set(arrival.index, shopping);
  };

  try {
    for (const arrival of arrivals) {
      const wait = arrival.atMillis - (clock() - zero);
      if (wait > 0 && !stopping.asked) await world.pause(wait).catch(() => undefined);
      arrive(arrival);
    }
    const last = clock();
    const everybody = async () => {
      while (under.size > 0) await Promise.all(under.values());
    };
    // A flag and not the clock: a timer may ring a fraction of a millisecond before its time.
    let overdue = false;
    const bound = setTimeout(() => {
      overdue = true;
      halt();
    }, options.drainSeconds * 1000);
    await everybody();
    clearTimeout(bound);
    const inTime = !stopping.asked && !overdue;
    const drained = clock() - last;
    return {
      zero,
      arrivals: { ...tried(), sending: 0 },
      dropped,
      failures,
      drainedMs: inTime ? drained : null,
    };
  } finally {
    clearInterval(ticker);
  }
};
