/**
 * Group commit against the usual transaction per caller, on the same durable server in the same run.
 *
 * Ours is a shipped primitive with all that it writes. The row lock is written as lean as it goes and with prepared
 * statements, at the better of two pool sizes; and the same by pgbench where one is on the PATH.
 */
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { Database, type Ports } from "@destiny/sdk/machine";
import { Ids } from "@destiny/sdk/message";
import { Inbox, Outbox, Tables } from "@destiny/sdk/outbox";
import { Migrations } from "@destiny/sdk/sql";
import * as PgClient from "@effect/sql-pg/PgClient";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Redacted from "effect/Redacted";
import type * as Scope from "effect/Scope";
import * as SqlClient from "effect/sql/SqlClient";
import type { SqlError } from "effect/sql/SqlError";
import * as Bench from "./Bench.ts";

const callerCounts = [1, 32, 256];
const pools = [8, 32];
/** Below this the comparison says more about a broken baseline than about us. */
const validBaselinePerSecond = 800;
const target = 20;
const maxPgbenchClients = 64;

/** One call of a caller, under a new id. */
type Call = (id: string, at: number) => Effect.Effect<unknown, unknown>;

/** What a group commit stands on. */
type Needs = Database.Database | Ports.InputLog | Ports.OutputLog | Scope.Scope;

export interface Comparison<Case extends string> {
  readonly name: string;
  /** The first one is the hot row that the target is about. */
  readonly cases: readonly [Case, ...ReadonlyArray<Case>];
  readonly migrations: Migrations.Migrations;
  /** Tables of the row lock, and the rows that both sides work on. */
  readonly prepare: Effect.Effect<unknown, SqlError, SqlClient.SqlClient>;
  /** Emptied before every measurement, as the inbox is. */
  readonly truncated: ReadonlyArray<string>;
  readonly vacuumed: ReadonlyArray<string>;
  readonly ours: (sql: SqlClient.SqlClient, name: Case) => Effect.Effect<Call, never, Needs>;
  /** The body of the row lock's transaction. */
  readonly rowLock: (sql: SqlClient.SqlClient, name: Case) => Call;
  /** The same body as a script of pgbench. */
  readonly script: (name: Case) => string;
  /** One call of ours and all that it writes, in a few words. */
  readonly configuration: string;
}

const measure = (callers: number, call: Call) =>
  Effect.flatMap(Ids.Ids, (ids) =>
    Bench.measure(callers, () => {
      const at = Date.now();
      return call(ids.next(at), at);
    }),
  );

const groupCommit = (url: Redacted.Redacted) =>
  Layer.fresh(
    Layer.mergeAll(Inbox.layer, Outbox.layer({ source: "destiny/bench" })).pipe(
      Layer.provideMerge(Database.Database.layer),
      Layer.provideMerge(PgClient.layer({ url, maxConnections: 2 })),
    ),
  );

/** The row lock's transaction without any JavaScript; undefined where there is no pgbench. */
const pgbench = (url: Redacted.Redacted, body: string, clients: number): Bench.Measured | undefined => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "destiny-pgbench-"));
  const script = path.join(folder, "transaction.sql");
  fs.writeFileSync(script, `BEGIN;\n${body}\nCOMMIT;\n`);
  const logging = ["-n", "-M", "prepared", "-j", "1", "-l", "--log-prefix", path.join(folder, "log")];
  const load = ["-f", script, "-c", String(Math.min(clients, maxPgbenchClients)), "-T", String(Bench.seconds)];
  const { status, stdout } = spawnSync("pgbench", [...logging, ...load, Redacted.value(url)], { encoding: "utf8" });
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

/** Runs all cells and prints the report. */
export const compare = <Case extends string>(of: Comparison<Case>): Promise<void> => {
  /** Every measurement starts from empty tables and a finished checkpoint, ours and theirs alike. */
  const reset = (url: Redacted.Redacted) =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient;
      yield* sql`TRUNCATE ${sql.csv(["inbox", ...of.truncated].map((table) => sql`${sql(table)}`))}`;
      yield* sql`VACUUM ${sql.csv(of.vacuumed.map((table) => sql`${sql(table)}`))}`;
      yield* sql`CHECKPOINT`;
    }).pipe(Effect.provide(Layer.fresh(PgClient.layer({ url, maxConnections: 1 }))));

  const ours = (url: Redacted.Redacted, name: Case, callers: number) =>
    Effect.gen(function* () {
      return yield* measure(callers, yield* of.ours(yield* SqlClient.SqlClient, name));
    }).pipe(Effect.scoped, Effect.provide(groupCommit(url)));

  const rowLock = (url: Redacted.Redacted, name: Case, callers: number, maxConnections: number) =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient;
      const body = of.rowLock(sql, name);
      return yield* measure(callers, (id, at) => sql.withTransaction(body(id, at)));
    }).pipe(Effect.provide(Layer.fresh(PgClient.layer({ url, maxConnections }))));

  const cell = Effect.fnUntraced(function* (url: Redacted.Redacted, name: Case, callers: number) {
    yield* reset(url);
    const destiny = yield* ours(url, name, callers);
    const locks = yield* Effect.forEach(pools, (pool) => Effect.andThen(reset(url), rowLock(url, name, callers, pool)));
    const best = locks.reduce((a, b) => (b.perSecond > a.perSecond ? b : a), { perSecond: 0, p50Ms: 0, p99Ms: 0 });
    yield* reset(url);
    const bare = pgbench(url, of.script(name), callers);
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
    const url = yield* Bench.durable(of.name);
    const durability = yield* Migrations.run([Tables.migrations, of.migrations]).pipe(
      Effect.andThen(Tables.ensurePartitions),
      Effect.andThen(of.prepare),
      Effect.andThen(Bench.requireDurable),
      Effect.provide(PgClient.layer({ url, maxConnections: 1 })),
    );
    const rows: Array<Bench.Row> = [];
    for (const name of of.cases) for (const callers of callerCounts) rows.push(...(yield* cell(url, name, callers)));
    const [hot] = of.cases;
    const baseline = rows.find((row) => row.case === hot && row.callers === 256 && row.who === "row-lock");
    const [perSecond, ratio] = [baseline?.perSecond ?? 0, baseline?.ratio ?? 0];
    const bare = rows.some(({ who }) => who === "row-lock-pgbench");
    Bench.print({
      name: of.name,
      rows,
      durability,
      configuration: `${of.configuration}; row-lock: best of pools ${pools.join(" and ")}, same driver, prepared`,
      remarks: [
        ...(perSecond < validBaselinePerSecond
          ? [`the baseline of ${perSecond}/s is not valid: below ${validBaselinePerSecond}/s`]
          : []),
        ...(bare ? [`pgbench: one thread, at most ${maxPgbenchClients} clients`] : ["no pgbench on the PATH"]),
        `at 256 callers, ${hot}: ${ratio}x the row lock, target ${target}x ${ratio >= target ? "reached" : "missed"}`,
      ],
    });
  });
  return Effect.runPromise(Effect.scoped(program));
};
