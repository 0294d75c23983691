/**
 * What a run costs: the peak of the shop's memory, and the CPU time of an order.
 *
 * CPU time is read from the processes themselves, so what else the machine does meanwhile does not count. The stretch that is
 * judged lies between the first and the last sample of the plan's measured part; its orders are those placed in it.
 *
 * Limits: a sample every `sampleMillis`, none of which says anything about the moments between; a shorter measured part than
 * `minSeconds` has no figure, nor has one in which a process was started again, because its counter then began at 0.
 */
import type { Summary } from "@destiny/testkit/scenario";
import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import type { CpuPerOrder } from "../RunReport.ts";
import type { CpuSeconds, StatusReport } from "../StatusReport.ts";

export interface Usage {
  readonly memoryMb: number;
  readonly cpuPerOrderMs: CpuPerOrder | null;
}

export interface Observer {
  /** Samples until it is interrupted. */
  readonly sampling: Effect.Effect<never>;
  /** A line of the load process, as soon as it is read. */
  readonly second: (progress: Second) => void;
  readonly usage: (summary: Stretch) => Usage;
}

type Second = Pick<Extract<Summary.Progress, { readonly type: "second" }>, "cpuSeconds" | "orders">;
type Stretch = Pick<Summary.Summary, "lastArrivalAt" | "startedAt" | "warmUps">;

const sampleMillis = 2000;
export const minSeconds = 5;

interface Sample {
  /** Epoch milliseconds. */
  readonly at: number;
  readonly placed: number;
  /** When the latest restart of anything was; undefined: nothing was started again so far. */
  readonly restartedAt: string | undefined;
  readonly cpu: CpuSeconds & { readonly load: number };
}

const parts = ["services", "postgres", "simulators", "supervisor", "load"] as const;

/** Pure: the cost of an order between the outermost samples of the measured part. */
export const cpuPerOrder = (
  samples: ReadonlyArray<Sample>,
  { lastArrivalAt, startedAt, warmUps }: Stretch,
): CpuPerOrder | null => {
  const measuredFrom = Math.max(startedAt, ...warmUps.map(({ to }) => to));
  const within = samples.filter(({ at }) => at >= measuredFrom && at <= lastArrivalAt);
  const first = within[0];
  const last = within.at(-1);
  if (first === undefined || last === undefined || last.at - first.at < minSeconds * 1000) return null;
  const orders = last.placed - first.placed;
  if (orders <= 0 || last.restartedAt !== first.restartedAt || last.cpu.services === first.cpu.services) return null;
  const millis = parts.map((part) => (1000 * (last.cpu[part] - first.cpu[part])) / orders);
  const rounded = (value: number): number => Math.round(value * 100) / 100;
  const [services = 0, postgres = 0, simulators = 0, supervisor = 0, load = 0] = millis.map(rounded);
  const total = rounded(millis.reduce((sum, value) => sum + value, 0));
  return { services, postgres, simulators, supervisor, load, total };
};

export const observe = (status: Effect.Effect<StatusReport, unknown>): Observer => {
  const samples: Array<Sample> = [];
  let latest: Second | undefined;
  let memoryMb = 0;
  const sample = Effect.gen(function* () {
    const report = yield* status;
    memoryMb = Math.max(memoryMb, report.memoryMb);
    if (latest === undefined) return;
    samples.push({
      at: yield* Clock.currentTimeMillis,
      placed: latest.orders.placed,
      // Not how many: the report shows the latest ones only.
      restartedAt: report.restarts.at(-1)?.at,
      cpu: { ...report.cpuSeconds, load: latest.cpuSeconds },
    });
  });
  return {
    sampling: Effect.ignore(sample).pipe(Effect.andThen(Effect.sleep(sampleMillis)), Effect.forever),
    second: (progress) => {
      latest = progress;
    },
    usage: (stretch) => ({ memoryMb, cpuPerOrderMs: cpuPerOrder(samples, stretch) }),
  };
};
