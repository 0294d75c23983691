/** `destiny status`: from the supervisor when one answers, else from the files. */
import * as Effect from "effect/Effect";
import { asCliError, type CliError } from "../CliError.ts";
import { instancePaths } from "../instance/Home.ts";
import { readInstance } from "../instance/InstanceFile.ts";
import { holder } from "../instance/InstanceLock.ts";
import { readProcesses } from "../instance/ProcessesFile.ts";
import { system } from "../instance/ProcessTable.ts";
import { isHealthy, type StatusReport } from "../StatusReport.ts";
import { call } from "../supervisor/Control.ts";
import { reportStopped } from "../supervisor/Status.ts";

const controlTimeoutMillis = 10_000;

export interface StatusResult {
  /** Absent when there is no such instance. */
  readonly report: StatusReport | undefined;
  /** False when something that should run does not; an instance that was stopped is as expected. */
  readonly expected: boolean;
}

export const status = (name: string, home?: string): Effect.Effect<StatusResult, CliError> =>
  Effect.tryPromise({
    try: async (): Promise<StatusResult> => {
      const paths = instancePaths(name, home);
      const instance = readInstance(paths);
      if (instance === undefined) return { report: undefined, expected: true };
      if (holder(system, paths.lockDirectory) === undefined) {
        const left = readProcesses(paths.processesFile);
        const stopped = left.supervisor === null && left.processes.length === 0;
        return { report: reportStopped(system, paths, instance), expected: stopped };
      }
      // Both ends are of the same version: the supervisor runs these very sources.
      const report = (await call(paths.socket, "GET", "/status", controlTimeoutMillis)) as StatusReport;
      return { report, expected: isHealthy(report) };
    },
    catch: asCliError,
  });

const watchMillis = 1_000;

/** What a watcher wants to see again; memory moves all the time and is not a change. */
const changing = ({ report, expected }: StatusResult): string =>
  JSON.stringify([
    expected,
    report?.supervisor,
    report?.services.map(({ name, pid, restarts, state }) => [name, pid, restarts, state]),
    report?.components.map(({ healthy }) => healthy),
  ]);

/** Reads again and again, and says with each whether something changed; `rounds` ends it, for tests. */
export const watch = (
  name: string,
  show: (result: StatusResult, changed: boolean) => void,
  options: { readonly home?: string; readonly rounds?: number } = {},
): Effect.Effect<void, CliError> =>
  Effect.gen(function* () {
    let before = "";
    for (let round = 0; round < (options.rounds ?? Number.POSITIVE_INFINITY); round++) {
      const result = yield* status(name, options.home).pipe(
        // A supervisor that starts or leaves just now does not answer: the next look says how it is.
        Effect.catchIf(
          ({ exit }) => exit === "unhealthy",
          () => Effect.succeed<StatusResult>({ report: undefined, expected: false }),
        ),
      );
      const now = changing(result);
      show(result, now !== before);
      before = now;
      yield* Effect.sleep(watchMillis);
    }
  });
