import { spawn } from "node:child_process";
import { once } from "node:events";
import { type EventBus, PostgresBus } from "@destiny/sdk/bus";
import { Envelope, Topic } from "@destiny/sdk/message";
import { EventBusSuite } from "@destiny/testkit/conformance";
import { TestDatabase } from "@destiny/testkit/postgres";
import * as PgClient from "@effect/sql-pg/PgClient";
import { assert, layer } from "@effect/vitest";
import * as Context from "effect/Context";
import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import * as Layer from "effect/Layer";
import * as Redacted from "effect/Redacted";
import * as SqlClient from "effect/sql/SqlClient";
import { inject } from "vitest";
import { EventBus as Bus } from "../../src/bus/EventBus.ts";
import * as BusStore from "../../src/bus/postgres/BusStore.ts";
import * as Notice from "../../src/bus/postgres/Notice.ts";
import { said } from "./support.ts";

const database = TestDatabase.layer(inject("pgPort"));
type Database = PgClient.PgClient | SqlClient.SqlClient | TestDatabase.TestDatabase;

/** A bus over connections of its own, as another process would have. Polls so rarely that only notifications are in time. */
const instance = (options: Partial<PostgresBus.Options> = {}) =>
  Effect.gen(function* () {
    const { url } = yield* TestDatabase.TestDatabase;
    const bus = PostgresBus.layer({ url: Redacted.make(url), pollMillis: 60_000, rebalanceMillis: 500, ...options });
    return Context.get(yield* Layer.build(Layer.fresh(bus)), Bus);
  });

EventBusSuite.suite<Database, unknown>("PostgresBus", {
  layer: database,
  instance: instance(),
  stall: (envelope) =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient;
      const [topic] = yield* BusStore.findTopics(sql, [envelope.topic]);
      const connection = yield* sql.reserve;
      const run = (text: string) => connection.executeUnprepared(text, [], undefined);
      yield* Effect.acquireRelease(run("BEGIN"), () => Effect.orDie(run("COMMIT")));
      const statement = BusStore.publish(sql, [{ topicId: topic?.id ?? 0, partition: 0, envelope }]);
      const [text, params] = statement.compile();
      yield* connection.execute(text, params, undefined);
    }),
  breakOwners: (group) =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient;
      yield* sql`SELECT pg_terminate_backend(pid) FROM
        (SELECT DISTINCT pid FROM pg_locks JOIN bus_group g ON g.id = classid::int8 WHERE objsubid = 2 AND g.name = ${group}) o`;
    }),
  putUnreadable: (topic) =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient;
      yield* sql`WITH c AS (UPDATE bus_partition p SET next_offset = next_offset + 1 FROM bus_topic t
          WHERE t.id = p.topic_id AND t.name = ${topic.name} AND p.partition = 0 RETURNING p.topic_id, p.next_offset - 1 AS at)
        INSERT INTO bus_message (topic_id, partition, "offset", key, headers, data)
        SELECT topic_id, 0, at, 'a', '{"ce_id":"1"}', 'not json' FROM c`;
    }),
});

const eventually = <E, R>(what: string, holds: Effect.Effect<boolean, E, R>, withinMillis = 15_000) =>
  Effect.gen(function* () {
    while (!(yield* holds)) yield* Effect.sleep(10);
  }).pipe(
    Effect.timeoutOrElse({
      duration: withinMillis,
      orElse: () => Effect.die(new Error(`not within ${withinMillis} ms: ${what}`)),
    }),
  );

const lagOf = (bus: EventBus.EventBus["Service"], group: string, topic: Topic.Topic) =>
  Effect.map(bus.lag(group, [topic]), (rows) => rows.reduce((sum, row) => sum + row.records, 0));

/** A consumer in a process of its own; the scope kills it. */
const child = (topic: Topic.Topic, group: string, delayMillis: number) =>
  Effect.gen(function* () {
    const { url } = yield* TestDatabase.TestDatabase;
    const running = yield* Effect.acquireRelease(
      Effect.sync(() =>
        spawn(
          process.execPath,
          ["--conditions=@destiny/source", new URL("consumer.process.ts", import.meta.url).pathname],
          {
            env: {
              ...process.env,
              BUS_URL: url,
              BUS_TOPIC: JSON.stringify(topic),
              BUS_GROUP: group,
              BUS_DELAY: `${delayMillis}`,
            },
            stdio: ["ignore", "ignore", "inherit"],
          },
        ),
      ),
      (it) => Effect.sync(() => it.kill("SIGKILL")),
    );
    return {
      kill: Effect.promise(async () => {
        const gone = once(running, "exit");
        running.kill("SIGKILL");
        await gone;
      }),
    };
  });

layer(database, { excludeTestServices: true, timeout: "30 seconds" })("PostgresBus", (it) => {
  it.effect("many services that boot at once migrate once", () =>
    Effect.gen(function* () {
      const boots = yield* Effect.forEach(
        Array.from({ length: 6 }),
        () => Effect.exit(Effect.scoped(instance({ maxPoolConnections: 2 }))),
        { concurrency: "unbounded" },
      );
      assert.deepStrictEqual(
        boots.filter((boot) => Exit.isFailure(boot)),
        [],
      );
      const sql = yield* SqlClient.SqlClient;
      assert.deepStrictEqual(yield* sql`SELECT migration_id FROM migrations_bus`, [{ migration_id: 1 }]);
    }),
  );

  it.effect("kill -9 of an owner loses nothing: another member goes on from its last position", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient;
      const bus = yield* instance();
      const topic = Topic.make("killed", { owner: "test", partitions: 3 });
      const group = "killed-group";
      yield* bus.createTopics([topic]);
      yield* sql`CREATE TABLE applied (id text, by text)`;
      yield* bus.publish(Array.from({ length: 300 }, (_, index) => said(topic, `${index}`, index)));
      const applied = (by: string) =>
        Effect.map(
          sql<{ count: bigint }>`SELECT count(DISTINCT id) AS count FROM applied WHERE by LIKE ${by}`,
          ([row]) => Number(row?.count),
        );
      const victim = yield* child(topic, group, 20);
      yield* eventually(
        "the child has applied some",
        Effect.map(applied("child"), (count) => count >= 30),
      );
      yield* bus.subscribe({ group, topics: [topic] }, (batch) =>
        Effect.forEach(batch, (record) =>
          record._tag === "Readable"
            ? sql`INSERT INTO applied VALUES (${record.envelope.id}, 'survivor')`
            : Effect.die(record.why),
        ),
      );
      yield* victim.kill;
      yield* eventually(
        "every record was applied",
        Effect.map(applied("%"), (count) => count === 300),
      );
      assert.isBelow(yield* applied("child"), 300);
      assert.isAbove(yield* applied("survivor"), 0);
    }),
  );

  it.effect(
    "a consumer that is up to date takes records from their notifications, and fetches what they do not carry",
    () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient;
        const bus = yield* instance();
        const topic = Topic.make("told", { owner: "test", partitions: 2 });
        yield* bus.createTopics([topic]);
        const seen: Array<number> = [];
        const indexOf = ({ envelope }: { readonly envelope: Envelope.Envelope }) =>
          (envelope.data as { readonly index: number }).index;
        yield* bus.subscribe({ group: "told-group", topics: [topic] }, (batch) =>
          Effect.sync(() => {
            for (const record of batch) if (record._tag === "Readable") seen.push(indexOf(record));
          }),
        );
        const all = (count: number) =>
          eventually(
            `${count} are handled`,
            Effect.sync(() => seen.length >= count),
          );
        yield* bus.publish([said(topic, "a", 0)]);
        yield* all(1);
        // The idle consumer waits for a notification now. One whose record is gone from the table can only have carried it.
        const [stored] = yield* BusStore.findTopics(sql, [topic.name]);
        const place = { topicId: stored?.id ?? 0, partition: Topic.partitionOf(topic, "a") };
        const gone = (index: number) =>
          sql.withTransaction(
            Effect.andThen(
              BusStore.publish(sql, [{ ...place, envelope: said(topic, "a", index) }]),
              sql`DELETE FROM bus_message WHERE topic_id = ${place.topicId} AND "offset" > 0`,
            ),
          );
        yield* gone(1);
        yield* all(2);

        const large = { ...said(topic, "a", 2), data: { index: 2, text: "x".repeat(10_000) } };
        yield* bus.publish([large, said(topic, "a", 3)]);
        yield* all(4);
        const many = Array.from({ length: Notice.maxRecords + 1 }, (_, index) => said(topic, "a", 4 + index));
        yield* bus.publish(many);
        yield* all(4 + many.length);
        yield* gone(4 + many.length);
        yield* all(5 + many.length);

        // A record whose notification got lost lies in front of one that is told.
        const lost = said(topic, "a", 5 + many.length);
        yield* sql`
          WITH counted AS (UPDATE bus_partition SET next_offset = next_offset + 1
            WHERE topic_id = ${place.topicId} AND partition = ${place.partition} RETURNING next_offset - 1 AS "offset")
          INSERT INTO bus_message (topic_id, partition, "offset", key, headers, data)
          SELECT ${place.topicId}, ${place.partition}, "offset", 'a', ${JSON.stringify(Envelope.toHeaders(lost))},
            ${JSON.stringify(lost.data)} FROM counted`;
        yield* bus.publish([said(topic, "a", 6 + many.length)]);
        yield* all(7 + many.length);
        assert.deepStrictEqual(
          seen,
          Array.from({ length: 7 + many.length }, (_, index) => index),
        );
      }),
  );

  it.effect("a position is never written back, whoever writes late", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient;
      const bus = yield* instance();
      const topic = Topic.make("forward", { owner: "test", partitions: 1 });
      yield* bus.createTopics([topic]);
      yield* bus.publish(Array.from({ length: 10 }, (_, index) => said(topic, "a", index)));
      const groupId = yield* BusStore.joinGroup(sql, "forward-group");
      const [stored] = yield* BusStore.findTopics(sql, [topic.name]);
      for (const [position, lag] of [
        [6, 4],
        [3, 4],
        [9, 1],
        [8, 1],
      ] as const) {
        yield* BusStore.savePositions(sql, [{ groupId, topicId: stored?.id ?? 0, partition: 0, position }]);
        assert.strictEqual(yield* lagOf(bus, "forward-group", topic), lag);
      }
    }),
  );

  it.effect("positions are written within the flush interval, not per batch", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient;
      const bus = yield* instance({ positionFlushMillis: 60_000 });
      const topic = Topic.make("lazy", { owner: "test", partitions: 1 });
      yield* bus.createTopics([topic]);
      yield* bus.publish(Array.from({ length: 10 }, (_, index) => said(topic, "a", index)));
      const written = sql`SELECT FROM bus_position JOIN bus_topic t ON t.id = topic_id WHERE t.name = ${topic.name} AND position > 0`;
      let handled = 0;
      const subscription: EventBus.Subscription = { group: "lazy-group", topics: [topic], maxBatchRecords: 1 };
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* bus.subscribe(subscription, () => Effect.sync(() => void handled++));
          yield* eventually(
            "all are handled",
            Effect.sync(() => handled === 10),
          );
          assert.strictEqual((yield* written).length, 0);
        }),
      );
      assert.strictEqual((yield* written).length, 1);
      assert.strictEqual(yield* lagOf(bus, "lazy-group", topic), 0);
    }),
  );

  it.effect("what is published within the gap of a batch is one batch", () =>
    Effect.gen(function* () {
      const bus = yield* instance({ minBatchGapMillis: 2000, maxBatchGapMillis: 2000, maxBatchBurst: 1 });
      const topic = Topic.make("gap", { owner: "test", partitions: 1 });
      yield* bus.createTopics([topic]);
      const batches: Array<number> = [];
      const handled = (count: number) =>
        eventually(
          `${count} are handled`,
          Effect.sync(() => batches.reduce((sum, size) => sum + size, 0) === count),
        );
      yield* bus.subscribe({ group: "gap-group", topics: [topic] }, (batch) =>
        Effect.sync(() => void batches.push(batch.length)),
      );
      yield* bus.publish([said(topic, "a", 0)]);
      yield* handled(1);
      yield* Effect.forEach([1, 2, 3, 4], (index) => bus.publish([said(topic, "a", index)]), { concurrency: 4 });
      yield* handled(5);
      assert.deepStrictEqual(batches, [1, 4]);
    }),
  );

  it.effect("a record that nobody announced is found by the poll", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient;
      const bus = yield* instance({ pollMillis: 50 });
      const topic = Topic.make("quiet", { owner: "test", partitions: 1 });
      yield* bus.createTopics([topic]);
      let handled = 0;
      yield* bus.subscribe({ group: "quiet-group", topics: [topic] }, (batch) =>
        Effect.sync(() => void (handled += batch.length)),
      );
      yield* bus.publish([said(topic, "a", 0)]);
      yield* eventually(
        "the consumer is at work",
        Effect.sync(() => handled === 1),
      );
      yield* sql`WITH c AS (UPDATE bus_partition p SET next_offset = 2 FROM bus_topic t
          WHERE t.id = p.topic_id AND t.name = ${topic.name} RETURNING p.topic_id)
        INSERT INTO bus_message (topic_id, partition, "offset", key, headers, data)
        SELECT topic_id, 0, 1, 'a', '{}', '{}' FROM c`;
      yield* eventually(
        "the record is handled",
        Effect.sync(() => handled === 2),
      );
    }),
  );

  it.effect(
    "sweeping deletes what is older than its topic keeps, what a group has not finished only after the hold, in steps",
    () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient;
        const bus = yield* instance();
        const topic = Topic.make("swept", { owner: "test", partitions: 2, retentionHours: 2 });
        yield* bus.createTopics([topic]);
        yield* bus.publish(Array.from({ length: 25 }, (_, index) => said(topic, `${index}`, index)));
        yield* sql`UPDATE bus_message SET published_at = now() - interval '3 hours' WHERE topic_id =
        (SELECT id FROM bus_topic WHERE name = ${topic.name})`;
        yield* bus.publish([said(topic, "late", 25)]);
        const behind = yield* BusStore.joinGroup(sql, "behind-group");
        const [stored] = yield* BusStore.findTopics(sql, [topic.name]);
        for (const partition of [0, 1]) {
          yield* BusStore.savePositions(sql, [{ groupId: behind, topicId: stored?.id ?? 0, partition, position: 1 }]);
        }
        const limits = { maxSweepRecords: 10, maxHoldMillis: 2 * 3_600_000 };
        // One record of each partition is finished; the others wait for the group that is behind, until an hour from now.
        assert.strictEqual(yield* PostgresBus.sweep(limits), 2);
        assert.strictEqual(yield* lagOf(bus, "behind-group", topic), 24);
        assert.strictEqual(yield* PostgresBus.sweep({ ...limits, maxHoldMillis: 1800_000 }), 23);
        assert.strictEqual(yield* PostgresBus.sweep(), 0);
        for (const group of ["new-group", "behind-group"]) {
          assert.strictEqual(yield* lagOf(bus, group, topic), 1);
          const sequences: Array<number | undefined> = [];
          yield* bus.subscribe({ group, topics: [topic] }, (batch) =>
            Effect.sync(() => {
              for (const record of batch) if (record._tag === "Readable") sequences.push(record.envelope.sequence);
            }),
          );
          yield* eventually(
            "the late one is finished",
            Effect.map(lagOf(bus, group, topic), (lag) => lag === 0),
          );
          assert.deepStrictEqual(sequences, [25]);
        }
      }),
  );

  it.effect("sweeping waits for a group that has not finished anything yet", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient;
      const bus = yield* instance();
      const topic = Topic.make("unfinished", { owner: "test", partitions: 1, retentionHours: 2 });
      yield* bus.createTopics([topic]);
      let tried = false;
      yield* bus.subscribe({ group: "failing-group", topics: [topic] }, () =>
        Effect.andThen(
          Effect.sync(() => void (tried = true)),
          Effect.fail("its database is away"),
        ),
      );
      yield* bus.publish([said(topic, "a", 0)]);
      yield* eventually(
        "it was tried",
        Effect.sync(() => tried),
      );
      yield* sql`UPDATE bus_message SET published_at = now() - interval '3 hours' WHERE topic_id =
        (SELECT id FROM bus_topic WHERE name = ${topic.name})`;
      assert.strictEqual(yield* PostgresBus.sweep(), 0);
    }),
  );
});
