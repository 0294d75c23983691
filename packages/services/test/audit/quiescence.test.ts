import { assert, layer } from "@effect/vitest";
import { PostgresBus } from "@destiny/sdk/bus";
import { TestDatabase } from "@destiny/testkit/postgres";
import * as Effect from "effect/Effect";
import * as SqlClient from "effect/sql/SqlClient";
import { inject } from "vitest";
import * as Quiescence from "../../src/audit/Quiescence.ts";
import { Sources } from "../../src/audit/Sources.ts";

/** One database plays all of them; nothing moves in the services. */
const looked = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient;
  const waited = Quiescence.wait(0, Effect.succeed(0));
  return yield* Effect.provideService(waited, Sources, Sources.of({ of: () => sql, bus: sql }));
});

layer(TestDatabase.layer(inject("pgPort")), { excludeTestServices: true })("whether the shop is quiet", (it) => {
  it.effect("counts the records that are there to be consumed, not those that were swept", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient;
      yield* PostgresBus.migrate;
      yield* sql`CREATE TABLE outbox (id int)`;
      yield* sql`CREATE TABLE payment_attempt (status text)`;
      yield* sql`CREATE TABLE saga (ended_at timestamptz, status text)`;
      yield* sql`INSERT INTO bus_topic (name, partitions, retention_seconds, owner) VALUES ('events', 3, 60, 'test')`;
      yield* sql`INSERT INTO bus_group (name) VALUES ('reader')`;
      // The first is consumed in part and swept in part; of the second all, of the third nothing is left.
      yield* sql`INSERT INTO bus_partition (topic_id, partition, next_offset) VALUES (1, 0, 10), (1, 1, 10), (1, 2, 10)`;
      yield* sql`INSERT INTO bus_message (topic_id, partition, "offset", key, headers, data)
        SELECT 1, 0, n, 'key', '', '' FROM generate_series(6, 9) n`;
      yield* sql`INSERT INTO bus_message (topic_id, partition, "offset", key, headers, data)
        SELECT 1, 1, n, 'key', '', '' FROM generate_series(0, 9) n`;
      yield* sql`INSERT INTO bus_position (group_id, topic_id, partition, position) VALUES (1, 1, 0, 3), (1, 1, 1, 8)`;
      assert.deepStrictEqual((yield* looked).moving, ["bus: 6 records not consumed"]);
      yield* sql`DELETE FROM bus_message`;
      const { moving, quietAfterMillis } = yield* looked;
      assert.deepStrictEqual([moving, quietAfterMillis === null], [[], false]);
    }),
  );
});
