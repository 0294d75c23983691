import * as fs from "node:fs";
import { Postmaster, TestCluster, TestDatabase } from "@destiny/testkit/postgres";
import { assert, describe, inject, it, layer } from "@effect/vitest";
import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import * as Layer from "effect/Layer";
import * as Option from "effect/Option";
import * as Scope from "effect/Scope";
import * as SqlClient from "effect/sql/SqlClient";
import { firstLine, fixture, kill9 } from "./processes.ts";

const pollTimeoutMillis = 20_000;

const isGone = (cluster: { readonly directory: string; readonly pid: number }) => () =>
  Postmaster.commandLine(cluster.pid) === undefined && !fs.existsSync(cluster.directory) ? true : undefined;

describe("TestCluster", () => {
  it.live("server and data are gone after kill -9 of the parent", () =>
    Effect.gen(function* () {
      const parent = yield* fixture("test-cluster-starter");
      const cluster = yield* firstLine<{ directory: string; pid: number }>(parent);
      assert.isUndefined(isGone(cluster)());
      yield* kill9(parent);
      assert.isTrue(Option.isSome(yield* Postmaster.poll(isGone(cluster), pollTimeoutMillis)));
    }),
  );

  it.live("server and data are gone when the scope has closed, though a client is connected", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make();
      const cluster = yield* Scope.provide(TestCluster.start({ settings: { work_mem: "9MB" } }), scope);
      const context = yield* Layer.build(Layer.fresh(TestDatabase.layer(cluster.port)));
      const sql = SqlClient.SqlClient.pipe(Effect.provide(context));
      const rows = yield* Effect.flatMap(sql, (sql) => sql`SHOW work_mem`);
      assert.deepStrictEqual(rows, [{ work_mem: "9MB" }]);
      yield* Scope.close(scope, Exit.void);
      assert.isTrue(isGone(cluster)());
    }),
  );

  it.live("a setting the server does not know is a typed error with its log", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(TestCluster.start({ settings: { no_such_setting: "1" } }));
      assert.strictEqual(error.reason._tag, "StartFailed");
      assert.include(error.message, "no_such_setting");
    }),
  );
});

layer(TestDatabase.layer(inject("pgPort")))("TestDatabase", (it) => {
  it.effect("Korean letters are letters: trigrams and lower see them", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient;
      yield* sql`CREATE EXTENSION pg_trgm`;
      const rows = yield* sql`
        SELECT cardinality(show_trgm('무선 이어폰')) AS trigrams, similarity('무선 이어폰', '무선이어폰') > 0.2 AS similar,
          lower('ÄÉ 커피') AS lower`;
      assert.deepStrictEqual(rows, [{ trigrams: 7, similar: true, lower: "äé 커피" }]);
    }),
  );

  it.effect("the url leads a process of its own to the same database", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient;
      const { name, port, url } = yield* TestDatabase.TestDatabase;
      assert.strictEqual(url, TestDatabase.url(port, name));
      assert.deepStrictEqual(yield* sql`SELECT current_database() AS name`, [{ name }]);
    }),
  );

  it.effect("the database is dropped with its layer, though somebody is connected", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient;
      const count = (name: string) => sql`SELECT 1 FROM pg_database WHERE datname = ${name}`;
      const scope = yield* Scope.make();
      const context = yield* Layer.buildWithScope(Layer.fresh(TestDatabase.layer(inject("pgPort"))), scope);
      const { name } = yield* TestDatabase.TestDatabase.pipe(Effect.provide(context));
      yield* Effect.flatMap(SqlClient.SqlClient, (sql) => sql`SELECT 1`).pipe(Effect.provide(context));
      assert.lengthOf(yield* count(name), 1);
      yield* Scope.close(scope, Exit.void);
      assert.lengthOf(yield* count(name), 0);
    }),
  );
});
