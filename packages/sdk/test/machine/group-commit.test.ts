import { assert, describe, layer } from "@effect/vitest";
import { Database, Errors } from "@destiny/sdk/machine";
import { Bulk } from "@destiny/sdk/sql";
import { TestDatabase } from "@destiny/testkit/postgres";
import * as Deferred from "effect/Deferred";
import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import * as Fiber from "effect/Fiber";
import * as Layer from "effect/Layer";
import * as Redacted from "effect/Redacted";
import * as Semaphore from "effect/Semaphore";
import * as PgClient from "@effect/sql-pg/PgClient";
import * as SqlClient from "effect/sql/SqlClient";
import { ConnectionError, SqlError } from "effect/sql/SqlError";
import { inject } from "vitest";
import * as Notebook from "../outbox/Notebook.ts";

const withDatabase = Notebook.layer.pipe(Layer.provideMerge(TestDatabase.layer(inject("pgPort"))));

let serial = 0;
const input = (key: string, word: string, id = `http:${++serial}`) => ({ id, at: 1000, input: { key, word } });

const lost = new SqlError({
  reason: new ConnectionError({ cause: new Error("the connection broke"), message: "broken", operation: "execute" }),
});

/** The ambient database, with something done to each of its transactions. */
const disturbed = (disturb: <A, E>(run: Effect.Effect<A, E | SqlError>) => Effect.Effect<A, E | SqlError>) =>
  Effect.gen(function* () {
    const database = yield* Database.Database;
    return yield* Notebook.make.pipe(
      Effect.provideService(Database.Database, {
        ...database,
        lane: Semaphore.makeUnsafe(1),
        transact: (effect) => disturb(database.transact(effect)),
      }),
    );
  });

const count = (table: string) =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient;
    const rows = yield* sql<{ readonly n: bigint }>`SELECT count(*) AS n FROM ${sql(table)}`;
    return Number(rows[0]?.n);
  });

describe("GroupCommit", () => {
  layer(withDatabase, { excludeTestServices: true })("with many callers at once", (it) => {
    it.effect("decides each input once, in groups, and answers everybody", () =>
      Effect.gen(function* () {
        const notebook = yield* Notebook.make;
        const words = Array.from({ length: 200 }, (_, index) => `w${index}`);
        const answers = yield* Effect.forEach(words, (word) => notebook.submit(input("a", word)), {
          concurrency: "unbounded",
        });
        assert.deepStrictEqual(
          answers.map(([answer]) => answer),
          words.map((_, index) => `a:${index + 1}`),
        );
        assert.deepStrictEqual(yield* Notebook.words("a"), words);
        const sql = yield* SqlClient.SqlClient;
        const [groups] = yield* sql<{ readonly n: bigint }>`SELECT count(DISTINCT xmin::text) AS n FROM inbox`;
        assert.isBelow(Number(groups?.n), 20);
      }),
    );

    it.effect("the same id twice, in one group and in a later one, is one input with one answer", () =>
      Effect.gen(function* () {
        const notebook = yield* Notebook.make;
        const twin = input("twins", "once", "http:twin");
        const answers = yield* Effect.all([notebook.submit(twin), notebook.submit(twin)], { concurrency: "unbounded" });
        const later = yield* notebook.submit(twin);
        assert.deepStrictEqual([...answers, later], [["twins:1"], ["twins:1"], ["twins:1"]]);
        assert.deepStrictEqual(yield* Notebook.words("twins"), ["once"]);
      }),
    );

    it.effect("the same id with another fingerprint is refused, and changes nothing", () =>
      Effect.gen(function* () {
        const notebook = yield* Notebook.make;
        yield* notebook.submit({ ...input("f", "one", "http:f"), fingerprint: "1" });
        const error = yield* Effect.flip(notebook.submit({ ...input("f", "two", "http:f"), fingerprint: "2" }));
        assert.isTrue(error instanceof Errors.GroupCommitError && error.reason._tag === "IdReused");
        assert.deepStrictEqual(yield* Notebook.words("f"), ["one"]);
      }),
    );

    it.effect("a rejection is a value: stored, repeated, and no obstacle to its neighbours", () =>
      Effect.gen(function* () {
        const notebook = yield* Notebook.make;
        const refused = input("r", "refused");
        const [before, rejection, after] = yield* Effect.all(
          [
            notebook.submit(input("r", "one")),
            Effect.flip(notebook.submit(refused)),
            notebook.submit(input("r", "two")),
          ],
          { concurrency: "unbounded" },
        );
        assert.deepStrictEqual([before, rejection, after], [["r:1"], "refused", ["r:2"]]);
        assert.strictEqual(yield* Effect.flip(notebook.submit(refused)), "refused");
      }),
    );
  });

  for (const word of ["defect", "constraint"]) {
    layer(withDatabase, { excludeTestServices: true })(`with one input of fifty that is poison (${word})`, (it) => {
      it.effect("only that input fails; the other forty-nine commit, in order", () =>
        Effect.gen(function* () {
          const notebook = yield* Notebook.make;
          const words = Array.from({ length: 50 }, (_, index) => (index === 23 ? word : `w${index}`));
          const exits = yield* Effect.forEach(words, (one) => Effect.exit(notebook.submit(input("a", one))), {
            concurrency: "unbounded",
          });
          assert.deepStrictEqual(
            exits.flatMap((exit, index) => (Exit.isSuccess(exit) ? [] : [index])),
            [23],
          );
          const good = words.filter((one) => one !== word);
          assert.deepStrictEqual(yield* Notebook.words("a"), good);
          assert.strictEqual(yield* count("outbox"), good.length);
        }),
      );
    });
  }

  layer(withDatabase, { excludeTestServices: true })("with a database in trouble", (it) => {
    it.effect("a backend that is terminated in the middle of a group is weather: the group is decided again", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient;
        let terminated = 0;
        const database = yield* Database.Database;
        const notebook = yield* Notebook.make.pipe(
          Effect.provideService(Database.Database, {
            ...database,
            write: (writes, conditions) =>
              terminated++ === 0
                ? Effect.andThen(sql`SELECT pg_terminate_backend(pg_backend_pid())`, database.write(writes, conditions))
                : database.write(writes, conditions),
          }),
        );
        const answers = yield* Effect.forEach(["one", "two"], (word) => notebook.submit(input("t", word)), {
          concurrency: "unbounded",
        });
        assert.deepStrictEqual(answers, [["t:1"], ["t:2"]]);
        assert.isAbove(terminated, 1);
        assert.deepStrictEqual(yield* Notebook.words("t"), ["one", "two"]);
      }),
    );

    it.effect("a commit whose answer got lost is answered from its rows, and nothing happens twice", () =>
      Effect.gen(function* () {
        let commits = 0;
        const notebook = yield* disturbed((run) =>
          Effect.flatMap(run, (value) => (commits++ === 0 ? Effect.fail(lost) : Effect.succeed(value))),
        );
        assert.deepStrictEqual(yield* notebook.submit(input("u", "one")), ["u:1"]);
        assert.strictEqual(commits, 2);
        assert.deepStrictEqual(yield* Notebook.words("u"), ["one"]);
      }),
    );

    it.effect("a transaction that never reached the server is decided again", () =>
      Effect.gen(function* () {
        let attempts = 0;
        const notebook = yield* disturbed((run) => Effect.suspend(() => (attempts++ === 0 ? Effect.fail(lost) : run)));
        assert.deepStrictEqual(yield* notebook.submit(input("n", "one")), ["n:1"]);
        assert.deepStrictEqual(yield* Notebook.words("n"), ["one"]);
      }),
    );

    it.effect("when it stays away the caller is told that the outcome is unknown", () =>
      Effect.gen(function* () {
        const database = yield* Database.Database;
        const notebook = yield* Notebook.makeWith({ limits: { maxWeatherMillis: 50 } }).pipe(
          Effect.provideService(Database.Database, { ...database, transact: () => Effect.fail(lost) }),
        );
        const error = yield* Effect.flip(notebook.submit(input("away", "one")));
        assert.isTrue(error instanceof Errors.GroupCommitError && error.reason._tag === "Unavailable");
      }),
    );
  });

  layer(withDatabase, { excludeTestServices: true })("with a full queue", (it) => {
    it.effect("answers Overloaded, decides nothing of it, and takes inputs again afterwards", () =>
      Effect.gen(function* () {
        const gate = yield* Deferred.make<void>();
        const database = yield* Database.Database;
        const notebook = yield* Notebook.makeWith({ limits: { maxQueuedInputs: 2 } }).pipe(
          Effect.provideService(Database.Database, {
            ...database,
            transact: (effect) => Effect.andThen(Deferred.await(gate), database.transact(effect)),
          }),
        );
        const first = yield* Effect.forkChild(notebook.submit(input("q", "one")), { startImmediately: true });
        yield* Effect.yieldNow;
        const waiting = yield* Effect.forEach(["two", "three"], (word) =>
          Effect.forkChild(notebook.submit(input("q", word)), { startImmediately: true }),
        );
        const error = yield* Effect.flip(notebook.submit(input("q", "four")));
        assert.isTrue(error instanceof Errors.GroupCommitError && error.reason._tag === "Overloaded");
        yield* Deferred.succeed(gate, undefined);
        yield* Effect.forEach([first, ...waiting], Fiber.join);
        yield* notebook.submit(input("q", "five"));
        assert.deepStrictEqual(yield* Notebook.words("q"), ["one", "two", "three", "five"]);
      }),
    );
  });

  layer(withDatabase, { excludeTestServices: true })("inside a caller's transaction", (it) => {
    it.effect("commits and rolls back with it, messages included", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient;
        const notebook = yield* Notebook.make;
        yield* sql
          .withTransaction(Effect.andThen(notebook.submit(input("j", "gone")), Effect.fail("no")))
          .pipe(Effect.exit);
        assert.deepStrictEqual(yield* Notebook.words("j"), []);
        assert.strictEqual(yield* count("outbox"), 0);
        yield* sql.withTransaction(notebook.submit(input("j", "kept")));
        assert.deepStrictEqual(yield* Notebook.words("j"), ["kept"]);
        assert.strictEqual(yield* count("outbox"), 1);
      }),
    );
  });

  layer(withDatabase, { excludeTestServices: true })("with two owners of the same keys", (it) => {
    it.effect("loses no update, and both make progress", () =>
      Effect.gen(function* () {
        const { url } = yield* TestDatabase.TestDatabase;
        const pool = PgClient.layer({ url: Redacted.make(url), maxConnections: 4 });
        const secondOwner = Layer.fresh(Notebook.standing.pipe(Layer.provideMerge(pool)));
        const mine = yield* Notebook.make;
        const theirs = yield* Notebook.make.pipe(Effect.provide(yield* Layer.build(secondOwner)));
        const words = Array.from({ length: 100 }, (_, index) => index);
        const write = (owner: typeof mine, name: string) =>
          Effect.forEach(words, (index) => owner.submit(input(`k${index % 3}`, `${name}${index}`)), {
            concurrency: 16,
          });
        yield* Effect.all([write(mine, "m"), write(theirs, "t")], { concurrency: "unbounded" });
        const all = yield* Effect.forEach(["k0", "k1", "k2"], Notebook.words);
        assert.strictEqual(new Set(all.flat()).size, 200);
        assert.strictEqual(all.flat().length, 200);
        const sql = yield* SqlClient.SqlClient;
        const versions = yield* sql<{ readonly version: number; readonly words: number }>`
          SELECT version, jsonb_array_length(words) AS words FROM notebook`;
        for (const row of versions) assert.strictEqual(row.version, row.words);
      }),
    );
  });

  layer(withDatabase, { excludeTestServices: true })("with clocks that disagree", (it) => {
    it.effect("a machine never sees time run backwards", () =>
      Effect.gen(function* () {
        const seen: Array<number> = [];
        const notebook = yield* Notebook.makeWith({
          machine: {
            ...Notebook.machine,
            decide: (view, stamped) => {
              seen.push(stamped.at);
              return Notebook.machine.decide(view, stamped);
            },
          },
        });
        for (const at of [5000, 4000, 6000, 1000]) yield* notebook.submit({ ...input("c", "w"), at });
        assert.deepStrictEqual(seen, [5000, 5000, 6000, 6000]);
      }),
    );
  });

  layer(withDatabase, { excludeTestServices: true })("with an idle system", (it) => {
    it.effect("commits a group of one without waiting for company", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient;
        const notebook = yield* Notebook.make;
        yield* notebook.submit(input("i", "one"));
        yield* notebook.submit(input("i", "two"));
        const [groups] = yield* sql<{ readonly n: bigint }>`SELECT count(DISTINCT xmin::text) AS n FROM inbox
          WHERE id = ${Bulk.any(sql, "text", [`http:${serial}`, `http:${serial - 1}`])}`;
        assert.strictEqual(groups?.n, 2n);
      }),
    );
  });
});
