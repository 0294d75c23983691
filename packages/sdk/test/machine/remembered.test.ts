import { assert, describe, it as plain, layer } from "@effect/vitest";
import { Database, Machine } from "@destiny/sdk/machine";
import { TestDatabase } from "@destiny/testkit/postgres";
import * as PgClient from "@effect/sql-pg/PgClient";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Redacted from "effect/Redacted";
import * as SqlClient from "effect/sql/SqlClient";
import { ConnectionError, SqlError } from "effect/sql/SqlError";
import { Outbox } from "@destiny/sdk/outbox";
import { inject } from "vitest";
import * as StateCache from "../../src/machine/StateCache.ts";
import * as Notebook from "../outbox/Notebook.ts";

const withDatabase = Notebook.layer.pipe(Layer.provideMerge(TestDatabase.layer(inject("pgPort"))));

let serial = 0;
const input = (key: string, word: string, id = `http:${++serial}`) => ({ id, at: 1000, input: { key, word } });

/** Which way each group went. */
interface Ways {
  locked: number;
  remembered: number;
}

/** An owner of notebooks that counts its ways; `machine` may be another one on the same table. */
const owner = Effect.fnUntraced(function* (
  machine: typeof Notebook.machine = Notebook.machine,
  write: (run: ReturnType<Database.Database["Service"]["write"]>) => typeof run = (run) => run,
) {
  const database = yield* Database.Database;
  const ways: Ways = { locked: 0, remembered: 0 };
  const counted = Database.Database.of({
    ...database,
    transact: (effect) => Effect.suspend(() => (ways.locked++, database.transact(effect))),
    write: (writes, conditions) =>
      conditions === undefined
        ? database.write(writes)
        : Effect.suspend(() => (ways.remembered++, write(database.write(writes, conditions)))),
  });
  const commit = yield* Effect.provideService(
    Notebook.makeWith({ machine, emit: Notebook.emit }),
    Database.Database,
    counted,
  );
  return { ...commit, ways };
});

/** What another process would hold: its own connections, its own memory. */
const elsewhere = Effect.fnUntraced(function* (machine?: typeof Notebook.machine) {
  const { url } = yield* TestDatabase.TestDatabase;
  const pool = PgClient.layer({ url: Redacted.make(url), maxConnections: 4 });
  const context = yield* Layer.build(Layer.fresh(Notebook.standing.pipe(Layer.provideMerge(pool))));
  return yield* Effect.provide(owner(machine), context);
});

/** Refuses, without changing anything, until the notebook has two words. */
const patient: typeof Notebook.machine = {
  ...Notebook.machine,
  decide: (view, stamped) =>
    stamped.input.word === "third" && (view.get(stamped.input.key)?.length ?? 0) < 2
      ? Machine.reject("too early")
      : Notebook.machine.decide(view, stamped),
};

const inboxRows = (id: string) =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient;
    return yield* sql<{ readonly rejected: boolean }>`SELECT rejected FROM inbox WHERE id = ${id}`;
  });

describe("a group on remembered states", () => {
  layer(withDatabase, { excludeTestServices: true })("with one owner", (it) => {
    it.effect("is one statement, once the states were read", () =>
      Effect.gen(function* () {
        const mine = yield* owner();
        assert.deepStrictEqual(yield* mine.submit(input("a", "one")), ["a:1"]);
        assert.deepStrictEqual(mine.ways, { locked: 1, remembered: 0 });
        assert.deepStrictEqual(yield* mine.submit(input("a", "two")), ["a:2"]);
        assert.deepStrictEqual(mine.ways, { locked: 1, remembered: 1 });
        assert.deepStrictEqual(yield* Notebook.words("a"), ["one", "two"]);
      }),
    );

    it.effect("answers a repetition with the first answer, and applies nothing twice", () =>
      Effect.gen(function* () {
        const mine = yield* owner();
        yield* mine.submit(input("r", "one"));
        const twice = input("r", "two");
        const first = yield* mine.submit(twice);
        assert.deepStrictEqual(yield* mine.submit(twice), first);
        assert.deepStrictEqual(yield* Notebook.words("r"), ["one", "two"]);
      }),
    );

    it.effect("is recalled as it was committed, without asking the database, for as long as the reader allows", () =>
      Effect.gen(function* () {
        const mine = yield* owner();
        assert.isUndefined(mine.recall("k", 60_000), "nobody has asked for it yet");
        yield* mine.submit(input("k", "one"));
        assert.deepStrictEqual(mine.recall("k", 60_000), ["one"]);
        const other = yield* elsewhere();
        yield* other.submit(input("k", "two"));
        assert.deepStrictEqual(mine.recall("k", 60_000), ["one"], "what another process did may be missing");
        assert.isUndefined(mine.recall("k", -1));
        yield* mine.submit(input("k", "three"));
        assert.isUndefined(mine.recall("k", 60_000), "a key with two owners is asked for");
      }),
    );

    it.effect("creates what the machine says it creates, and finds what was there all the same", () =>
      Effect.gen(function* () {
        const creating: typeof Notebook.machine = { ...Notebook.machine, creates: ({ key }) => [key] };
        const mine = yield* owner(creating);
        assert.deepStrictEqual(yield* mine.submit(input("new", "one")), ["new:1"]);
        assert.deepStrictEqual(mine.ways, { locked: 0, remembered: 1 });
        const late = yield* owner(creating);
        assert.deepStrictEqual(yield* late.submit(input("new", "two")), ["new:2"]);
        assert.deepStrictEqual(late.ways, { locked: 1, remembered: 1 });
      }),
    );

    it.effect("a message whose key is parked waits behind it", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient;
        const mine = yield* owner();
        const envelope = (id: string) => ({
          id,
          type: "notebook.appended.v1",
          topic: Notebook.topic.name,
          key: "p",
          source: "test",
          time: 1000,
          data: {},
          correlationId: id,
        });
        const delivery = (word: string, id: string) => ({
          _tag: "Readable" as const,
          input: { ...input("p", word, id), envelope: envelope(id) },
        });
        yield* mine.apply([delivery("one", "m:1")]);
        yield* sql`INSERT INTO parked_key (consumer, key) VALUES ('notebook', 'p')`;
        const report = yield* mine.apply([delivery("two", "m:2")]);
        assert.deepStrictEqual([report.applied, report.parked], [0, 1]);
        assert.deepStrictEqual(yield* Notebook.words("p"), ["one"]);
        assert.strictEqual(mine.ways.remembered, 1);
      }),
    );
  });

  layer(withDatabase, { excludeTestServices: true })("with two owners", (it) => {
    it.effect("one that remembers too little decides again: a refusal is never stored on an old state", () =>
      Effect.gen(function* () {
        const mine = yield* owner(patient);
        yield* mine.submit(input("k", "first"));
        yield* (yield* elsewhere()).submit(input("k", "second"));
        const third = input("k", "third");
        assert.deepStrictEqual(yield* mine.submit(third), ["k:3"]);
        assert.deepStrictEqual(mine.ways, { locked: 2, remembered: 1 });
        assert.deepStrictEqual(yield* inboxRows(third.id), [{ rejected: false }]);
      }),
    );

    it.effect("a key that the other one moved stays under its lock for a while, the others do not", () =>
      Effect.gen(function* () {
        const mine = yield* owner();
        yield* mine.submit(input("hot", "mine"));
        yield* mine.submit(input("calm", "mine"));
        yield* (yield* elsewhere()).submit(input("hot", "theirs"));
        yield* mine.submit(input("hot", "conflict"));
        const before = { ...mine.ways };
        yield* mine.submit(input("hot", "locked"));
        assert.deepStrictEqual(mine.ways, { ...before, locked: before.locked + 1 });
        yield* mine.submit(input("calm", "again"));
        assert.deepStrictEqual(mine.ways, { locked: before.locked + 1, remembered: before.remembered + 1 });
        assert.deepStrictEqual(yield* Notebook.words("hot"), ["mine", "theirs", "conflict", "locked"]);
      }),
    );

    it.effect("neither loses an update of the other, on keys that both write all the time", () =>
      Effect.gen(function* () {
        const [mine, theirs] = [yield* owner(), yield* elsewhere()];
        const write = (one: typeof mine, name: string) =>
          Effect.forEach(
            Array.from({ length: 150 }, (_, index) => index),
            (index) => one.submit(input(`b${index % 25}`, `${name}${index}`)),
            { concurrency: 8 },
          );
        yield* Effect.all([write(mine, "m"), write(theirs, "t")], { concurrency: "unbounded" });
        const sql = yield* SqlClient.SqlClient;
        const rows = yield* sql<{ readonly version: number; readonly words: ReadonlyArray<string> }>`
          SELECT version, words FROM notebook WHERE key LIKE 'b%'`;
        const all = rows.flatMap(({ words }) => words);
        assert.strictEqual(new Set(all).size, 300);
        assert.strictEqual(all.length, 300);
        for (const { version, words } of rows) assert.strictEqual(version, words.length);
        assert.isAbove(mine.ways.remembered + theirs.ways.remembered, 0);
      }),
    );
  });

  layer(withDatabase, { excludeTestServices: true })("whose answer got lost", (it) => {
    it.effect("is answered from its rows, nothing happens twice, and its messages are found in the table", () =>
      Effect.gen(function* () {
        const cause = new Error("the connection broke");
        const lost = new SqlError({ reason: new ConnectionError({ cause, message: "broken", operation: "execute" }) });
        const mine = yield* owner(Notebook.machine, (run) => Effect.andThen(run, Effect.fail(lost)));
        const outbox = yield* Outbox.Outbox;
        yield* mine.submit(input("u", "one"));
        assert.strictEqual(outbox.handed()?.length, 1);
        assert.deepStrictEqual(yield* mine.submit(input("u", "two")), ["u:2"]);
        assert.deepStrictEqual(yield* Notebook.words("u"), ["one", "two"]);
        assert.isUndefined(outbox.handed(), "the relay is told to read");
        assert.strictEqual(yield* outbox.size, 2);
      }),
    );
  });
});

describe("StateCache", () => {
  const state = (version: number) => ({ version, state: `v${version}` });

  plain("holds no more than its limit; the longest unused goes first", () => {
    const cache = StateCache.make<string, string>(2);
    cache.keep([["a", state(1)]], 0);
    cache.keep([["b", state(1)]], 0);
    cache.keep([["a", state(2)]], 0);
    cache.keep([["c", state(1)]], 0);
    assert.deepStrictEqual([cache.get("a"), cache.get("b"), cache.get("c")], [state(2), undefined, state(1)]);
  });

  plain("remembers nothing of a key while it cools, and all of it afterwards", () => {
    const cache = StateCache.make<string, string>(2);
    cache.keep([["a", state(1)]], 0);
    cache.cool(["a"], 1000);
    assert.isUndefined(cache.get("a"));
    assert.isTrue(cache.cooling("a", 999));
    cache.keep([["a", state(2)]], 999);
    assert.isUndefined(cache.get("a"));
    assert.isFalse(cache.cooling("a", 1000));
    cache.keep([["a", state(3)]], 1000);
    assert.deepStrictEqual(cache.get("a"), state(3));
  });
});
