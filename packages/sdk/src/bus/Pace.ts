/**
 * Spaces batches under load, and only then.
 *
 * Batches begin at most once in `gapMillis` on the average; up to `burst` begin without any gap after a time with few. So a
 * message that comes alone, and the next ones of the same order, begin at once, and what comes all the time begins together.
 * (The generic cell rate algorithm: one number, the time at which everything begun so far is paid for.)
 *
 * Rejected: a gap after every batch. One that is long enough to save anything at the peak would slow down every step of an
 * order in an idle shop.
 */
import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";

export interface Pace {
  /** Until a batch may begin. A clock that was set back costs no more than a gap. */
  readonly wait: Effect.Effect<void>;
  /** A batch begins now, whether it may or not. What it begins too early is owed, up to `burst` gaps. */
  readonly begin: Effect.Effect<void>;
}

export interface Options {
  /** 0: none. */
  readonly gapMillis: number;
  /** As many as one order causes one after the other in its busiest consumer leave an idle shop without gaps. */
  readonly burst: number;
}

export const make = ({ burst, gapMillis }: Options): Pace => {
  let paidAt = Number.NEGATIVE_INFINITY;
  return {
    wait: Effect.flatMap(Clock.currentTimeMillis, (now) => {
      const left = Math.min(gapMillis, paidAt - (burst - 1) * gapMillis - now);
      return left > 0 ? Effect.sleep(left) : Effect.void;
    }),
    begin: Effect.map(Clock.currentTimeMillis, (now) => {
      paidAt = Math.min(Math.max(now, paidAt) + gapMillis, now + burst * gapMillis);
    }),
  };
};
