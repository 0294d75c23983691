/** Every bound of payments, with its unit and its default. */

export interface Limits {
  /** Longer than a gateway's confirm time-out, so that nobody is asked while the first answer may still come. */
  readonly inquireAfterMillis: number;
  readonly askAgainMillis: number;
  readonly maxAskAgainMillis: number;
  /** A gateway that does not know a payment this long after the confirm was sent never got it. */
  readonly settleMillis: number;
  /** How long a gateway may still approve what was given up: the longest life of a buyer's authentication, and a margin. */
  readonly guardMillis: number;
  readonly guardEveryMillis: number;
  readonly maxConcurrentCalls: number;
  readonly sweepMillis: number;
  readonly maxSweepAttempts: number;
  /** How old may be what a reader is shown, when another process has moved the payment. What acts on a payment reads it afresh. */
  readonly maxShownAgeMillis: number;
}

export const defaultLimits: Limits = {
  inquireAfterMillis: 8000,
  askAgainMillis: 500,
  maxAskAgainMillis: 60_000,
  settleMillis: 15_000,
  guardMillis: 3_600_000,
  guardEveryMillis: 5000,
  maxConcurrentCalls: 16,
  sweepMillis: 500,
  maxSweepAttempts: 200,
  maxShownAgeMillis: 1000,
};
