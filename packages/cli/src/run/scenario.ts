/**
 * Runs a scenario on a running shop: load in a process of its own, faults on time, then the audits and the verdict.
 */
import * as fs from "node:fs";
import * as path from "node:path";
import { pathToFileURL } from "node:url";
import { figures } from "@destiny/services/payment/figures";
import { LoadProcess, Samples, type Scenario, Summary, Thresholds } from "@destiny/testkit/scenario";
import * as PgClient from "@effect/sql-pg/PgClient";
import * as Clock from "effect/Clock";
import * as Deferred from "effect/Deferred";
import * as Effect from "effect/Effect";
import * as Fiber from "effect/Fiber";
import * as Redacted from "effect/Redacted";
import * as SqlClient from "effect/sql/SqlClient";
import { asCliError, CliError } from "../CliError.ts";
import { repositoryRoot } from "../instance/Home.ts";
import { type RunReport, verdictOf } from "../RunReport.ts";
import * as Catalogue from "../seed/Catalogue.ts";
import type { Connection } from "./connect.ts";
import type { LiveTable } from "./LiveTable.ts";
import { audit } from "./verify.ts";

export interface ScenarioOptions {
  readonly scenario: string;
  readonly peakPerSecond?: number | undefined;
  readonly durationSeconds?: number | undefined;
  readonly seed: number;
  readonly progress: (line: string) => void;
  readonly live: LiveTable;
}

const scenariosFolder = path.join(repositoryRoot, "scenarios");
const memorySampleMillis = 2000;

export const reportFile = "report.json";

/** The names of the scenarios that this checkout has. */
export const names = (): ReadonlyArray<string> =>
  fs
    .readdirSync(scenariosFolder, { withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
    .map((entry) => entry.name.slice(0, -3))
    .sort();

const fileOf = (name: string): Effect.Effect<string, CliError> =>
  names().includes(name)
    ? Effect.succeed(path.join(scenariosFolder, `${name}.ts`))
    : Effect.fail(
        new CliError({
          exit: "usage",
          code: "UNKNOWN_SCENARIO",
          message: `there is no scenario "${name}"`,
          next: [`scenarios: ${names().join(", ")}`],
        }),
      );

export const load = Effect.fnUntraced(function* (name: string): Effect.fn.Return<Scenario, CliError> {
  const file = yield* fileOf(name);
  const module = yield* Effect.tryPromise({
    try: () => import(pathToFileURL(file).href) as Promise<{ readonly default: Scenario }>,
    catch: asCliError,
  });
  return module.default;
});

/** What the services have to be told before a scenario with these timings makes sense. */
export const settingsOf = ({ timings }: Scenario): Readonly<Record<string, string>> => ({
  DESTINY_PAYMENT_WINDOW: `${timings.paymentWindowSeconds} seconds`,
  DESTINY_HOLD_LIFETIME: `${timings.holdSeconds} seconds`,
});

const durability = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient;
  const rows = yield* sql<{ readonly name: string; readonly setting: string }>`
    SELECT name, setting FROM pg_settings WHERE name IN ('fsync', 'synchronous_commit')`;
  const of = (name: string): string => rows.find((row) => row.name === name)?.setting ?? "unknown";
  return { fsync: of("fsync"), synchronousCommit: of("synchronous_commit") };
});

const ask = <A, E>(connection: Connection, database: string, question: Effect.Effect<A, E, SqlClient.SqlClient>) =>
  question.pipe(
    Effect.provide(PgClient.layer({ url: Redacted.make(`${connection.databaseUrl}${database}`), maxConnections: 1 })),
    Effect.mapError(asCliError),
  );

/** Kills on schedule; each fault's window is known afterwards. */
const injectAll = (
  scenario: Scenario,
  connection: Connection,
  started: { readonly at: number; readonly lengthMillis: number },
  live: LiveTable,
) =>
  Effect.forEach(
    scenario.faults.filter((fault) => fault.kind === "kill"),
    (fault) =>
      Effect.gen(function* () {
        const now = yield* Clock.currentTimeMillis;
        yield* Effect.sleep(Math.max(0, started.at + fault.at * started.lengthMillis - now));
        const injectedAt = yield* Clock.currentTimeMillis;
        live.note(`kill -9 ${fault.service}`);
        const outcome = yield* Effect.option(connection.kill(fault.service));
        const recoveredMs = outcome._tag === "Some" ? outcome.value.recoveredMs : null;
        live.note(
          recoveredMs === null
            ? `${fault.service} did not recover`
            : `${fault.service} is ready again after ${recoveredMs} ms`,
        );
        return {
          recoveredMs,
          injected: {
            service: fault.service,
            injectedAt,
            recoveredAt: recoveredMs === null ? undefined : injectedAt + recoveredMs,
            settleSeconds: fault.settleSeconds ?? 0,
          } satisfies Thresholds.Injected,
        };
      }),
    { concurrency: "unbounded" },
  );

/** The highest sum of PSS seen while the load ran. */
const memoryPeak = (connection: Connection) => {
  let peak = 0;
  const sample = Effect.map(connection.status, ({ memoryMb }) => {
    peak = Math.max(peak, memoryMb);
  });
  return {
    sampling: Effect.ignore(sample).pipe(Effect.andThen(Effect.sleep(memorySampleMillis)), Effect.forever),
    peak: () => peak,
  };
};

const runName = (scenario: string, at: number): string =>
  `${scenario}-${new Date(at).toISOString().slice(0, 19).replaceAll(/[-:]/g, "").replace("T", "-")}`;

export const run = Effect.fnUntraced(function* (
  connection: Connection,
  options: ScenarioOptions,
): Effect.fn.Return<RunReport, CliError> {
  const scenario = yield* load(options.scenario);
  const name = runName(scenario.name, yield* Clock.currentTimeMillis);
  const folder = path.join(connection.paths.runs, name);
  fs.mkdirSync(folder, { recursive: true });
  const catalogue = Catalogue.make("S", options.seed);
  const job: Summary.Job = {
    run: name,
    scenario: yield* fileOf(options.scenario),
    seed: options.seed,
    options: {
      ...(options.peakPerSecond === undefined ? {} : { peakPerSecond: options.peakPerSecond }),
      ...(options.durationSeconds === undefined ? {} : { durationSeconds: options.durationSeconds }),
    },
    timings: scenario.timings,
    shopUrl: connection.gatewayUrl,
    simulators: connection.simulatorUrls,
    users: catalogue.users
      .slice(0, scenario.needs.users)
      .map(({ username }) => ({ username, password: Catalogue.password })),
    hotProductIds: catalogue.products.slice(0, Catalogue.hotProducts).map(({ id }) => id),
    folder,
  };

  const started = yield* Deferred.make<{ readonly at: number; readonly lengthMillis: number }>();
  const faults = yield* Effect.forkChild(
    Effect.flatMap(Deferred.await(started), (begun) => injectAll(scenario, connection, begun, options.live)),
  );
  const memory = memoryPeak(connection);
  const sampler = yield* Effect.forkChild(memory.sampling);
  const summary = yield* LoadProcess.run({
    job,
    onProgress: (progress) => {
      if (progress.type === "started") Deferred.doneUnsafe(started, Effect.succeed(progress));
      options.live.show(progress);
    },
    execArgv: ["--conditions=@destiny/source"],
  }).pipe(
    Effect.mapError(
      ({ message }) =>
        new CliError({
          exit: "tool",
          code: "LOAD_FAILED",
          message: `the load process failed: ${message}`,
          next: ["destiny status", "destiny logs gateway"],
        }),
    ),
  );
  options.live.end();
  yield* Fiber.interrupt(sampler);
  const injected = yield* Fiber.join(faults);

  options.progress("waiting until the shop is quiet, then auditing");
  const auditedAt = yield* Clock.currentTimeMillis;
  const audited = yield* audit({
    databaseUrl: connection.databaseUrl,
    simulatorsFolder: connection.paths.simulators,
    runFolder: folder,
  });
  const evidence = {
    summary,
    samples: yield* Samples.read(path.join(folder, Summary.files.samples)).pipe(Effect.mapError(asCliError)),
    faults: injected.map((one) => one.injected),
  };
  const facts = {
    run: name,
    scenario: scenario.name,
    seed: options.seed,
    profile: connection.instance.profile,
    durability: yield* ask(connection, "destiny_order", durability),
    orders: summary.orders,
    coupons: summary.coupons,
    dropped: summary.dropped,
    drainedMs:
      audited.quietAfterMillis === null
        ? null
        : Math.round(auditedAt + audited.quietAfterMillis - summary.lastArrivalAt),
    http: Thresholds.http(evidence),
    saga: { p50Ms: summary.saga.p50Ms, p95Ms: summary.saga.p95Ms, p99Ms: summary.saga.p99Ms },
    payments: { ...(yield* ask(connection, "destiny_payment", figures)), reissued: 0 },
    restarts: injected.map(({ injected: { service }, recoveredMs }) => ({ service, recoveredMs })),
    memoryMb: memory.peak(),
    invariants: audited.invariants,
    thresholds: Thresholds.evaluate(scenario, evidence),
  };
  const report: RunReport = { verdict: verdictOf(facts), ...facts };
  fs.writeFileSync(path.join(folder, reportFile), `${JSON.stringify(report, undefined, 2)}\n`);
  return report;
});

/** A stored report; the newest one without a name. */
export const stored = Effect.fnUntraced(function* (
  runsFolder: string,
  name: string | undefined,
): Effect.fn.Return<RunReport, CliError> {
  const runs = fs.existsSync(runsFolder)
    ? fs.readdirSync(runsFolder).filter((run) => fs.existsSync(path.join(runsFolder, run, reportFile)))
    : [];
  const newest = runs
    .map((run) => ({ run, at: fs.statSync(path.join(runsFolder, run, reportFile)).mtimeMs }))
    .sort((a, b) => b.at - a.at)[0]?.run;
  const wanted = name ?? newest;
  if (wanted === undefined || !runs.includes(wanted)) {
    return yield* Effect.fail(
      new CliError({
        exit: "usage",
        code: "NO_REPORT",
        message: wanted === undefined ? "nothing was run here yet" : `there is no report of a run "${wanted}"`,
        next: runs.length === 0 ? ["destiny scenario run steady"] : [`runs: ${runs.join(", ")}`],
      }),
    );
  }
  return JSON.parse(fs.readFileSync(path.join(runsFolder, wanted, reportFile), "utf8")) as RunReport;
});
