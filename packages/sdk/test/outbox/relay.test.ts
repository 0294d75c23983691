import { assert, describe, it, layer } from "@effect/vitest";
import { Outbox, OutboxAudit, OutboxRelay } from "@destiny/sdk/outbox";
import { TestDatabase } from "@destiny/testkit/postgres";
import * as Context from "effect/Context";
import * as Deferred from "effect/Deferred";
import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import * as Fiber from "effect/Fiber";
import * as Layer from "effect/Layer";
import * as SqlClient from "effect/sql/SqlClient";
import * as TestClock from "effect/testing/TestClock";
import { inject } from "vitest";
import * as Notebook from "./Notebook.ts";
import * as RecordingBus from "./RecordingBus.ts";

const draft = (word: string, topic = Notebook.topic.name) => ({
  type: "notebook.appended.v1",
  topic,
  key: "a",
  data: { key: "a", word },
});

/** Waits, bounded, for a real process to reach a state; never a fixed sleep. */
const eventually = <A, E, R>(effect: Effect.Effect<A, E, R>, holds: (value: A) => boolean) =>
  Effect.gen(function* () {
    for (let look = 0; look < 1000; look++) {
      const value = yield* effect;
      if (holds(value)) return value;
      yield* Effect.sleep("10 millis");
    }
    return assert.fail(`never reached: ${JSON.stringify(yield* effect)}`);
  });

const words = (record: RecordingBus.Recording) =>
  record.published.map(({ data }) => (data as { readonly word: string }).word);

const withDatabase = Notebook.layer.pipe(Layer.provideMerge(TestDatabase.layer(inject("pgPort"))));

const add = (...drafts: ReadonlyArray<ReturnType<typeof draft>>) =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient;
    const outbox = yield* Outbox.Outbox;
    yield* sql.withTransaction(outbox.add(drafts));
  });

/** Starts a relay whose poll is too slow to matter, so that only wake-ups can explain what is published. */
const relaying = (record: RecordingBus.Recording) =>
  Effect.forkScoped(
    OutboxRelay.run({ pollMillis: 60_000, maxBatchMessages: 2, blockedTopicMillis: 300 }).pipe(
      Effect.provide(RecordingBus.layer(record)),
    ),
  );

describe("OutboxRelay", () => {
  layer(withDatabase, { excludeTestServices: true })("with a commit", (it) => {
    it.effect("publishes what committed, in order, woken without a poll; and nothing of a rollback", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient;
        const outbox = yield* Outbox.Outbox;
        const record = RecordingBus.recording();
        yield* relaying(record);
        const rolledBack = yield* sql
          .withTransaction(Effect.andThen(outbox.add([draft("never")]), Effect.fail("no")))
          .pipe(Effect.exit);
        assert.isTrue(Exit.isFailure(rolledBack));
        yield* add(draft("one"), draft("two"), draft("three"));
        yield* eventually(
          Effect.sync(() => words(record)),
          (all) => all.length === 3,
        );
        assert.deepStrictEqual(words(record), ["one", "two", "three"]);
        yield* eventually(outbox.size, (size) => size === 0);
      }),
    );

    it.effect("adding outside of a transaction is a defect, because the message could outlive a rollback", () =>
      Effect.gen(function* () {
        const outbox = yield* Outbox.Outbox;
        const exit = yield* Effect.exit(outbox.add([draft("loose")]));
        assert.isTrue(Exit.hasDies(exit));
      }),
    );
  });

  layer(withDatabase, { excludeTestServices: true })("with a transaction that commits late", (it) => {
    it.effect("does not skip its rows although later positions were published before", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient;
        const outbox = yield* Outbox.Outbox;
        const record = RecordingBus.recording();
        yield* relaying(record);
        const inserted = yield* Deferred.make<void>();
        const release = yield* Deferred.make<void>();
        const late = yield* Effect.forkScoped(
          sql.withTransaction(
            outbox
              .add([draft("late")])
              .pipe(Effect.andThen(Deferred.succeed(inserted, undefined)), Effect.andThen(Deferred.await(release))),
          ),
        );
        yield* Deferred.await(inserted);
        yield* add(draft("early"));
        yield* eventually(
          Effect.sync(() => words(record)),
          (all) => all.includes("early"),
        );
        yield* eventually(outbox.size, (size) => size === 0);
        yield* Deferred.succeed(release, undefined);
        yield* Fiber.join(late);
        yield* eventually(
          Effect.sync(() => words(record)),
          (all) => all.includes("late"),
        );
        assert.deepStrictEqual(words(record), ["early", "late"]);
      }),
    );
  });

  layer(withDatabase, { excludeTestServices: true })("with rows that its own process committed", (it) => {
    it.effect("takes them as they are handed over; where positions leave a gap, the table says what comes first", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient;
        const outbox = yield* Outbox.Outbox;
        const record = RecordingBus.recording();
        let reads = 0;
        yield* Effect.forkScoped(
          OutboxRelay.run({ pollMillis: 60_000 }).pipe(
            Effect.provide(RecordingBus.layer(record)),
            Effect.provideService(Outbox.Outbox, {
              ...outbox,
              waiting: (options) => Effect.tap(outbox.waiting(options), () => Effect.sync(() => reads++)),
            }),
          ),
        );
        const said = (...expected: ReadonlyArray<string>) =>
          Effect.andThen(
            eventually(
              Effect.sync(() => words(record)),
              (all) => all.length >= expected.length,
            ),
            Effect.sync(() => assert.deepStrictEqual(words(record), expected)),
          );
        yield* eventually(
          Effect.sync(() => reads),
          (count) => count === 1,
        );
        yield* add(draft("one"), draft("two"));
        yield* said("one", "two");
        yield* add(draft("three"));
        yield* said("one", "two", "three");
        assert.strictEqual(reads, 1, "nothing was read back");

        // Another process's outbox: its rows are not handed to this one.
        const others = yield* Layer.build(Layer.fresh(Outbox.layer({ source: "destiny/notebook" })));
        const theirs = Context.get(others, Outbox.Outbox);
        yield* sql.withTransaction(theirs.add([draft("theirs")]));
        yield* add(draft("ours"));
        yield* said("one", "two", "three", "theirs", "ours");
        assert.isAbove(reads, 1);
        yield* eventually(outbox.size, (size) => size === 0);
      }),
    );
  });

  layer(withDatabase, { excludeTestServices: true })("as a queue", (it) => {
    it.effect("makes no second row version per message, and is not stalled by an idle transaction elsewhere", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient;
        const outbox = yield* Outbox.Outbox;
        const record = RecordingBus.recording();
        const idle = yield* Deferred.make<void>();
        const snapshot = yield* Deferred.make<void>();
        yield* Effect.forkScoped(
          sql.withTransaction(
            sql`SELECT count(*) FROM outbox`.pipe(
              Effect.andThen(Deferred.succeed(snapshot, undefined)),
              Effect.andThen(Deferred.await(idle)),
            ),
          ),
        );
        yield* Deferred.await(snapshot);
        yield* relaying(record);
        const many = Array.from({ length: 50 }, (_, index) => draft(String(index)));
        yield* add(...many);
        yield* eventually(outbox.size, (size) => size === 0);
        assert.deepStrictEqual(
          words(record),
          many.map(({ data }) => data.word),
        );
        yield* Deferred.succeed(idle, undefined);
        const stats = sql<{ readonly updated: bigint; readonly deleted: bigint }>`
          SELECT n_tup_upd AS updated, n_tup_del AS deleted FROM pg_stat_user_tables WHERE relname = 'outbox'`;
        const [seen] = yield* eventually(
          Effect.andThen(sql`SELECT pg_stat_force_next_flush()`, stats),
          (rows) => (rows[0]?.deleted ?? 0n) >= 50n,
        );
        assert.strictEqual(seen?.updated, 0n);
        const [sent] = yield* sql<{ readonly n: bigint }>`SELECT count(*) AS n FROM outbox_sent`;
        assert.strictEqual(sent?.n, 50n);
      }),
    );
  });

  layer(withDatabase, { excludeTestServices: true })("with a bus in trouble", (it) => {
    it.effect("waits for a bus that is away, and loses and reorders nothing", () =>
      Effect.gen(function* () {
        const record = RecordingBus.recording();
        record.away = true;
        yield* relaying(record);
        yield* add(draft("one"), draft("two"));
        yield* add(draft("three"));
        record.away = false;
        yield* eventually(
          Effect.sync(() => words(record)),
          (all) => all.length === 3,
        );
        assert.deepStrictEqual(words(record), ["one", "two", "three"]);
      }),
    );
  });

  layer(withDatabase, { excludeTestServices: true })("with a topic that the bus refuses", (it) => {
    it.effect("blocks only that topic, until the bus takes it", () =>
      Effect.gen(function* () {
        const record = RecordingBus.recording();
        record.refused.add("bad");
        yield* relaying(record);
        yield* add(draft("bad one", "bad"), draft("good one"));
        yield* add(draft("good two"));
        yield* eventually(
          Effect.sync(() => words(record)),
          (all) => all.length === 2,
        );
        assert.deepStrictEqual(words(record), ["good one", "good two"]);
        record.refused.clear();
        // The block ends by itself; the next commit makes the relay look.
        yield* eventually(
          Effect.andThen(
            add(draft("nudge")),
            Effect.sync(() => words(record)),
          ),
          (all) => all.includes("bad one"),
        );
      }),
    );
  });

  layer(withDatabase, { excludeTestServices: true })("with two candidates", (it) => {
    it.effect("one leads; when its connection dies, leadership is taken up again and nothing is lost", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient;
        const [first, second] = [RecordingBus.recording(), RecordingBus.recording()];
        for (const record of [first, second]) {
          yield* Layer.build(OutboxRelay.layer({ pollMillis: 50 }).pipe(Layer.provide(RecordingBus.layer(record))));
        }
        yield* add(draft("one"));
        yield* eventually(
          Effect.sync(() => first.published.length + second.published.length),
          (n) => n === 1,
        );
        yield* sql`SELECT pg_terminate_backend(pid) FROM pg_locks
          WHERE locktype = 'advisory' AND granted AND pid <> pg_backend_pid()
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`;
        yield* add(draft("two"));
        const both = Effect.sync(() => [...words(first), ...words(second)]);
        yield* eventually(both, (all) => all.includes("two"));
      }),
    );
  });

  layer(withDatabase, { excludeTestServices: true })("as evidence", (it) => {
    it.effect("the audit names a caused message that was never published, and an application out of order", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient;
        const notebook = yield* Notebook.make;
        const record = RecordingBus.recording();
        yield* relaying(record);
        for (const word of ["one", "two"]) {
          yield* notebook.submit({ id: `http:${word}`, at: 1, input: { key: "a", word } });
        }
        const outbox = yield* Outbox.Outbox;
        yield* eventually(outbox.size, (size) => size === 0);
        const consumer = yield* Notebook.make;
        yield* consumer.apply(
          record.published.map((envelope) => ({
            _tag: "Readable",
            input: { id: envelope.id, at: 2, input: { key: "copy", word: "x" }, envelope },
          })),
        );
        yield* eventually(outbox.size, (size) => size === 0);
        const clean = yield* OutboxAudit.audit;
        assert.deepStrictEqual(
          clean.map(({ checked, id, violations }) => [id, checked > 0, violations.length]),
          [
            ["I8", true, 0],
            ["I9", true, 0],
          ],
        );
        const [lost] = yield* sql<{ readonly id: string }>`
          DELETE FROM outbox_sent WHERE position = (SELECT min(position) FROM outbox_sent) RETURNING id`;
        yield* sql`UPDATE inbox SET sequence = sequence + 5000 WHERE key = 'a' AND position =
          (SELECT min(position) FROM inbox WHERE key = 'a')`;
        const [published, ordered] = yield* OutboxAudit.audit;
        assert.deepStrictEqual(
          published?.violations.map(({ id }) => id),
          [lost?.id],
        );
        assert.strictEqual(ordered?.violations.length, 1);
      }),
    );
  });

  it.effect("in memory: same relay, same order", () =>
    Effect.gen(function* () {
      const record = RecordingBus.recording();
      const outbox = yield* Outbox.Outbox;
      yield* relaying(record);
      yield* outbox.add([draft("one"), draft("two")]);
      yield* Effect.yieldNow.pipe(Effect.repeat({ until: () => record.published.length === 2, times: 100 }));
      assert.deepStrictEqual(words(record), ["one", "two"]);
    }).pipe(Effect.provide(Outbox.layerMemory({ source: "destiny/memory" }))),
  );

  it.effect("what comes alone leaves at once; what comes within the gap leaves together when it ends", () =>
    Effect.gen(function* () {
      const record = RecordingBus.recording();
      const outbox = yield* Outbox.Outbox;
      yield* Effect.forkScoped(
        OutboxRelay.run({ minPublishGapMillis: 50, maxPublishBurst: 1 }).pipe(
          Effect.provide(RecordingBus.layer(record)),
        ),
      );
      const published = () => record.batches.map((batch) => batch.length);
      const settled = Effect.yieldNow.pipe(Effect.repeat({ times: 100 }));
      yield* outbox.add([draft("one")]);
      yield* settled;
      assert.deepStrictEqual(published(), [1]);
      yield* outbox.add([draft("two")]);
      yield* TestClock.adjust("20 millis");
      yield* outbox.add([draft("three")]);
      yield* TestClock.adjust("29 millis");
      assert.deepStrictEqual(published(), [1]);
      yield* TestClock.adjust("1 millis");
      yield* settled;
      assert.deepStrictEqual(published(), [1, 2]);
      assert.deepStrictEqual(words(record), ["one", "two", "three"]);
    }).pipe(Effect.provide(Outbox.layerMemory({ source: "destiny/memory" }))),
  );
});
