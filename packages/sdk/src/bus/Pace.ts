/**
 * Spaces batches under load, the more the longer they take.
 *
 * Batches take at most a `maxBusyShare` of the time: those that take 3 ms begin 24 ms apart when the share is an eighth. A batch
 * takes longer because it is larger or because the cores and the disk are wanted elsewhere, and either way the next one should
 * do more at once. After a time with few of them up to `burst` begin without any gap: a message that comes alone, and the
 * next ones of the same order, begin at once. (The generic cell rate algorithm: one number, the time at which everything begun
 * so far is paid for; here with a price that follows the cost.)
 *
 * Limits: a gap is at least `minGapMillis` and at most `maxGapMillis`.
 *
 * Rejected: the same gap for any load. One that is long enough to save anything at the peak slows down every step of an order in
 * a shop that has cores to spare.
 */
import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";

export interface Pace {
  /** Until a batch may begin. A clock that was set back costs no more than a gap. */
  readonly wait: Effect.Effect<void>;
  /** A batch, whether it may begin or not. What begins too early is owed, up to `burst` gaps. */
  readonly batch: <A, E, R>(work: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>;
}

export interface Options {
  readonly minGapMillis: number;
  /** 0: no gaps. */
  readonly maxGapMillis: number;
  /** As many as one order causes one after the other in its busiest consumer leave an idle shop without gaps. */
  readonly burst: number;
}

/** Of the time, that batches of one consumer or relay may take. */
export const maxBusyShare = 1 / 8;

/** How much of what is known of the cost the latest batch replaces: one slow commit is no load. */
const weightOfLatest = 1 / 4;

export const make = ({ burst, maxGapMillis, minGapMillis }: Options): Pace => {
  let paidAt = Number.NEGATIVE_INFINITY;
  let costMillis = 0;
  const gapMillis = (): number => Math.min(Math.max(minGapMillis, costMillis / maxBusyShare), maxGapMillis);
  return {
    wait: Effect.flatMap(Clock.currentTimeMillis, (now) => {
      const left = Math.min(gapMillis(), paidAt - (burst - 1) * gapMillis() - now);
      return left > 0 ? Effect.sleep(left) : Effect.void;
    }),
    batch: (work) =>
      Effect.flatMap(Clock.currentTimeMillis, (begunAt) => {
        paidAt = Math.min(Math.max(begunAt, paidAt) + gapMillis(), begunAt + burst * gapMillis());
        return Effect.onExit(work, () =>
          Effect.map(Clock.currentTimeMillis, (now) => {
            costMillis += (Math.max(0, now - begunAt) - costMillis) * weightOfLatest;
          }),
        );
      }),
  };
};
