/**
 * Deletes what nobody needs any more, a little at a time: one background job a table.
 *
 * Guarantee: a row goes only when its job says that it is older than the job keeps it; of several processes one works at a
 * job at a time, and none waits for another. Rows that somebody has locked are left for the next sweep.
 *
 * Limits: `maxBatchRows` a transaction, `batchPauseMillis` between two, `maxSweepBatches` a sweep, a sweep every `intervalMillis`,
 * the first one when that long has passed. A job that fails is logged, and tried again by the next sweep.
 */
import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Metric from "effect/Metric";
import * as SqlClient from "effect/sql/SqlClient";
import type { SqlError } from "effect/sql/SqlError";

/** What one transaction of a job did. */
export interface Step {
  /** Rows, or, where whole days are dropped, days. */
  readonly removed: number;
  /** There may be more of it. */
  readonly more: boolean;
}

export const nothing: Step = { removed: 0, more: false };

export interface Job {
  /** Unique in its database. */
  readonly name: string;
  /** How old what it deletes has to be. */
  readonly keepMillis: number;
  /** Deletes at most `maxRows` rows of before then (UTC epoch milliseconds), inside the transaction that it runs in. */
  readonly step: (beforeMillis: number, maxRows: number) => Effect.Effect<Step, SqlError, SqlClient.SqlClient>;
}

export interface Limits {
  readonly intervalMillis: number;
  readonly maxBatchRows: number;
  readonly batchPauseMillis: number;
  readonly maxSweepBatches: number;
}

/** Together they keep up with 2,000 rows a second, in transactions of a few milliseconds. */
export const defaultLimits: Limits = {
  intervalMillis: 3_600_000,
  maxBatchRows: 1000,
  batchPauseMillis: 50,
  maxSweepBatches: 7200,
};

const removedTotal = Metric.counter("destiny_retention_removed_total", { incremental: true });

/** Nobody waits for a turn: whoever comes second has nothing to do. */
const inTurn = Effect.fnUntraced(function* (job: Job, beforeMillis: number, maxRows: number) {
  const sql = yield* SqlClient.SqlClient;
  return yield* sql.withTransaction(
    Effect.gen(function* () {
      const [turn] = yield* sql<{ readonly mine: boolean }>`
        SELECT pg_try_advisory_xact_lock(hashtextextended(${`retention/${job.name}`}, 0)) AS mine`;
      return turn?.mine === true ? yield* job.step(beforeMillis, maxRows) : nothing;
    }),
  );
});

/** One sweep of one job; answers how much it removed. */
export const sweep = Effect.fn("Retention.sweep")(function* (
  job: Job,
  partial: Partial<Limits> = {},
): Effect.fn.Return<number, SqlError, SqlClient.SqlClient> {
  const limits: Limits = { ...defaultLimits, ...partial };
  const beforeMillis = (yield* Clock.currentTimeMillis) - job.keepMillis;
  let removed = 0;
  for (let batch = 0; batch < limits.maxSweepBatches; batch++) {
    if (batch > 0) yield* Effect.sleep(limits.batchPauseMillis);
    const step = yield* inTurn(job, beforeMillis, limits.maxBatchRows);
    removed += step.removed;
    if (!step.more) break;
  }
  yield* Metric.update(Metric.withAttributes(removedTotal, { job: job.name }), removed);
  if (removed > 0) yield* Effect.logInfo("removed what was kept long enough", { job: job.name, removed });
  return removed;
});

/** Sweeps for as long as the layer lives, one job after the other. */
export const layer = (
  jobs: ReadonlyArray<Job>,
  partial: Partial<Limits> = {},
): Layer.Layer<never, never, SqlClient.SqlClient> => {
  const limits: Limits = { ...defaultLimits, ...partial };
  const all = Effect.forEach(
    jobs,
    (job) =>
      Effect.catchCause(sweep(job, limits), (cause) =>
        Effect.logWarning("nothing could be removed; it is tried again", { job: job.name }, cause),
      ),
    { discard: true },
  );
  return Layer.effectDiscard(
    Effect.sleep(limits.intervalMillis).pipe(Effect.andThen(all), Effect.forever, Effect.forkScoped),
  );
};
