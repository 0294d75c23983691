/**
 * Judges a run's figures against its scenario's thresholds. Pure.
 *
 * Guarantee: no threshold passes for want of evidence: a percentile of nothing, of a truncated series, or a recovery
 * that was never observed is not ok, with the value -1.
 *
 * A declared fault excuses exactly what overlaps its window: from the moment it was injected until the service was ready
 * and consuming again, plus the fault's `settleSeconds`. A fault that never recovered excuses everything after it, but
 * fails by its own `recoverySeconds`.
 */
import * as Samples from "./Samples.ts";
import type { Fault, PaymentCount, Scenario, Threshold } from "./Scenario.ts";
import type { Route, Summary } from "./Summary.ts";

/** A fault as it was carried out, by the runner's clock (the load's own: one machine). */
export interface Injected {
  readonly kind: Fault["kind"];
  readonly injectedAt: number;
  /** When the service was ready and consuming again, or the gateway itself; undefined: not seen before the run ended. */
  readonly recoveredAt: number | undefined;
  readonly settleSeconds: number;
}

export interface Evidence {
  readonly summary: Summary;
  readonly samples: Samples.Samples;
  readonly faults: ReadonlyArray<Injected>;
  /** Absent: nobody asked the shop. */
  readonly payments?: Readonly<Record<PaymentCount, number>>;
}

export interface Row {
  readonly name: string;
  readonly ok: boolean;
  readonly value: number;
  readonly limit: number;
  readonly unit: string;
}

export const windows = (faults: ReadonlyArray<Injected>): ReadonlyArray<Samples.Window> =>
  faults.map(({ injectedAt, recoveredAt, settleSeconds }) => ({
    from: injectedAt,
    to: recoveredAt === undefined ? Number.POSITIVE_INFINITY : recoveredAt + settleSeconds * 1000,
  }));

/**
 * The routes' figures with `errors`: statuses never allowed, and those that only a fault would have excused and that
 * overlap no fault's window.
 */
export const http = ({ summary, faults }: Pick<Evidence, "summary" | "faults">) => {
  const open = windows(faults);
  const unexcused = new Map<string, number>();
  for (const { route, from, to } of summary.weather) {
    if (!Samples.overlaps(open, from, to)) unexcused.set(route, (unexcused.get(route) ?? 0) + 1);
  }
  const figures = ({ unexpected, ...rest }: Route, route: string) => ({
    ...rest,
    errors: unexpected + (unexcused.get(route) ?? 0),
  });
  return Object.fromEntries(Object.entries(summary.http).map(([route, one]) => [route, figures(one, route)]));
};

const unknown = -1;

interface Measured {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
}

const percentileOf = (
  { summary, samples, faults }: Evidence,
  series: string,
  percent: number,
  outsideFaults: boolean,
): number => {
  const recorded = samples.series[series];
  if (recorded === undefined || recorded.truncated) return unknown;
  const cut = outsideFaults ? [...windows(faults), ...summary.warmUps] : [];
  return Samples.percentile(Samples.outside(samples, series, cut), percent) ?? unknown;
};

/** Whether somebody has to come back by itself: a gateway does when its fault's time is over. */
export const isRestart = ({ kind }: Pick<Fault, "kind">): boolean => kind !== "gateway";

const measure = (threshold: Threshold, evidence: Evidence, expectedRestarts: number): Measured => {
  const { summary, faults } = evidence;
  if (threshold.metric === "http" || threshold.metric === "payable") {
    const { percentile, outsideFaults = false } = threshold;
    const series = threshold.metric === "http" ? threshold.route : Samples.payable;
    const what = threshold.metric === "http" ? threshold.route : "order until payable";
    return {
      name: `p${percentile} ${what}${outsideFaults ? ", outside faults and warm-up" : ""}`,
      value: percentileOf(evidence, series, percentile, outsideFaults),
      unit: "ms",
    };
  }
  switch (threshold.metric) {
    case "dropped":
      return { name: "dropped arrivals", value: summary.dropped, unit: "arrivals" };
    case "open":
      return { name: "open orders", value: summary.orders.open, unit: "orders" };
    case "orders":
      return { name: `${threshold.count} orders`, value: summary.orders[threshold.count], unit: "orders" };
    case "payments": {
      const value = evidence.payments?.[threshold.count] ?? unknown;
      return { name: `${threshold.count} payments`, value, unit: "payments" };
    }
    case "coupons":
      return { name: `${threshold.count} coupons`, value: summary.coupons[threshold.count], unit: "asks" };
    case "unexpectedStatuses": {
      const value = Object.values(http(evidence)).reduce((sum, route) => sum + route.errors, 0);
      return { name: "unexpected statuses", value, unit: "answers" };
    }
    default: {
      const seconds = faults
        .filter(isRestart)
        .map(({ injectedAt, recoveredAt }) =>
          recoveredAt === undefined ? unknown : (recoveredAt - injectedAt) / 1000,
        );
      const seen = seconds.length >= Math.max(1, expectedRestarts) && !seconds.includes(unknown);
      return { name: "slowest recovery", value: seen ? Math.max(...seconds) : unknown, unit: "s" };
    }
  }
};

const judge = ({ name, value, unit }: Measured, threshold: { readonly max: number } | { readonly min: number }): Row =>
  "max" in threshold
    ? { name, ok: value !== unknown && value <= threshold.max, value, limit: threshold.max, unit }
    : { name: `${name}, at least`, ok: value !== unknown && value >= threshold.min, value, limit: threshold.min, unit };

/** Whether a timing over its limit fails the run, or is only shown: on a machine whose cores others use it proves nothing. */
export type Timings = "gate" | "report";

const isTiming = ({ metric }: Threshold): boolean =>
  metric === "http" || metric === "payable" || metric === "recoverySeconds";

/** Never excuses what was not measured. */
const reported = (row: Row): Row => ({ ...row, name: `${row.name}, reported only`, ok: row.value !== unknown });

/** The scenario's thresholds, and one that every scenario has: no journey ended in an error of its own. */
export const evaluate = (
  scenario: Pick<Scenario, "thresholds" | "faults">,
  evidence: Evidence,
  timings: Timings,
): ReadonlyArray<Row> => [
  ...scenario.thresholds.map((threshold) => {
    const row = judge(measure(threshold, evidence, scenario.faults.filter(isRestart).length), threshold);
    return timings === "report" && isTiming(threshold) ? reported(row) : row;
  }),
  judge({ name: "failed journeys", value: evidence.summary.journeyFailures.count, unit: "journeys" }, { max: 0 }),
];
