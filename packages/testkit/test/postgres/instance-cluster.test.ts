import * as fs from "node:fs";
import * as path from "node:path";
import * as PgClient from "@effect/sql-pg/PgClient";
import { Account, Binaries, InstanceCluster, Postmaster } from "@destiny/testkit/postgres";
import { assert, describe, it } from "@effect/vitest";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Redacted from "effect/Redacted";
import * as SqlClient from "effect/sql/SqlClient";
import { command, firstLine, fixture, folder, freePort, instance, kill9, password } from "./processes.ts";

const pollTimeoutMillis = 20_000;

const asRoot = process.getuid?.() === 0;

const onDatabase = <A, E>(
  cluster: InstanceCluster.InstanceCluster,
  use: (sql: SqlClient.SqlClient) => Effect.Effect<A, E>,
) =>
  Effect.flatMap(SqlClient.SqlClient, use).pipe(
    Effect.provide(PgClient.layer({ url: cluster.url("postgres"), maxConnections: 1 }).pipe(Layer.fresh)),
  );

const writeRows = (cluster: InstanceCluster.InstanceCluster) =>
  onDatabase(cluster, (sql) =>
    Effect.andThen(sql`CREATE TABLE paid (id int PRIMARY KEY)`, sql`INSERT INTO paid SELECT generate_series(1, 1000)`),
  );

const countRows = (cluster: InstanceCluster.InstanceCluster) =>
  onDatabase(cluster, (sql) => sql<{ rows: number }>`SELECT count(*)::int AS rows FROM paid`).pipe(
    Effect.map(([row]) => row?.rows),
  );

const isAlive = (pid: number): boolean => Postmaster.commandLine(pid) !== undefined;

describe("InstanceCluster: what survives", () => {
  it.live("kill -9 of the starter leaves the server and its rows, and the next start adopts it", () =>
    Effect.gen(function* () {
      const options = yield* instance;
      const starter = yield* fixture(
        "instance-starter",
        options.directory,
        String(options.port),
        Redacted.value(password),
      );
      const { pid } = yield* firstLine<{ pid: number }>(starter);
      const adopted = yield* InstanceCluster.start(options);
      assert.deepStrictEqual([adopted.pid, adopted.adopted, adopted.created], [pid, true, false]);
      yield* writeRows(adopted);
      yield* kill9(starter);
      assert.isTrue(yield* InstanceCluster.isRunning(options));
      const again = yield* InstanceCluster.start(options);
      assert.deepStrictEqual([again.pid, yield* countRows(again)], [pid, 1000]);
    }),
  );

  it.live("an immediate shutdown loses no committed row", () =>
    Effect.gen(function* () {
      const options = yield* instance;
      yield* writeRows(yield* InstanceCluster.start(options));
      assert.strictEqual(yield* InstanceCluster.crash(options), "immediate");
      assert.isFalse(yield* InstanceCluster.isRunning(options));
      const recovered = yield* InstanceCluster.start(options);
      assert.deepStrictEqual([recovered.adopted, recovered.created], [false, false]);
      assert.strictEqual(yield* countRows(recovered), 1000);
    }),
  );

  it.live("kill -9 of the server loses no committed row, and its stale pid file does not stop the next start", () =>
    Effect.gen(function* () {
      const options = yield* instance;
      const cluster = yield* InstanceCluster.start(options);
      yield* writeRows(cluster);
      process.kill(cluster.pid, "SIGKILL");
      yield* Postmaster.awaitGone(cluster.data, cluster.pid, pollTimeoutMillis);
      assert.isTrue(fs.existsSync(path.join(cluster.data, "postmaster.pid")));
      const recovered = yield* InstanceCluster.start(options);
      assert.notStrictEqual(recovered.pid, cluster.pid);
      assert.strictEqual(yield* countRows(recovered), 1000);
    }),
  );

  it.live("stop keeps the data and answers how the server ended; remove deletes it", () =>
    Effect.gen(function* () {
      const options = yield* instance;
      const cluster = yield* InstanceCluster.start(options);
      yield* writeRows(cluster);
      assert.strictEqual(yield* InstanceCluster.stop(options), "fast");
      assert.strictEqual(yield* InstanceCluster.stop(options), "notRunning");
      const again = yield* InstanceCluster.start(options);
      assert.strictEqual(yield* countRows(again), 1000);
      yield* InstanceCluster.remove(options);
      assert.isFalse(fs.existsSync(cluster.data));
      assert.isFalse(isAlive(again.pid));
    }),
  );
});

describe("InstanceCluster: what it finds", () => {
  it.live("a pid that another program has now is neither waited for nor signalled", () =>
    Effect.gen(function* () {
      const options = yield* instance;
      const { data } = yield* InstanceCluster.start(options);
      const pidFile = path.join(data, "postmaster.pid");
      const [, ...rest] = fs.readFileSync(pidFile, "utf8").split("\n");
      yield* InstanceCluster.stop(options);
      const account = yield* Account.unprivileged;
      const stranger = yield* command("sleep", ["600"], account.ids);
      fs.writeFileSync(pidFile, [stranger.pid, ...rest].join("\n"), { mode: 0o600 });
      Account.give(account, pidFile);
      assert.isFalse(yield* InstanceCluster.isRunning(options));
      assert.strictEqual(yield* InstanceCluster.stop(options), "notRunning");
      const cluster = yield* InstanceCluster.start(options);
      assert.notStrictEqual(cluster.pid, stranger.pid);
      assert.isTrue(isAlive(stranger.pid ?? 0));
    }),
  );

  it.live("an empty pid file left by a full disk does not stop the start", () =>
    Effect.gen(function* () {
      const options = yield* instance;
      const { data } = yield* InstanceCluster.start(options);
      yield* InstanceCluster.stop(options);
      const pidFile = path.join(data, "postmaster.pid");
      fs.writeFileSync(pidFile, "", { mode: 0o600 });
      Account.give(yield* Account.unprivileged, pidFile);
      fs.utimesSync(pidFile, 1, 1);
      const cluster = yield* InstanceCluster.start(options);
      assert.isFalse(cluster.adopted);
    }),
  );

  it.live("an initdb that was killed in the middle is thrown away and done again", () =>
    Effect.gen(function* () {
      const options = yield* instance;
      const starter = yield* fixture("instance-starter", options.directory, String(options.port), "x");
      const halfMade = () => fs.readdirSync(options.directory).find((name) => name.startsWith("init-"));
      yield* Postmaster.poll(() => {
        const name = halfMade();
        return name !== undefined && fs.existsSync(path.join(options.directory, name, "data", "base"))
          ? name
          : undefined;
      }, pollTimeoutMillis);
      yield* kill9(starter);
      assert.isDefined(halfMade());
      assert.isFalse(fs.existsSync(path.join(options.directory, "data")));
      const cluster = yield* InstanceCluster.start(options);
      assert.isTrue(cluster.created);
      yield* writeRows(cluster);
      assert.isUndefined(halfMade());
    }),
  );

  it.live("two starters at once get one server", () =>
    Effect.gen(function* () {
      const options = yield* instance;
      const clusters = yield* Effect.all([InstanceCluster.start(options), InstanceCluster.start(options)], {
        concurrency: 2,
      });
      assert.strictEqual(clusters[0].pid, clusters[1].pid);
      assert.lengthOf(
        clusters.filter((cluster) => cluster.created),
        1,
      );
      assert.lengthOf(
        clusters.filter((cluster) => cluster.adopted),
        1,
      );
    }),
  );

  it.live("a server on another port is restarted on the wanted one, with its rows", () =>
    Effect.gen(function* () {
      const options = yield* instance;
      const first = yield* InstanceCluster.start(options);
      yield* writeRows(first);
      const moved = yield* InstanceCluster.start({ ...options, port: yield* freePort });
      assert.notStrictEqual(moved.port, first.port);
      assert.isFalse(isAlive(first.pid));
      assert.strictEqual(yield* countRows(moved), 1000);
    }),
  );

  it.live("a port taken by another program is a typed error", () =>
    Effect.gen(function* () {
      const other = yield* instance;
      yield* InstanceCluster.start(other);
      const options = yield* instance;
      const error = yield* Effect.flip(InstanceCluster.start({ ...options, port: other.port }));
      assert.strictEqual(error.reason._tag, "PortInUse");
    }),
  );

  it.live("another password than the one of the data is a typed error", () =>
    Effect.gen(function* () {
      const options = yield* instance;
      yield* InstanceCluster.start(options);
      const error = yield* Effect.flip(InstanceCluster.start({ ...options, password: Redacted.make("wrong") }));
      assert.strictEqual(error.reason._tag, "PasswordRefused");
    }),
  );

  it.live("a server that never comes is a typed error after the bound", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(InstanceCluster.waitReady({ directory: yield* folder, timeoutMillis: 60 }));
      assert.strictEqual(error.reason._tag, "NotReady");
    }),
  );
});

describe("InstanceCluster: how it runs", () => {
  it.live("every setting that durability depends on is on, and its command line names the instance", () =>
    Effect.gen(function* () {
      const options = yield* instance;
      const cluster = yield* InstanceCluster.start({ ...options, instance: "shop", maxConnections: 123 });
      assert.deepStrictEqual(yield* cluster.settings(), {
        fsync: "on",
        synchronous_commit: "on",
        full_page_writes: "on",
        autovacuum: "on",
      });
      // The last flag of the command line arrives as well.
      assert.deepStrictEqual(
        yield* cluster.settings(["max_connections", "listen_addresses", "log_min_error_statement"]),
        { max_connections: "123", listen_addresses: "127.0.0.1", log_min_error_statement: "fatal" },
      );
      assert.include(Postmaster.commandLine(cluster.pid)?.join(" "), "cluster_name=destiny-shop");
      assert.strictEqual((yield* InstanceCluster.waitReady(options)).pid, cluster.pid);
    }),
  );

  it.live("databases are created once, whoever asks and however often", () =>
    Effect.gen(function* () {
      const options = yield* instance;
      const cluster = yield* InstanceCluster.start(options);
      const names = ["destiny_bus", "destiny_order", "destiny_payment"];
      yield* Effect.all(
        Array.from({ length: 4 }, () => cluster.createDatabases(names)),
        { concurrency: 4 },
      );
      yield* cluster.createDatabases(names);
      const rows = yield* onDatabase(
        cluster,
        (sql) => sql<{ datname: string }>`SELECT datname FROM pg_database WHERE datname LIKE 'destiny%' ORDER BY 1`,
      );
      assert.deepStrictEqual(
        rows.map((row) => row.datname),
        names,
      );
      const ctypes = yield* onDatabase(cluster, (sql) => sql`SELECT DISTINCT datctype FROM pg_database`);
      assert.deepStrictEqual(ctypes, [{ datctype: Binaries.ctype }]);
      const error = yield* Effect.flip(cluster.createDatabases(["x; DROP TABLE y"]));
      assert.strictEqual(error.reason._tag, "InvalidName");
    }),
  );

  it.live("below a private folder the data lies where PostgreSQL reaches it, and the directory alone leads there", () =>
    Effect.gen(function* () {
      const parent = yield* folder;
      const port = yield* freePort;
      const at = { directory: path.join(parent, "pg") };
      const cluster = yield* InstanceCluster.start({ ...at, port, password });
      yield* Effect.addFinalizer(() => Effect.orDie(InstanceCluster.remove(at)));
      assert.strictEqual(cluster.data.startsWith(parent), !asRoot);
      assert.isTrue(yield* InstanceCluster.isRunning(at));
      assert.strictEqual(yield* InstanceCluster.stop(at), "fast");
      yield* InstanceCluster.remove(at);
      assert.isFalse(fs.existsSync(asRoot ? path.dirname(cluster.data) : cluster.data));
    }),
  );
});
