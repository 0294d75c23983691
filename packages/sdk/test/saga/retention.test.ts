import { assert, describe, layer } from "@effect/vitest";
import { Retention } from "@destiny/sdk/machine";
import { SagaMigrations, SagaRetention } from "@destiny/sdk/saga";
import { Migrations } from "@destiny/sdk/sql";
import { TestDatabase } from "@destiny/testkit/postgres";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as SqlClient from "effect/sql/SqlClient";
import { inject } from "vitest";

const database = Layer.effectDiscard(Migrations.run([SagaMigrations.migrations])).pipe(
  Layer.provideMerge(TestDatabase.layer(inject("pgPort"))),
);

/** A saga of so many days, ended so many days ago (null: not yet), with two journal rows. */
const saga = Effect.fnUntraced(function* (
  id: string,
  status: string,
  startedDaysAgo: number,
  endedDaysAgo: number | null,
) {
  const sql = yield* SqlClient.SqlClient;
  yield* sql`INSERT INTO saga (id, version, definition, definition_version, key, status, state, started_at, updated_at, ended_at)
    VALUES (${id}, 2, 'place-order', 1, ${id}, ${status}, '{}', now() - make_interval(days => ${startedDaysAgo}), now(),
      now() - make_interval(days => ${endedDaysAgo}::int4))`;
  yield* sql`INSERT INTO saga_journal SELECT ${id}, n, n::text, 'Start', '{}', now(), '', '{}' FROM generate_series(1, 2) n`;
});

describe("the retention of sagas", () => {
  layer(database, { excludeTestServices: true })("that ended at different times", (it) => {
    it.effect(
      "forgets those that ended long ago, with their journals, and none that runs or is stuck, however old",
      () =>
        Effect.gen(function* () {
          const sql = yield* SqlClient.SqlClient;
          yield* saga("ended long ago", "completed", 50, 40);
          yield* saga("compensated long ago", "compensated", 50, 31);
          yield* saga("ended lately", "completed", 50, 29);
          yield* saga("runs", "running", 50, null);
          yield* saga("is stuck", "stuck", 50, null);
          const limits = { maxBatchRows: 1, batchPauseMillis: 0 };
          assert.strictEqual(yield* Retention.sweep(SagaRetention.job(), limits), 2);
          for (const left of [
            yield* sql<{ readonly id: string }>`SELECT id FROM saga ORDER BY id`,
            yield* sql<{ readonly id: string }>`SELECT DISTINCT saga_id AS id FROM saga_journal ORDER BY id`,
          ]) {
            assert.deepStrictEqual(
              left.map(({ id }) => id),
              ["ended lately", "is stuck", "runs"],
            );
          }
        }),
    );
  });
});
