/**
 * The figures of a run while it goes on: a latency histogram a route, unexpected statuses with examples, statuses that
 * only a fault excuses, and the samples behind them.
 *
 * Latency is what the shopper's clock says, from handing the request to the client until the body was read.
 * Limits: microseconds up to `maxLatencyMillis` (above is recorded as that), three significant digits;
 * `maxExamples` examples a route; `maxWeather` excusable statuses, beyond which they count as unexpected at once.
 */
import * as Hdr from "hdr-histogram-js";
import * as Samples from "./Samples.ts";
import type { Route, Unexpected, Weather } from "./Summary.ts";

export const maxLatencyMillis = 120_000;
export const maxExamples = 20;
export const maxWeather = 20_000;

export interface Percentiles {
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
}

export interface Answered {
  readonly route: string;
  readonly status: number;
  readonly verdict: "allowed" | "weather" | "unexpected";
  readonly startedAt: number;
  readonly endedAt: number;
  readonly shopper: number;
  readonly detail: string;
}

const histogram = () =>
  Hdr.build({
    bitBucketSize: 32,
    lowestDiscernibleValue: 1,
    highestTrackableValue: maxLatencyMillis * 1000,
    numberOfSignificantValueDigits: 3,
  });

const add = (into: Hdr.Histogram, millis: number) =>
  into.recordValue(Math.min(maxLatencyMillis * 1000, Math.max(1, Math.round(millis * 1000))));

const at = (of: Hdr.Histogram, percent: number) => (of.totalCount === 0 ? 0 : of.getValueAtPercentile(percent) / 1000);

const percentiles = (of: Hdr.Histogram): Percentiles => ({ p50Ms: at(of, 50), p95Ms: at(of, 95), p99Ms: at(of, 99) });

export interface Metrics {
  readonly answered: (answer: Answered) => void;
  readonly payable: (sentAt: number, readAt: number) => void;
  readonly startedLate: (millis: number) => void;
  /** Since the last call. */
  readonly lastSecond: () => { readonly orderP95Ms: number; readonly payableP95Ms: number };
  readonly unexpectedCount: () => number;
  readonly figures: () => {
    readonly http: Record<string, Route>;
    readonly saga: { readonly count: number } & Percentiles;
    readonly startedLateP99Ms: number;
    readonly unexpected: ReadonlyArray<Unexpected>;
    readonly weather: ReadonlyArray<Weather>;
  };
  readonly samples: () => Samples.Samples;
}

/** `orderRoute` is the route whose last second is shown while the run goes on. */
export const make = (zeroAt: number, orderRoute: string): Metrics => {
  const routes = new Map<string, { readonly all: Hdr.Histogram; unexpected: number; examples: number }>();
  const saga = histogram();
  const late = histogram();
  const secondOrders = histogram();
  const secondPayable = histogram();
  const recorder = Samples.recorder(zeroAt);
  const unexpected: Array<Unexpected> = [];
  const weather: Array<Weather> = [];
  let unexpectedCount = 0;
  return {
    answered: ({ route, status, verdict, startedAt, endedAt, shopper, detail }) => {
      let figures = routes.get(route);
      if (figures === undefined) routes.set(route, (figures = { all: histogram(), unexpected: 0, examples: 0 }));
      add(figures.all, endedAt - startedAt);
      recorder.record(route, startedAt, endedAt);
      if (route === orderRoute) add(secondOrders, endedAt - startedAt);
      if (verdict === "allowed") return;
      if (verdict === "weather" && weather.length < maxWeather) {
        weather.push({ route, status, from: startedAt, to: endedAt });
        return;
      }
      figures.unexpected += 1;
      unexpectedCount += 1;
      if (figures.examples < maxExamples) {
        figures.examples += 1;
        unexpected.push({ route, status, at: endedAt, shopper, detail });
      }
    },
    payable: (sentAt, readAt) => {
      add(saga, readAt - sentAt);
      add(secondPayable, readAt - sentAt);
      recorder.record(Samples.payable, sentAt, readAt);
    },
    startedLate: (millis) => add(late, millis),
    lastSecond: () => {
      const figures = { orderP95Ms: at(secondOrders, 95), payableP95Ms: at(secondPayable, 95) };
      secondOrders.reset();
      secondPayable.reset();
      return figures;
    },
    unexpectedCount: () => unexpectedCount,
    figures: () => ({
      http: Object.fromEntries(
        Array.from(routes, ([route, { all, unexpected }]) => [
          route,
          { count: all.totalCount, unexpected, ...percentiles(all) },
        ]),
      ),
      saga: { count: saga.totalCount, ...percentiles(saga) },
      startedLateP99Ms: at(late, 99),
      unexpected,
      weather,
    }),
    samples: recorder.samples,
  };
};
