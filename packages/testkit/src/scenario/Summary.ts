/**
 * What the load process is told (`Job`), what it says meanwhile (`Progress`) and what it leaves behind (`Summary`).
 *
 * Guarantee: in a `Summary`, `offered = placed + refused + dropped` over the order arrivals and
 * `placed = completed + soldOut + unpaid + cancelled + failed + open`, exactly, also when the run was interrupted; so does
 * `offered = issued + soldOut + duplicate + refused` over the asks for coupons.
 */
import * as Schema from "effect/Schema";

export const Limits = Schema.Struct({
  /** Shoppers under way at once; an arrival beyond is dropped. */
  maxInFlight: Schema.Int,
  /** An arrival that the generator itself would start later than this is dropped. */
  maxLateMillis: Schema.Finite,
  /** Connections to one server. */
  maxConnections: Schema.Int,
  /** Time for one request, unless the journey names its own. */
  requestTimeoutMillis: Schema.Finite,
  loginConcurrency: Schema.Int,
  /** Access tokens older than this are renewed before a shopper starts. */
  maxTokenAgeMillis: Schema.Finite,
});
export type Limits = typeof Limits.Type;

export const defaultLimits: Limits = {
  maxInFlight: 2000,
  maxLateMillis: 250,
  maxConnections: 2000,
  requestTimeoutMillis: 10_000,
  loginConcurrency: 8,
  maxTokenAgeMillis: 600_000,
};

export const Options = Schema.Struct({
  peakPerSecond: Schema.Finite,
  durationSeconds: Schema.Finite,
  scale: Schema.Finite,
  drainSeconds: Schema.Finite,
  arrivals: Schema.Literals(["poisson", "even"]),
});

/** Holds passwords of seeded shoppers: write it with mode 0600. It holds no key that could sign anything. */
export const Job = Schema.Struct({
  run: Schema.NonEmptyString,
  /** Path of the scenario file; its default export is the `Scenario`. */
  scenario: Schema.String,
  seed: Schema.Int,
  /** What the operator overrides of the scenario's defaults. */
  options: Options.mapFields((fields) => ({
    peakPerSecond: Schema.optionalKey(fields.peakPerSecond),
    durationSeconds: Schema.optionalKey(fields.durationSeconds),
    scale: Schema.optionalKey(fields.scale),
    drainSeconds: Schema.optionalKey(fields.drainSeconds),
    arrivals: Schema.optionalKey(fields.arrivals),
  })),
  timings: Schema.optionalKey(
    Schema.Struct({
      paymentWindowSeconds: Schema.Finite,
      holdSeconds: Schema.Finite,
      settleSeconds: Schema.optionalKey(Schema.Finite),
      gatewayTimeoutSeconds: Schema.optionalKey(Schema.Finite),
    }),
  ),
  /** Origin of the gateway, e.g. `http://127.0.0.1:8080`. */
  shopUrl: Schema.String,
  /** Origins of the payment simulators by provider, e.g. `TOSSPAYMENTS`. */
  simulators: Schema.Record(Schema.String, Schema.String),
  users: Schema.Array(Schema.Struct({ username: Schema.String, password: Schema.String })),
  /** Most popular first; the products of the shop that are not named follow in the shop's order. */
  hotProductIds: Schema.Array(Schema.String),
  /** What `Shopper.couponTemplateId` is. */
  couponTemplateId: Schema.optionalKey(Schema.String),
  /** Existing folder for `ledger.ndjson`, `samples.json` and `summary.json`. */
  folder: Schema.String,
  limits: Schema.optionalKey(Limits),
});
export type Job = typeof Job.Type;

export const files = { ledger: "ledger.ndjson", samples: "samples.json", summary: "summary.json" } as const;

const Percentiles = { p50Ms: Schema.Finite, p95Ms: Schema.Finite, p99Ms: Schema.Finite };

export const Orders = Schema.Struct({
  offered: Schema.Int,
  placed: Schema.Int,
  /** Order arrivals that started and got no 201. */
  refused: Schema.Int,
  /** Those of `refused` whose last answer was neither 503 nor 429: not turned away by the shop, but lost. */
  unanswered: Schema.Int,
  payable: Schema.Int,
  completed: Schema.Int,
  soldOut: Schema.Int,
  unpaid: Schema.Int,
  cancelled: Schema.Int,
  /** Every other FAILED reason, and orders whose cancellation failed. */
  failed: Schema.Int,
  open: Schema.Int,
});
export type Orders = typeof Orders.Type;

/** Asks for coupons that were sent, by what came of them; a shopper who asks twice at once is two of them. */
export const Coupons = Schema.Struct({
  offered: Schema.Int,
  issued: Schema.Int,
  soldOut: Schema.Int,
  /** The user has one already. */
  duplicate: Schema.Int,
  /** Everything else. */
  refused: Schema.Int,
});
export type Coupons = typeof Coupons.Type;

/** Statuses that were allowed only while a fault's window is open. */
export const Weather = Schema.Struct({
  route: Schema.String,
  status: Schema.Int,
  from: Schema.Finite,
  to: Schema.Finite,
});
export type Weather = typeof Weather.Type;

export const Route = Schema.Struct({
  count: Schema.Int,
  /** Statuses that the journey never allowed at that point. */
  unexpected: Schema.Int,
  ...Percentiles,
});
export type Route = typeof Route.Type;

export const Unexpected = Schema.Struct({
  route: Schema.String,
  status: Schema.Int,
  at: Schema.Finite,
  shopper: Schema.Int,
  detail: Schema.String,
});
export type Unexpected = typeof Unexpected.Type;

export const Summary = Schema.Struct({
  run: Schema.String,
  scenario: Schema.String,
  seed: Schema.Int,
  /** Stopped before every planned arrival was tried. */
  interrupted: Schema.Boolean,
  /** Epoch milliseconds of the plan's zero and of the last arrival; all times here are epoch milliseconds. */
  startedAt: Schema.Finite,
  lastArrivalAt: Schema.Finite,
  endedAt: Schema.Finite,
  lengthMillis: Schema.Finite,
  warmUps: Schema.Array(Schema.Struct({ from: Schema.Finite, to: Schema.Finite })),
  orders: Orders,
  coupons: Coupons,
  /** Arrivals that never started, any journey. */
  dropped: Schema.Int,
  droppedBecause: Schema.Struct({ busy: Schema.Int, late: Schema.Int, interrupted: Schema.Int }),
  /** How late the generator started shoppers: its own quality. */
  startedLateP99Ms: Schema.Finite,
  /** From the last arrival until the last shopper left; null: the drain's bound was reached. */
  drainedMs: Schema.NullOr(Schema.Finite),
  http: Schema.Record(Schema.String, Route),
  saga: Schema.Struct({ count: Schema.Int, ...Percentiles }),
  /** At most 20 a route. */
  unexpected: Schema.Array(Unexpected),
  weather: Schema.Array(Weather),
  /** Journeys that threw, with at most 20 examples. */
  journeyFailures: Schema.Struct({ count: Schema.Int, examples: Schema.Array(Schema.String) }),
});
export type Summary = typeof Summary.Type;

/** A run in which nothing happened, to change what a test of a verdict is about. */
export const nothing: Summary = {
  run: "nothing",
  scenario: "nothing",
  seed: 0,
  interrupted: false,
  startedAt: 0,
  lastArrivalAt: 0,
  endedAt: 0,
  lengthMillis: 0,
  warmUps: [],
  orders: {
    offered: 0,
    placed: 0,
    refused: 0,
    unanswered: 0,
    payable: 0,
    completed: 0,
    soldOut: 0,
    unpaid: 0,
    cancelled: 0,
    failed: 0,
    open: 0,
  },
  coupons: { offered: 0, issued: 0, soldOut: 0, duplicate: 0, refused: 0 },
  dropped: 0,
  droppedBecause: { busy: 0, late: 0, interrupted: 0 },
  startedLateP99Ms: 0,
  drainedMs: 0,
  http: {},
  saga: { count: 0, p50Ms: 0, p95Ms: 0, p99Ms: 0 },
  unexpected: [],
  weather: [],
  journeyFailures: { count: 0, examples: [] },
};

/** One line of the load process's stdout. */
export const Progress = Schema.Union([
  Schema.Struct({ type: Schema.Literal("preparing"), what: Schema.String }),
  /** The plan's zero: from `at` the faults' fractions of `lengthMillis` are counted. */
  Schema.Struct({
    type: Schema.Literal("started"),
    at: Schema.Finite,
    lengthMillis: Schema.Finite,
    arrivals: Schema.Int,
  }),
  Schema.Struct({
    type: Schema.Literal("second"),
    /** Whole seconds since the plan's zero. */
    second: Schema.Int,
    /** Totals so far. Orders under way count as `open`, order arrivals not yet tried are not in `offered`. */
    orders: Orders,
    dropped: Schema.Int,
    unexpected: Schema.Int,
    inFlight: Schema.Int,
    /** Of the answers to `POST /v1/orders`, and of orders that became payable, in the last second; 0 without any. */
    orderP95Ms: Schema.Finite,
    payableP95Ms: Schema.Finite,
    /** CPU time that the load process has used so far. */
    cpuSeconds: Schema.Finite,
  }),
  Schema.Struct({ type: Schema.Literal("finished"), summary: Schema.String }),
  Schema.Struct({ type: Schema.Literal("failed"), message: Schema.String }),
]);
export type Progress = typeof Progress.Type;
