/** `destiny down`: asks the supervisor; without one, ends what is left. It always converges and may be repeated. */
import * as fs from "node:fs";
import * as path from "node:path";
import * as Effect from "effect/Effect";
import { asCliError, CliError } from "../CliError.ts";
import { instancePaths } from "../instance/Home.ts";
import { readInstance } from "../instance/InstanceFile.ts";
import { acquire, type Held, holder } from "../instance/InstanceLock.ts";
import { noProcesses, writeProcesses } from "../instance/ProcessesFile.ts";
import { isAlive, system } from "../instance/ProcessTable.ts";
import { call } from "../supervisor/Control.ts";
import { removeEmbedded, stopEmbedded } from "../supervisor/EmbeddedPostgres.ts";
import { reap } from "../supervisor/Reap.ts";

export interface DownOptions {
  readonly instance: string;
  readonly volumes: boolean;
  readonly home?: string;
  readonly progress: (line: string) => void;
}

export interface DownResult {
  readonly instance: string;
  readonly wasRunning: boolean;
  /** Processes of a killed supervisor that had to be ended. */
  readonly reaped: number;
  readonly removed: boolean;
}

const stopWaitMillis = 60_000;
const killWaitMillis = 5_000;
const controlTimeoutMillis = 5_000;
const pollMillis = 50;

const untilGone = (held: Held, lockDirectory: string, millis: number): Effect.Effect<boolean> =>
  Effect.gen(function* () {
    for (let waited = 0; waited < millis; waited += pollMillis) {
      if (holder(system, lockDirectory)?.pid !== held.pid) return true;
      yield* Effect.sleep(pollMillis);
    }
    return false;
  });

/** The holder of the lock is the supervisor; its identity is read again right before the signal. */
const signalSupervisor = (lockDirectory: string, held: Held, signal: NodeJS.Signals): Effect.Effect<void> =>
  Effect.sync(() => {
    const now = holder(system, lockDirectory);
    if (now?.pid === held.pid && now.startTime === held.startTime) system.signal(held.pid, signal);
  });

export const endSupervisor = (lockDirectory: string, held: Held): Effect.Effect<void, CliError> =>
  Effect.gen(function* () {
    yield* signalSupervisor(lockDirectory, held, "SIGKILL");
    if (yield* untilGone(held, lockDirectory, killWaitMillis)) return;
    return yield* Effect.fail(
      new CliError({
        exit: "unhealthy",
        code: "SUPERVISOR_SURVIVED",
        message: `the supervisor (pid ${held.pid}) did not end`,
        next: [`look at it: ps -o pid,stat,wchan,command -p ${held.pid}`],
      }),
    );
  });

/**
 * Empties the folder of an instance that nobody supervises, its lock excepted: whoever waits for the lock keeps its claim.
 * Fails with ALREADY_RUNNING when somebody does.
 */
export const wipe = (name: string, progress: (line: string) => void, home?: string): Effect.Effect<void, CliError> =>
  Effect.gen(function* () {
    const paths = instancePaths(name, home);
    yield* acquire(system, paths);
    const instance = yield* Effect.try({ try: () => readInstance(paths), catch: asCliError }).pipe(
      Effect.orElseSucceed(() => undefined),
    );
    if (instance !== undefined) yield* reap(system, paths, instance, progress);
    yield* removeEmbedded(paths.postgres);
    for (const entry of fs.readdirSync(paths.directory)) {
      const file = path.join(paths.directory, entry);
      if (file !== paths.lockDirectory) fs.rmSync(file, { recursive: true, force: true });
    }
    fs.rmSync(paths.socket, { force: true });
  }).pipe(Effect.scoped);

export const down = (options: DownOptions): Effect.Effect<DownResult, CliError> =>
  Effect.gen(function* () {
    const paths = instancePaths(options.instance, options.home);
    const held = holder(system, paths.lockDirectory);
    if (held !== undefined) {
      options.progress(`stopping ${options.instance} (supervisor pid ${held.pid})`);
      const asked = yield* Effect.tryPromise(() => call(paths.socket, "POST", "/stop", controlTimeoutMillis)).pipe(
        Effect.as(true),
        Effect.orElseSucceed(() => false),
      );
      if (!asked) yield* signalSupervisor(paths.lockDirectory, held, "SIGTERM");
      if (!(yield* untilGone(held, paths.lockDirectory, stopWaitMillis))) {
        options.progress(`not stopped within ${stopWaitMillis} ms: ending it by force`);
        yield* endSupervisor(paths.lockDirectory, held);
      }
      // The lock is released a moment before the process is gone.
      for (let waited = 0; waited < killWaitMillis && isAlive(system, held); waited += pollMillis) {
        yield* Effect.sleep(pollMillis);
      }
    }
    if (!fs.existsSync(paths.directory)) {
      return { instance: options.instance, wasRunning: held !== undefined, reaped: 0, removed: false };
    }
    yield* acquire(system, paths);
    // With --volumes an unreadable instance is deleted like any other; without, its processes cannot be told apart.
    const instance = yield* Effect.try({ try: () => readInstance(paths), catch: asCliError }).pipe(
      Effect.catch((error) => (options.volumes ? Effect.void : Effect.fail(error))),
    );
    const reaped = instance === undefined ? [] : yield* reap(system, paths, instance, options.progress);
    const stoppedDatabase = yield* stopEmbedded(paths.postgres);
    fs.rmSync(paths.socket, { force: true });
    if (options.volumes) {
      yield* removeEmbedded(paths.postgres);
      fs.rmSync(paths.directory, { recursive: true, force: true });
    } else writeProcesses(paths.processesFile, noProcesses);
    return {
      instance: options.instance,
      wasRunning: held !== undefined || reaped.length > 0 || stoppedDatabase,
      reaped: reaped.length,
      removed: options.volumes,
    };
  }).pipe(Effect.scoped);
