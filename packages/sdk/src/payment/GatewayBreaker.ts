/**
 * One breaker as a pure state machine: should this call be made, and what does its outcome change?
 *
 * Guarantee: an open breaker lets nothing through; a half-open one a capped share of what asks, a capped number at once; only
 * failed calls open it. What is told late, about a call that an earlier state let through, changes nothing.
 *
 * Limits: `Limits`. Time comes in with each question and may stand still, but not run back.
 */

export interface Limits {
  /** Calls are counted over this long. */
  readonly windowMillis: number;
  /** Fewer calls than this in the window prove nothing. */
  readonly minCalls: number;
  /** Opens when at least this share of the window's calls failed. */
  readonly maxFailureShare: number;
  /** How long it stays open; doubled each time that a probe failed, up to `maxOpenMillis`. */
  readonly openMillis: number;
  readonly maxOpenMillis: number;
  /** Of all that ask while it is half-open, this share is let through; and one in every `probeEveryMillis` in any case. */
  readonly probeShare: number;
  readonly probeEveryMillis: number;
  readonly maxProbesAtOnce: number;
  /** A probe without an outcome after this long has failed. Longer than a gateway's time-out. */
  readonly probeMillis: number;
  readonly probesToClose: number;
}

export const defaultLimits: Limits = {
  windowMillis: 10_000,
  minCalls: 5,
  maxFailureShare: 0.5,
  openMillis: 2000,
  maxOpenMillis: 30_000,
  probeShare: 0.1,
  probeEveryMillis: 1000,
  maxProbesAtOnce: 2,
  probeMillis: 10_000,
  probesToClose: 3,
};

interface Counts {
  readonly calls: number;
  readonly failed: number;
}

/** `generation` tells the calls that this state let through from those of the states before it. */
export type Breaker =
  | {
      readonly _tag: "Closed";
      readonly generation: number;
      /** The window is two halves: one that is counted into, and the one before it. */
      readonly halfFrom: number;
      readonly half: Counts;
      readonly before: Counts;
    }
  | { readonly _tag: "Open"; readonly generation: number; readonly until: number; readonly failedProbes: number }
  | {
      readonly _tag: "HalfOpen";
      readonly generation: number;
      readonly asked: number;
      readonly through: number;
      readonly atOnce: number;
      readonly succeeded: number;
      readonly lastProbeAt: number;
      readonly failedProbes: number;
    };

/** What a call that was let through shows when it tells its outcome. */
export interface Permit {
  readonly generation: number;
}

/** `abandoned`: nobody waited for the outcome, so it says nothing. */
export type Verdict = "well" | "failed" | "abandoned";

const none: Counts = { calls: 0, failed: 0 };

const closed = (generation: number, at: number): Breaker => ({
  _tag: "Closed",
  generation,
  halfFrom: at,
  half: none,
  before: none,
});

const open = (generation: number, at: number, failedProbes: number, limits: Limits): Breaker => ({
  _tag: "Open",
  generation,
  until: at + Math.min(limits.openMillis * 2 ** failedProbes, limits.maxOpenMillis),
  failedProbes,
});

export const initial = (at: number): Breaker => closed(0, at);

/** The breaker as it stands at a moment: what time alone has changed. */
export const seen = (breaker: Breaker, limits: Limits, at: number): Breaker => {
  const next = breaker.generation + 1;
  switch (breaker._tag) {
    case "Closed": {
      const halves = Math.floor((at - breaker.halfFrom) / (limits.windowMillis / 2));
      if (halves < 1) return breaker;
      return { ...breaker, halfFrom: at, half: none, before: halves === 1 ? breaker.half : none };
    }
    case "Open": {
      if (at < breaker.until) return breaker;
      const { failedProbes } = breaker;
      const counts = { asked: 0, through: 0, atOnce: 0, succeeded: 0 };
      return { _tag: "HalfOpen", generation: next, ...counts, lastProbeAt: breaker.until, failedProbes };
    }
    case "HalfOpen":
      return breaker.atOnce > 0 && at - breaker.lastProbeAt >= limits.probeMillis
        ? open(next, at, breaker.failedProbes + 1, limits)
        : breaker;
  }
};

/** May a call be made? Without a permit it may not. */
export const ask = (
  asked: Breaker,
  limits: Limits,
  at: number,
): { readonly breaker: Breaker; readonly permit: Permit | undefined } => {
  const breaker = seen(asked, limits, at);
  const permit: Permit = { generation: breaker.generation };
  switch (breaker._tag) {
    case "Closed":
      return { breaker, permit };
    case "Open":
      return { breaker, permit: undefined };
    case "HalfOpen": {
      const counted = { ...breaker, asked: breaker.asked + 1 };
      const due =
        breaker.through < Math.ceil(counted.asked * limits.probeShare) ||
        at - breaker.lastProbeAt >= limits.probeEveryMillis;
      if (!due || breaker.atOnce >= limits.maxProbesAtOnce) return { breaker: counted, permit: undefined };
      const probing = { ...counted, through: counted.through + 1, atOnce: counted.atOnce + 1, lastProbeAt: at };
      return { breaker: probing, permit };
    }
  }
};

/** How the call of a permit went. */
export const tell = (told: Breaker, permit: Permit, verdict: Verdict, limits: Limits, at: number): Breaker => {
  const breaker = seen(told, limits, at);
  if (breaker.generation !== permit.generation) return breaker;
  const next = breaker.generation + 1;
  switch (breaker._tag) {
    case "Closed": {
      if (verdict === "abandoned") return breaker;
      const half = {
        calls: breaker.half.calls + 1,
        failed: breaker.half.failed + (verdict === "failed" ? 1 : 0),
      };
      const calls = half.calls + breaker.before.calls;
      const failed = half.failed + breaker.before.failed;
      return verdict === "failed" && calls >= limits.minCalls && failed >= calls * limits.maxFailureShare
        ? open(next, at, 0, limits)
        : { ...breaker, half };
    }
    case "Open":
      return breaker;
    case "HalfOpen": {
      const landed = { ...breaker, atOnce: breaker.atOnce - 1 };
      if (verdict === "abandoned") return landed;
      if (verdict === "failed") return open(next, at, breaker.failedProbes + 1, limits);
      const succeeded = landed.succeeded + 1;
      return succeeded >= limits.probesToClose ? closed(next, at) : { ...landed, succeeded };
    }
  }
};
