/**
 * The embedded PostgreSQL of an instance, behind the supervisor's own port (`StartDatabase`).
 *
 * Guarantee: data survives every end of the server and of the supervisor; a server left running by a killed supervisor
 * is adopted. The engine is imported when it is needed, because status, logs and help do without it.
 */
import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import * as Redacted from "effect/Redacted";
import { asCliError, CliError } from "../CliError.ts";
import { isAlive, identify, system } from "../instance/ProcessTable.ts";
import type { StartDatabase } from "./Database.ts";

// The server is no child of ours (it outlives us), so its end is seen by looking.
const watchMillis = 100;

const engine = Effect.promise(() => import("@destiny/testkit/postgres"));

const explain = (error: unknown): CliError => {
  const reason = typeof error === "object" && error !== null && "reason" in error ? error.reason : undefined;
  const tag = typeof reason === "object" && reason !== null && "_tag" in reason ? String(reason._tag) : undefined;
  if (tag === undefined || !(error instanceof Error)) return asCliError(error);
  const details = error.message.split("\n").slice(1);
  const message = error.message.split("\n")[0] ?? tag;
  if (tag === "PortInUse") {
    const next = ["stop that program, or start on other ports: destiny up --instance NAME"];
    return new CliError({ exit: "conflict", code: "PORT_TAKEN", message, details, next, cause: error });
  }
  if (tag === "PasswordRefused") {
    const next = ["restore the instance.json that belongs to this data, or begin again: destiny down --volumes"];
    return new CliError({ exit: "conflict", code: "DATABASE_PASSWORD", message, details, next, cause: error });
  }
  if (tag === "NotSupported" || tag === "UnsafePath" || tag === "FileFailed") {
    const next = ["DESTINY_HOME names another folder for the instance's state"];
    return new CliError({ exit: "environment", code: "DATABASE_ENVIRONMENT", message, details, next, cause: error });
  }
  const next = ["destiny logs postgres shows the whole log"];
  return new CliError({ exit: "unhealthy", code: "DATABASE", message, details, next, cause: error });
};

export const startEmbedded: StartDatabase = (options) =>
  Effect.gen(function* () {
    const runPromise = Effect.runPromiseWith(yield* Effect.context());
    const { InstanceCluster } = yield* engine;
    const cluster = yield* InstanceCluster.start({
      directory: options.directory,
      port: options.port,
      password: Redacted.make(options.password),
      maxConnections: options.maxConnections,
      logFile: options.logFile,
      instance: options.instanceId,
    });
    yield* cluster.createDatabases(options.databases);
    const { server_version: version = "" } = yield* cluster.settings(["server_version"]);
    const identity = identify(system, cluster.pid);
    const alive = (): boolean => identity !== undefined && isAlive(system, identity);
    return {
      pid: cluster.pid,
      version,
      exited: new Promise<string>((resolve) => {
        const watch = setInterval(() => {
          if (alive()) return;
          clearInterval(watch);
          resolve("the server is gone");
        }, watchMillis);
      }),
      stop: () => void runPromise(Effect.ignore(InstanceCluster.stop({ directory: options.directory }))),
      kill: () => {
        if (alive()) system.signal(cluster.pid, "SIGKILL");
      },
    };
  }).pipe(Effect.mapError(explain), Effect.runPromise);

/** A server that runs on this directory already. */
export const embedded = (
  directory: string,
): Effect.Effect<{ readonly pid: number; readonly port: number } | undefined> =>
  Effect.gen(function* () {
    const { InstanceCluster } = yield* engine;
    return Option.getOrUndefined(yield* InstanceCluster.running({ directory }));
  });

/** Its port. */
export const embeddedPort = (directory: string): Effect.Effect<number | undefined> =>
  Effect.map(embedded(directory), (server) => server?.port);

/** Ends the server, from any process; says whether one ran. */
export const stopEmbedded = (directory: string): Effect.Effect<boolean, CliError> =>
  Effect.gen(function* () {
    const { InstanceCluster } = yield* engine;
    return (yield* InstanceCluster.stop({ directory })) !== "notRunning";
  }).pipe(Effect.mapError(explain));

/** Ends the server and deletes its data, wherever it lies. */
export const removeEmbedded = (directory: string): Effect.Effect<void, CliError> =>
  Effect.gen(function* () {
    const { InstanceCluster } = yield* engine;
    yield* InstanceCluster.remove({ directory });
  }).pipe(Effect.mapError(explain));
