/**
 * The fault plan of a simulator: which requests go wrong, how, how often and for how long.
 *
 * Guarantee: with one seed and one order of requests, the same requests go wrong.
 * Limits: `maxRules` rules; windows are measured on the simulator's clock, an outage on the machine's timers.
 */
import * as Result from "effect/Result";
import * as Schema from "effect/Schema";

export const maxRules = 64;

const Millis = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 3_600_000 }));
const Count = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1_000_000_000 }));

/** How long a delay is. `lognormal` is what services look like: most near the median, a tail to p99 and beyond. */
export const Delay = Schema.Union([
  Schema.Struct({ distribution: Schema.Literal("fixed"), millis: Millis }),
  Schema.Struct({ distribution: Schema.Literal("uniform"), minMillis: Millis, maxMillis: Millis }),
  Schema.Struct({
    distribution: Schema.Literal("lognormal"),
    medianMillis: Millis,
    p99Millis: Millis,
    maxMillis: Millis,
  }),
]);
export type Delay = typeof Delay.Type;

const window = { startAfterMillis: Schema.optionalKey(Millis), durationMillis: Schema.optionalKey(Millis) };
const scope = {
  ...window,
  /** Absent: all operations of the vendor. */
  operations: Schema.optionalKey(Schema.Array(Schema.String)),
  /** Absent: always. */
  probability: Schema.optionalKey(Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 1 }))),
  /** The rule ends after this many hits. */
  count: Schema.optionalKey(Count),
};
const code = Schema.String.check(Schema.isBetweenLength(1, 100));

export const FaultRule = Schema.Union([
  /** Delays are added up; `before` (default) the vendor acts late, `after` it acts at once and answers late. */
  Schema.Struct({
    kind: Schema.Literal("latency"),
    delay: Delay,
    at: Schema.optionalKey(Schema.Literals(["before", "after"])),
    ...scope,
  }),
  /** The vendor refuses with this code and the status that belongs to it; nothing is approved. */
  Schema.Struct({ kind: Schema.Literal("error"), code, ...scope }),
  /** The vendor acts, then answers with this error: why an error of a server is no proof that nothing happened. */
  Schema.Struct({ kind: Schema.Literal("approveThenError"), code, ...scope }),
  /** The vendor acts and never answers. */
  Schema.Struct({ kind: Schema.Literal("approveThenHang"), ...scope }),
  /** The vendor acts and the connection is reset. */
  Schema.Struct({ kind: Schema.Literal("approveThenReset"), ...scope }),
  /** The vendor neither acts nor answers. */
  Schema.Struct({ kind: Schema.Literal("hang"), ...scope }),
  /** The connection is reset before the vendor acts. */
  Schema.Struct({ kind: Schema.Literal("reset"), ...scope }),
  /** 429 with `Retry-After`, before the vendor acts. */
  Schema.Struct({ kind: Schema.Literal("tooManyRequests"), retryAfterSeconds: Count, ...scope }),
  /** A proxy in front of the vendor answers 5xx without a vendor's body. */
  Schema.Struct({
    kind: Schema.Literal("unavailable"),
    status: Schema.Literals([500, 502, 503, 504]),
    ...scope,
  }),
  /** Connections are refused and open ones reset, control routes included: so it must say how long. */
  Schema.Struct({
    kind: Schema.Literal("outage"),
    startAfterMillis: Schema.optionalKey(Millis),
    durationMillis: Millis.check(Schema.isGreaterThan(0)),
  }),
]);
export type FaultRule = typeof FaultRule.Type;

export const FaultSpec = Schema.Struct({
  seed: Schema.optionalKey(Schema.Int),
  rules: Schema.Array(FaultRule).check(Schema.isMaxLength(maxRules)),
});
export type FaultSpec = typeof FaultSpec.Type;

/** The faults that a request can meet; delays are reported apart. */
export type Fault = Exclude<FaultRule, { readonly kind: "latency" | "outage" }>;

export interface Drawn {
  readonly beforeMillis: number;
  readonly afterMillis: number;
  readonly fault: Fault | undefined;
}

export interface FaultReport {
  readonly seed: number;
  readonly rules: ReadonlyArray<{ readonly rule: FaultRule; readonly hits: number; readonly active: boolean }>;
}

export interface Faults {
  /** Replaces the plan; windows start now. A failure says what is wrong with the plan, which is then not taken. */
  readonly put: (spec: unknown) => Result.Result<FaultReport, string>;
  readonly clear: () => void;
  readonly report: () => FaultReport;
  /** What this request meets. Counts a hit for every rule that applies; of the faults, the first one that does. */
  readonly draw: (operation: string) => Drawn;
}

export interface FaultsOptions {
  readonly operations: ReadonlyArray<string>;
  readonly now: () => number;
  /** An outage begins or ends. */
  readonly outage: (active: boolean) => void;
}

/** mulberry32: 32 bits of state are plenty for fault plans, and the sequence is the same everywhere. */
const generator = (seed: number) => {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let word = Math.imul(state ^ (state >>> 15), state | 1);
    word ^= word + Math.imul(word ^ (word >>> 7), word | 61);
    return ((word ^ (word >>> 14)) >>> 0) / 4_294_967_296;
  };
};

const z99 = 2.326_347_87;

const sample = (delay: Delay, random: () => number): number => {
  switch (delay.distribution) {
    case "fixed":
      return delay.millis;
    case "uniform":
      return delay.minMillis + random() * Math.max(0, delay.maxMillis - delay.minMillis);
    default: {
      const median = Math.max(1, delay.medianMillis);
      const sigma = Math.log(Math.max(1, delay.p99Millis / median)) / z99;
      const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
      return Math.min(delay.maxMillis, median * Math.exp(sigma * normal));
    }
  }
};

interface Live {
  readonly rule: FaultRule;
  readonly from: number;
  readonly until: number;
  hits: number;
}

const nothing: Drawn = { beforeMillis: 0, afterMillis: 0, fault: undefined };
const decode = Schema.decodeUnknownResult(FaultSpec, { onExcessProperty: "error" });

export const make = (options: FaultsOptions): Faults & { readonly close: () => void } => {
  let seed = 1;
  let random = generator(seed);
  let live: ReadonlyArray<Live> = [];
  let timers: Array<NodeJS.Timeout> = [];
  let outages = 0;

  const isActive = (entry: Live, at: number) =>
    at >= entry.from &&
    at < entry.until &&
    (!("count" in entry.rule) || entry.rule.count === undefined || entry.hits < entry.rule.count);

  const report = (): FaultReport => {
    const at = options.now();
    return { seed, rules: live.map((entry) => ({ rule: entry.rule, hits: entry.hits, active: isActive(entry, at) })) };
  };

  const change = (step: 1 | -1) => {
    const before = outages;
    outages += step;
    if (before === 0) options.outage(true);
    else if (outages === 0) options.outage(false);
  };

  const clear = () => {
    for (const timer of timers) clearTimeout(timer);
    timers = [];
    live = [];
    if (outages > 0) options.outage(false);
    outages = 0;
  };

  const put = (input: unknown): Result.Result<FaultReport, string> => {
    const decoded = decode(input);
    if (Result.isFailure(decoded)) return Result.fail(String(decoded.failure));
    const spec = decoded.success;
    for (const rule of spec.rules) {
      for (const operation of ("operations" in rule ? rule.operations : undefined) ?? []) {
        if (!options.operations.includes(operation)) {
          return Result.fail(`unknown operation "${operation}": one of ${options.operations.join(", ")}`);
        }
      }
    }
    clear();
    seed = spec.seed ?? 1;
    random = generator(seed);
    const at = options.now();
    live = spec.rules.map((rule): Live => {
      const from = at + (rule.startAfterMillis ?? 0);
      return { rule, from, until: from + (rule.durationMillis ?? Number.POSITIVE_INFINITY), hits: 0 };
    });
    for (const entry of live) {
      const { rule } = entry;
      if (rule.kind !== "outage") continue;
      const start = rule.startAfterMillis ?? 0;
      timers.push(
        setTimeout(() => {
          entry.hits += 1;
          change(1);
        }, start),
        setTimeout(() => change(-1), start + rule.durationMillis),
      );
    }
    return Result.succeed(report());
  };

  const draw = (operation: string): Drawn => {
    if (live.length === 0) return nothing;
    const at = options.now();
    let beforeMillis = 0;
    let afterMillis = 0;
    let fault: Fault | undefined;
    for (const entry of live) {
      const { rule } = entry;
      if (rule.kind === "outage" || (rule.kind !== "latency" && fault !== undefined)) continue;
      if (rule.operations !== undefined && !rule.operations.includes(operation)) continue;
      if (!isActive(entry, at)) continue;
      if (rule.probability !== undefined && random() >= rule.probability) continue;
      entry.hits += 1;
      if (rule.kind !== "latency") fault = rule;
      else if (rule.at === "after") afterMillis += sample(rule.delay, random);
      else beforeMillis += sample(rule.delay, random);
    }
    return { beforeMillis, afterMillis, fault };
  };

  return { put, clear, report, draw, close: clear };
};
