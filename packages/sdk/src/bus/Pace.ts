/** Keeps the beginnings of batches at least `gapMillis` apart: what comes alone begins at once, what comes within the gap waits for its end. */
import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";

export interface Pace {
  /** Until the gap behind the last beginning is over. A clock that was set back costs no more than a gap. */
  readonly wait: Effect.Effect<void>;
  /** A batch begins now. */
  readonly begin: Effect.Effect<void>;
}

export const make = (gapMillis: number): Pace => {
  let begunAt = Number.NEGATIVE_INFINITY;
  return {
    wait: Effect.flatMap(Clock.currentTimeMillis, (now) => {
      const left = Math.min(gapMillis, begunAt + gapMillis - now);
      return left > 0 ? Effect.sleep(left) : Effect.void;
    }),
    begin: Effect.map(Clock.currentTimeMillis, (now) => {
      begunAt = now;
    }),
  };
};
