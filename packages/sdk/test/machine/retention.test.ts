import { assert, describe, it } from "@effect/vitest";
import { Retention } from "@destiny/sdk/machine";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as SqlClient from "effect/sql/SqlClient";
import { SqlError, UnknownError } from "effect/sql/SqlError";
import { TestClock } from "effect/testing";

/** A database in which every turn is ours. */
const database = Layer.succeed(
  SqlClient.SqlClient,
  Object.assign(() => Effect.succeed([{ mine: true }]), {
    withTransaction: <A, E, R>(effect: Effect.Effect<A, E, R>) => effect,
  }) as unknown as SqlClient.SqlClient,
);

/** A table with so many old rows, and what it was asked for. */
const table = (name: string, keepMillis: number, rows: number) => {
  const asked: Array<readonly [beforeMillis: number, removed: number]> = [];
  const state = { rows };
  const job: Retention.Job = {
    name,
    keepMillis,
    step: (beforeMillis, maxRows) =>
      Effect.sync(() => {
        const removed = Math.min(state.rows, maxRows);
        state.rows -= removed;
        asked.push([beforeMillis, removed]);
        return { removed, more: removed === maxRows };
      }),
  };
  return { asked, job, state };
};

const hour = 3_600_000;

describe("Retention", () => {
  it.effect("sweeps once an interval, in batches with a pause between them, what is older than it keeps", () =>
    Effect.gen(function* () {
      const { asked, job } = table("notes", 10_000, 25);
      yield* Layer.build(Retention.layer([job], { intervalMillis: hour, maxBatchRows: 10, batchPauseMillis: 1000 }));
      yield* TestClock.adjust(hour - 1);
      assert.deepStrictEqual(asked, []);
      yield* TestClock.adjust(1);
      assert.deepStrictEqual(asked, [[hour - 10_000, 10]]);
      yield* TestClock.adjust(999);
      assert.strictEqual(asked.length, 1, "the pause is somebody else's");
      yield* TestClock.adjust(10_000);
      assert.deepStrictEqual(asked.slice(1), [
        [hour - 10_000, 10],
        [hour - 10_000, 5],
      ]);
      yield* TestClock.adjust(hour);
      assert.strictEqual(asked.length, 4);
    }).pipe(Effect.provide(database)),
  );

  it.effect("a sweep has an end, however much there is", () =>
    Effect.gen(function* () {
      const { job, state } = table("notes", 0, 1000);
      const limits = { maxBatchRows: 10, maxSweepBatches: 3, batchPauseMillis: 0 };
      assert.strictEqual(yield* Retention.sweep(job, limits), 30);
      assert.strictEqual(state.rows, 970);
    }).pipe(Effect.provide(database)),
  );

  it.effect("a job that fails stops no other, and comes again", () =>
    Effect.gen(function* () {
      let failures = 0;
      const broken: Retention.Job = {
        name: "broken",
        keepMillis: 0,
        step: () =>
          Effect.suspend(() => {
            failures++;
            return Effect.fail(new SqlError({ reason: new UnknownError({ cause: "away", message: "away" }) }));
          }),
      };
      const { asked, job } = table("notes", 0, 1);
      yield* Layer.build(Retention.layer([broken, job], { intervalMillis: hour }));
      yield* TestClock.adjust(2 * hour);
      assert.deepStrictEqual([failures, asked.length], [2, 2]);
    }).pipe(Effect.provide(database)),
  );
});
