/**
 * Holds a second: group commit against a transaction per caller, on the same durable server in the same run.
 *
 * Ours is the shipped primitive: each hold writes its reservation, a ledger row and an inbox row that keeps the answer. The
 * row lock is the usual transaction, written as lean as it goes and with prepared statements: BEGIN, SELECT … FOR UPDATE,
 * UPDATE, INSERT, COMMIT, at the better of two pool sizes; and the same by pgbench where one is on the PATH.
 *
 *     npm run bench -- reservation [--json] [--seconds 4]
 */
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { Database, GroupCommit } from "@destiny/sdk/machine";
import { Ids } from "@destiny/sdk/message";
import { Inbox, Outbox, Tables } from "@destiny/sdk/outbox";
import { ReservationMachine, ReservationStore, ReservationTables } from "@destiny/sdk/reservation";
import { Migrations } from "@destiny/sdk/sql";
import * as PgClient from "@effect/sql-pg/PgClient";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Redacted from "effect/Redacted";
import * as SqlClient from "effect/sql/SqlClient";
import * as Bench from "./lib/Bench.ts";

const callerCounts = [1, 32, 256];
const skuCount = 10_000;
const cases = ["hot SKU", `${skuCount} SKUs`] as const;
const pools = [8, 32];
/** Below this the comparison says more about a broken baseline than about us. */
const validBaselinePerSecond = 800;
const target = 20;
const maxPgbenchClients = 64;

type Case = (typeof cases)[number];
const skuOf = (name: Case): string => (name === "hot SKU" ? "sku-0" : `sku-${Math.floor(Math.random() * skuCount)}`);

const prepare = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient;
  yield* Migrations.run([Tables.migrations, ReservationTables.migrations]);
  yield* Tables.ensurePartitions;
  yield* sql`INSERT INTO stock SELECT 'sku-' || n, 1, 1000000000, 0, 0 FROM generate_series(0, ${skuCount - 1}) n`;
  yield* sql`CREATE TABLE lock_stock (sku text PRIMARY KEY, total int NOT NULL, held int NOT NULL) WITH (fillfactor = 50)`;
  yield* sql`INSERT INTO lock_stock SELECT 'sku-' || n, 1000000000, 0 FROM generate_series(0, ${skuCount - 1}) n`;
  yield* sql`CREATE TABLE lock_reservation (id uuid PRIMARY KEY, sku text NOT NULL, quantity int NOT NULL)`;
  yield* sql`VACUUM ANALYZE`;
});

const ours = (url: Redacted.Redacted, name: Case, callers: number) =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient;
    const ids = yield* Ids.Ids;
    const commit = yield* GroupCommit.make({
      machine: ReservationMachine.machine,
      store: ReservationStore.make(sql),
      output: ReservationMachine.Output,
      rejection: ReservationMachine.Rejection,
    });
    return yield* Bench.measure(callers, () => {
      const at = Date.now();
      const id = ids.next(at);
      const lines = [{ sku: skuOf(name), quantity: 1 }];
      return commit.submit({ id, at, input: { _tag: "Hold", orderId: id, until: at + 600_000, lines } });
    });
  }).pipe(
    Effect.scoped,
    Effect.provide(
      Layer.fresh(
        Layer.mergeAll(Inbox.layer, Outbox.layer({ source: "destiny/bench" })).pipe(
          Layer.provideMerge(Database.Database.layer),
          Layer.provideMerge(PgClient.layer({ url, maxConnections: 2 })),
        ),
      ),
    ),
  );

const rowLock = (url: Redacted.Redacted, name: Case, callers: number, maxConnections: number) =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient;
    const ids = yield* Ids.Ids;
    return yield* Bench.measure(callers, () => {
      const sku = skuOf(name);
      const id = ids.next(Date.now());
      return sql.withTransaction(
        Effect.gen(function* () {
          const [row] = yield* sql<{ readonly free: number }>`
            SELECT total - held AS free FROM lock_stock WHERE sku = ${sku} FOR UPDATE`;
          if (row === undefined || row.free < 1) return yield* Effect.die(new Error("sold out"));
          yield* sql`UPDATE lock_stock SET held = held + 1 WHERE sku = ${sku}`;
          yield* sql`INSERT INTO lock_reservation (id, sku, quantity) VALUES (${id}::uuid, ${sku}, 1)`;
        }),
      );
    });
  }).pipe(Effect.provide(Layer.fresh(PgClient.layer({ url, maxConnections }))));

/** The same transaction without any JavaScript; undefined where there is no pgbench. */
const pgbench = (url: Redacted.Redacted, name: Case, clients: number): Bench.Measured | undefined => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "destiny-pgbench-"));
  const script = path.join(folder, "hold.sql");
  const sku = name === "hot SKU" ? "'sku-0'" : "'sku-' || :n";
  fs.writeFileSync(
    script,
    `\\set n random(0, ${skuCount - 1})
BEGIN;
SELECT total - held FROM lock_stock WHERE sku = ${sku} FOR UPDATE;
UPDATE lock_stock SET held = held + 1 WHERE sku = ${sku};
INSERT INTO lock_reservation VALUES (gen_random_uuid(), ${sku}, 1);
COMMIT;
`,
  );
  const settings = ["-n", "-M", "prepared", "-j", "1", "-l", "--log-prefix", path.join(folder, "log")];
  const load = ["-f", script, "-c", String(Math.min(clients, maxPgbenchClients)), "-T", String(Bench.seconds)];
  const { status, stdout } = spawnSync("pgbench", [...settings, ...load, Redacted.value(url)], { encoding: "utf8" });
  const logs = fs.readdirSync(folder).filter((file) => file.startsWith("log"));
  // A line per transaction; the third column is its latency in microseconds.
  const took = logs
    .flatMap((file) => fs.readFileSync(path.join(folder, file), "utf8").split("\n"))
    .flatMap((line) => (line === "" ? [] : [Number(line.split(" ")[2]) / 1000]));
  fs.rmSync(folder, { recursive: true, force: true });
  const perSecond = Number(/tps = ([\d.]+)/.exec(stdout ?? "")?.[1]);
  return status === 0 && Number.isFinite(perSecond)
    ? { perSecond: Math.round(perSecond), ...Bench.percentiles(took) }
    : undefined;
};

/** Every measurement starts from empty tables and a finished checkpoint, ours and theirs alike. */
const reset = (url: Redacted.Redacted) =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient;
    yield* sql`TRUNCATE reservation, stock_ledger, stock_refusal, inbox, lock_reservation`;
    yield* sql`VACUUM stock, lock_stock`;
    yield* sql`CHECKPOINT`;
  }).pipe(Effect.provide(Layer.fresh(PgClient.layer({ url, maxConnections: 1 }))));

const cell = Effect.fnUntraced(function* (url: Redacted.Redacted, name: Case, callers: number) {
  yield* reset(url);
  const destiny = yield* ours(url, name, callers);
  const locks = yield* Effect.forEach(pools, (pool) => Effect.andThen(reset(url), rowLock(url, name, callers, pool)));
  const [first, ...rest] = locks;
  const best = rest.reduce(
    (a, b) => (b.perSecond > a.perSecond ? b : a),
    first ?? { perSecond: 0, p50Ms: 0, p99Ms: 0 },
  );
  yield* reset(url);
  const bare = pgbench(url, name, callers);
  const row = (who: string, measured: Bench.Measured): Bench.Row => ({
    who,
    case: name,
    callers,
    ...measured,
    ratio: who === "destiny" ? 1 : Math.round((destiny.perSecond / measured.perSecond) * 10) / 10,
  });
  return [
    row("destiny", destiny),
    row("row-lock", best),
    ...(bare === undefined ? [] : [row("row-lock-pgbench", bare)]),
  ];
});

const program = Effect.gen(function* () {
  const url = yield* Bench.durable("reservation");
  const durability = yield* Effect.andThen(prepare, Bench.requireDurable).pipe(
    Effect.provide(PgClient.layer({ url, maxConnections: 1 })),
  );
  const rows: Array<Bench.Row> = [];
  for (const name of cases) for (const callers of callerCounts) rows.push(...(yield* cell(url, name, callers)));
  const of = (who: string) => rows.find((row) => row.case === "hot SKU" && row.callers === 256 && row.who === who);
  const baseline = of("row-lock")?.perSecond ?? 0;
  const ratio = of("row-lock")?.ratio ?? 0;
  const bare = rows.some(({ who }) => who === "row-lock-pgbench");
  Bench.print({
    name: "reservation",
    rows,
    durability,
    configuration:
      "one hold a call; ours: locked group, 2 connections, reservation + ledger + inbox rows; row-lock: best of pools 8 and 32, same driver, prepared",
    remarks: [
      ...(baseline < validBaselinePerSecond
        ? [`the baseline of ${baseline}/s is not valid: below ${validBaselinePerSecond}/s`]
        : []),
      ...(bare ? [`pgbench: one thread, at most ${maxPgbenchClients} clients`] : ["no pgbench on the PATH"]),
      `at 256 callers on one SKU: ${ratio}x the row lock, target ${target}x ${ratio >= target ? "reached" : "missed"}`,
    ],
  });
}).pipe(Effect.scoped);

await Effect.runPromise(program);
