/**
 * `npm start`: a shop of its own, seeded, rehearsed, audited and stopped again.
 *
 * Guarantee: the instance is wiped at the beginning, so what a killed rehearsal left behind never counts; one that runs is
 * never wiped by another, which fails with ALREADY_RUNNING instead; everything is stopped however it ends.
 */
import { type Scenario, Thresholds } from "@destiny/testkit/scenario";
import * as Effect from "effect/Effect";
import { CliError } from "../CliError.ts";
import type { RunReport } from "../RunReport.ts";
import * as Catalogue from "../seed/Catalogue.ts";
import * as Supervisor from "../supervisor/Supervisor.ts";
import { addresses, type Connection } from "./connect.ts";
import { wipe } from "./down.ts";
import * as Scenarios from "./scenario.ts";
import { seed } from "./seed.ts";
import { quiet } from "./SeedBars.ts";

export interface RehearseOptions extends Scenarios.ScenarioOptions {
  readonly instance: string;
  /** All services in one process. */
  readonly single: boolean;
  /** Keeps the shop running after the verdict, until Ctrl-C. */
  readonly keep: boolean;
  readonly onReport: (report: RunReport) => void;
}

const stopped = (name: string): CliError =>
  new CliError({
    exit: "interrupted",
    code: "STOPPED",
    message: `somebody stopped instance ${name} during the rehearsal`,
    next: ["npm start begins a new one"],
  });

/** Refused before anything is wiped: the fault could not be carried out, and the verdict would be a FAIL that proves nothing. */
const requireProcesses = (scenario: Scenario, single: boolean): Effect.Effect<void, CliError> =>
  single && scenario.faults.some(Thresholds.isRestart)
    ? Effect.fail(
        new CliError({
          exit: "usage",
          code: "ONE_PROCESS",
          message: `"${scenario.name}" kills a single service, which --single does not have`,
          next: [`destiny rehearse ${scenario.name}`, "destiny rehearse knee --single"],
        }),
      )
    : Effect.void;

export const rehearse = (options: RehearseOptions): Effect.Effect<RunReport, CliError> =>
  Effect.gen(function* () {
    const scenario = yield* Scenarios.load(options.scenario);
    yield* requireProcesses(scenario, options.single);
    yield* wipe(options.instance, options.progress);
    const supervisor = yield* Supervisor.start({
      instance: options.instance,
      single: options.single,
      settings: Scenarios.settingsOf(scenario),
      onProgress: options.progress,
    });
    const connection: Connection = {
      instance: supervisor.instance,
      paths: supervisor.paths,
      ...addresses(supervisor.instance),
      status: supervisor.status,
      kill: supervisor.kill,
      restart: supervisor.restart,
    };
    const report = yield* Effect.gen(function* () {
      const { brands, products, users } = Catalogue.scales.S;
      options.progress(`seeding ${brands} brands, ${products} products and ${users} shoppers`);
      yield* seed({
        instance: options.instance,
        databaseUrl: connection.databaseUrl,
        scale: "S",
        seed: options.seed,
        hot: scenario.needs.hot,
        onProgress: quiet.show,
      });
      return yield* Scenarios.run(connection, options);
    }).pipe(Effect.raceFirst(Effect.andThen(supervisor.stopRequested, Effect.fail(stopped(options.instance)))));
    options.onReport(report);
    if (options.keep) {
      options.progress(
        `the shop stays up: ${connection.gatewayUrl} (Ctrl-C, or destiny down --instance ${options.instance})`,
      );
      yield* supervisor.stopRequested;
    }
    return report;
  }).pipe(Effect.scoped);
