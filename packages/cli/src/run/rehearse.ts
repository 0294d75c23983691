/**
 * `npm start`: a shop of its own, seeded, rehearsed, audited and stopped again.
 *
 * Uses the instance `start`, which is wiped at the beginning: what a killed rehearsal left behind never counts.
 */
import * as Effect from "effect/Effect";
import { CliError } from "../CliError.ts";
import { instancePaths } from "../instance/Home.ts";
import { holder } from "../instance/InstanceLock.ts";
import { system } from "../instance/ProcessTable.ts";
import type { RunReport } from "../RunReport.ts";
import * as Supervisor from "../supervisor/Supervisor.ts";
import { addresses, type Connection } from "./connect.ts";
import { down } from "./down.ts";
import * as Scenario from "./scenario.ts";
import { seed } from "./seed.ts";

export interface RehearseOptions extends Scenario.ScenarioOptions {
  readonly instance: string;
  /** Keeps the shop running after the verdict, until Ctrl-C. */
  readonly keep: boolean;
  readonly onReport: (report: RunReport) => void;
}

/** A rehearsal that runs is never wiped by another one. */
const refuseSecond = (name: string): Effect.Effect<void, CliError> =>
  Effect.suspend(() => {
    const held = holder(system, instancePaths(name).lockDirectory);
    return held === undefined
      ? Effect.void
      : Effect.fail(
          new CliError({
            exit: "conflict",
            code: "ALREADY_RUNNING",
            message: `another rehearsal is running (instance ${name}, pid ${held.pid})`,
            next: [`wait for it, or stop it: destiny down --instance ${name}`],
          }),
        );
  });

export const rehearse = (options: RehearseOptions): Effect.Effect<RunReport, CliError> =>
  Effect.gen(function* () {
    const scenario = yield* Scenario.load(options.scenario);
    yield* refuseSecond(options.instance);
    yield* down({ instance: options.instance, volumes: true, progress: () => {} });
    const supervisor = yield* Supervisor.start({
      instance: options.instance,
      settings: Scenario.settingsOf(scenario),
      onProgress: options.progress,
    });
    const connection: Connection = {
      instance: supervisor.instance,
      paths: supervisor.paths,
      ...addresses(supervisor.instance),
      status: supervisor.status,
      kill: supervisor.kill,
    };
    options.progress("seeding 5 brands, 200 products and 1,000 shoppers");
    yield* seed({
      instance: options.instance,
      databaseUrl: connection.databaseUrl,
      scale: "S",
      seed: options.seed,
      progress: options.progress,
    });
    const report = yield* Scenario.run(connection, options);
    options.onReport(report);
    if (options.keep) {
      options.progress(
        `the shop stays up: ${connection.gatewayUrl} (Ctrl-C, or destiny down --instance ${options.instance})`,
      );
      yield* supervisor.stopRequested;
    }
    return report;
  }).pipe(Effect.scoped);
