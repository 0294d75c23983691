/** A running instance, as the commands that work on one need it. */
import * as Effect from "effect/Effect";
import { asCliError, CliError } from "../CliError.ts";
import { type InstancePaths, instancePaths } from "../instance/Home.ts";
import { type Instance, readInstance } from "../instance/InstanceFile.ts";
import { holder } from "../instance/InstanceLock.ts";
import { system } from "../instance/ProcessTable.ts";
import type { StatusReport } from "../StatusReport.ts";
import { call } from "../supervisor/Control.ts";
import * as Topology from "../supervisor/Topology.ts";

export interface Connection {
  readonly instance: Instance;
  readonly paths: InstancePaths;
  /** Server, ending with a slash. */
  readonly databaseUrl: string;
  readonly gatewayUrl: string;
  readonly simulatorUrls: Readonly<Record<string, string>>;
  readonly status: Effect.Effect<StatusReport, CliError>;
  /** kill -9 of a service; answers when it is ready again. */
  readonly kill: (service: string) => Effect.Effect<{ readonly recoveredMs: number }, CliError>;
  /** The same with a drain in place of the kill. */
  readonly restart: (service: string) => Effect.Effect<{ readonly recoveredMs: number }, CliError>;
}

const statusTimeoutMillis = 10_000;
/** As long as a service may take to drain, to start and to be ready, see `UnitLimits`. */
const cycleTimeoutMillis = 75_000;

export const addresses = (instance: Instance) => ({
  databaseUrl: Topology.databaseUrl(instance),
  gatewayUrl: `http://127.0.0.1:${Topology.portOf(instance, "gateway") ?? 0}`,
  simulatorUrls: {
    TOSSPAYMENTS: Topology.simulatorUrl(instance, "toss"),
    PORTONE: Topology.simulatorUrl(instance, "portone"),
    BOOTPAY: Topology.simulatorUrl(instance, "bootpay"),
  },
});

const notRunning = (name: string): CliError =>
  new CliError({
    exit: "unhealthy",
    code: "NOT_RUNNING",
    message: `instance ${name} is not running`,
    next: [`destiny up --detach --instance ${name}`],
  });

/** Fails when the instance has no supervisor. */
export const connect = Effect.fnUntraced(function* (name: string): Effect.fn.Return<Connection, CliError> {
  const paths = instancePaths(name);
  const instance = yield* Effect.try({ try: () => readInstance(paths), catch: asCliError });
  if (instance === undefined || holder(system, paths.lockDirectory) === undefined)
    return yield* Effect.fail(notRunning(name));
  const ask = <A>(method: "GET" | "POST", path: string, timeoutMillis: number): Effect.Effect<A, CliError> =>
    Effect.tryPromise({
      try: () => call(paths.socket, method, path, timeoutMillis) as Promise<A>,
      catch: asCliError,
    });
  return {
    instance,
    paths,
    ...addresses(instance),
    status: ask("GET", "/status", statusTimeoutMillis),
    kill: (service) => ask("POST", `/services/${encodeURIComponent(service)}/kill`, cycleTimeoutMillis),
    restart: (service) => ask("POST", `/services/${encodeURIComponent(service)}/restart`, cycleTimeoutMillis),
  };
});
