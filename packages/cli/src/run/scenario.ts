/**
 * Runs a scenario on a running shop: load in a process of its own, faults on time, then the audits and the verdict.
 */
import * as fs from "node:fs";
import * as path from "node:path";
import { pathToFileURL } from "node:url";
import { figures } from "@destiny/services/payment/figures";
import { LoadProcess, Samples, type Scenario, Summary, type Thresholds } from "@destiny/testkit/scenario";
import * as PgClient from "@effect/sql-pg/PgClient";
import * as Clock from "effect/Clock";
import * as Deferred from "effect/Deferred";
import * as Effect from "effect/Effect";
import * as Fiber from "effect/Fiber";
import * as Redacted from "effect/Redacted";
import * as SqlClient from "effect/sql/SqlClient";
import { asCliError, CliError } from "../CliError.ts";
import { repositoryRoot } from "../instance/Home.ts";
import type { RunReport } from "../RunReport.ts";
import * as Catalogue from "../seed/Catalogue.ts";
import * as Scheduling from "../supervisor/Scheduling.ts";
import type { Connection } from "./connect.ts";
import type { LiveTable } from "./LiveTable.ts";
import { injectAll } from "./faults.ts";
import { assemble } from "./Report.ts";
import * as Usage from "./Usage.ts";
import { audit } from "./verify.ts";

export interface ScenarioOptions {
  readonly scenario: string;
  readonly peakPerSecond?: number | undefined;
  readonly durationSeconds?: number | undefined;
  readonly seed: number;
  readonly timings: Thresholds.Timings;
  readonly progress: (line: string) => void;
  readonly live: LiveTable;
}

const scenariosFolder = path.join(repositoryRoot, "scenarios");

/**
 * The load process shares two cores with the shop. What it allocates lives as long as a request, so a larger nursery than
 * Node's spares it most of its garbage collection (13 % of its time at 130 orders/s); its memory is not the shop's.
 */
const loadFlags = ["--conditions=@destiny/source", "--max-semi-space-size=64"];

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

const seconds = (name: string, value: number | undefined): Readonly<Record<string, string>> =>
  value === undefined ? {} : { [name]: `${value} seconds` };

/** What the services have to be told before a scenario with these timings makes sense. */
export const settingsOf = ({ timings }: Scenario): Readonly<Record<string, string>> => ({
  DESTINY_PAYMENT_WINDOW: `${timings.paymentWindowSeconds} seconds`,
  DESTINY_HOLD_LIFETIME: `${timings.holdSeconds} seconds`,
  ...seconds("DESTINY_PAYMENT_SETTLE", timings.settleSeconds),
  ...seconds("DESTINY_PAYMENT_TIMEOUT", timings.gatewayTimeoutSeconds),
});

/** A shopper who leaves an order unpaid waits for the window's end, so a shop with another window is another scenario. */
const requireTimings = (scenario: Scenario, { instance, status }: Connection): Effect.Effect<void, CliError> =>
  Effect.gen(function* () {
    const { settings } = yield* status;
    const wanted = Object.entries(settingsOf(scenario));
    if (wanted.every(([name, value]) => settings[name] === value)) return;
    const prefix = wanted.map(([name, value]) => `${name}="${value}"`).join(" ");
    return yield* Effect.fail(
      new CliError({
        exit: "conflict",
        code: "OTHER_TIMINGS",
        message: `instance ${instance.name} runs with other timings than "${scenario.name}" is written for`,
        next: [
          `destiny down --instance ${instance.name} && ${prefix} destiny up --detach --instance ${instance.name}`,
          `destiny rehearse ${scenario.name} starts a shop with the right ones`,
        ],
      }),
    );
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

const runName = (scenario: string, at: number): string =>
  `${scenario}-${new Date(at).toISOString().slice(0, 19).replaceAll(/[-:]/g, "").replace("T", "-")}`;

export const run = Effect.fnUntraced(function* (
  connection: Connection,
  options: ScenarioOptions,
): Effect.fn.Return<RunReport, CliError> {
  const scenario = yield* load(options.scenario);
  yield* requireTimings(scenario, connection);
  // For the load process: it shares the cores with the shop like any other part of it, whoever started that.
  yield* Scheduling.batch;
  const name = runName(scenario.name, yield* Clock.currentTimeMillis);
  const folder = path.join(connection.paths.runs, name);
  fs.mkdirSync(folder, { recursive: true });
  const { hot = Catalogue.defaultHot } = scenario.needs;
  const catalogue = Catalogue.make("S", options.seed, hot);
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
    couponTemplateId: catalogue.drop.templateId,
    hotProductIds: catalogue.products.slice(0, hot.products).map(({ id }) => id),
    folder,
  };

  const started = yield* Deferred.make<{ readonly at: number; readonly lengthMillis: number }>();
  const faults = yield* Effect.forkChild(
    Effect.flatMap(Deferred.await(started), (begun) => injectAll(scenario, connection, begun, options.live.note)),
  );
  const observer = Usage.observe(connection.status);
  const sampler = yield* Effect.forkChild(observer.sampling);
  const summary = yield* LoadProcess.run({
    job,
    onProgress: (progress) => {
      if (progress.type === "started") Deferred.doneUnsafe(started, Effect.succeed(progress));
      if (progress.type === "second") observer.second(progress);
      options.live.show(progress);
    },
    execArgv: loadFlags,
  }).pipe(
    Effect.mapError(
      ({ message }) =>
        new CliError({
          exit: "tool",
          code: "LOAD_FAILED",
          message: `the load process failed: ${message}`,
          next: [
            `destiny seed --instance ${connection.instance.name} fills a shop that has no products or shoppers`,
            `destiny logs gateway --instance ${connection.instance.name}`,
          ],
        }),
    ),
    // Also when it is interrupted: what is said while the shop stops belongs below the table.
    Effect.ensuring(Effect.sync(options.live.end)),
  );
  // A fault near the end may still be recovering; the audit waits for a whole shop.
  yield* Fiber.await(faults);

  options.progress("waiting until the shop is quiet, then auditing");
  const auditedAt = yield* Clock.currentTimeMillis;
  const audited = yield* audit({
    databaseUrl: connection.databaseUrl,
    simulatorsFolder: connection.paths.simulators,
    runFolder: folder,
  });
  yield* Fiber.interrupt(sampler);
  const report = assemble({
    scenario,
    profile: connection.instance.profile,
    durability: yield* ask(connection, "destiny_order", durability),
    summary,
    samples: yield* Samples.read(path.join(folder, Summary.files.samples)).pipe(Effect.mapError(asCliError)),
    faults: yield* Fiber.join(faults),
    payments: yield* ask(connection, "destiny_payment", figures),
    usage: observer.usage(summary),
    auditedAt,
    audited,
    timings: options.timings,
  });
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
