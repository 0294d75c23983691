/**
 * Starts an instance and keeps it running.
 *
 * Guarantee: one supervisor per instance; everything it started ends with its scope, services before PostgreSQL; what
 * crashes is restarted on its data; a supervisor killed with -9 leaves no service behind (their lifeline closes), and the
 * next one takes over without help. Limits: `UnitLimits`, `maxLogBytes`.
 */
import * as fs from "node:fs";
import * as Deferred from "effect/Deferred";
import * as Effect from "effect/Effect";
import type * as Scope from "effect/Scope";
import { choices } from "../closest.ts";
import { asCliError, CliError } from "../CliError.ts";
import { defaultHome, type InstancePaths, instancePaths, repositoryRoot } from "../instance/Home.ts";
import { type Instance, openInstance, readInstance } from "../instance/InstanceFile.ts";
import { acquire } from "../instance/InstanceLock.ts";
import { freePortOffset, requireFree } from "../instance/Ports.ts";
import { type RecordedProcess, writeProcesses } from "../instance/ProcessesFile.ts";
import { identify, system } from "../instance/ProcessTable.ts";
import type { Restart, StatusReport } from "../StatusReport.ts";
import { serve } from "./Control.ts";
import { databaseUnit, type StartDatabase } from "./Database.ts";
import { embeddedPort, startEmbedded } from "./EmbeddedPostgres.ts";
import { logCheckMillis, logFile, rotate, tail } from "./Logs.ts";
import { reap } from "./Reap.ts";
import { logCommand, type ProcessSpec, unitSpec } from "./ServiceProcess.ts";
import { report } from "./Status.ts";
import * as Scheduling from "./Scheduling.ts";
import * as Scripts from "./Scripts.ts";
import * as Topology from "./Topology.ts";
import { defaultLimits, make as makeUnit, type Unit, type UnitLimits } from "./Unit.ts";

export interface SupervisorOptions {
  readonly instance: string;
  /** Replaces `.destiny` of the repository root. */
  readonly home?: string;
  /** All services in one process. */
  readonly single?: boolean;
  /** `DESTINY_*` settings for the services, such as `DESTINY_PAYMENT_WINDOW`. */
  readonly settings?: Readonly<Record<string, string>>;
  /** One line per event, for people. */
  readonly onProgress?: (line: string) => void;
  readonly limits?: Partial<UnitLimits>;
  /** Replaces the shop's processes. */
  readonly processes?: (options: Topology.TopologyOptions) => ReadonlyArray<ProcessSpec>;
  /** Replaces the embedded PostgreSQL; `null` runs without a database. */
  readonly startDatabase?: StartDatabase | null;
}

export interface SupervisorHandle {
  readonly instance: Instance;
  readonly paths: InstancePaths;
  /** Ends with a slash; append the name of a database. */
  readonly databaseUrl: string;
  readonly gatewayUrl: string;
  readonly status: Effect.Effect<StatusReport>;
  /** kill -9 of a service's process group, or of PostgreSQL; returns when it is ready again. */
  readonly kill: (
    service: string,
  ) => Effect.Effect<{ readonly service: string; readonly recoveredMs: number }, CliError>;
  /** The same with a drain in place of the kill. */
  readonly restart: (
    service: string,
  ) => Effect.Effect<{ readonly service: string; readonly recoveredMs: number }, CliError>;
  readonly restarts: Effect.Effect<ReadonlyArray<Restart>>;
  /** Completes when somebody asked for a stop over the control channel; closing the scope does the stopping. */
  readonly stopRequested: Effect.Effect<void>;
}

/** A shutdown writes a checkpoint, which takes its time on a slow disk. */
const databaseStopTimeoutMillis = 45_000;

const attempt = <A>(body: () => Promise<A> | A): Effect.Effect<A, CliError> =>
  Effect.tryPromise({ try: async () => body(), catch: asCliError });

const unknownService = (name: string, known: ReadonlyArray<string>): CliError =>
  new CliError({
    exit: "usage",
    code: "UNKNOWN_SERVICE",
    message: `there is no service "${name}"`,
    next: choices(name, known, "services"),
  });

export const start = (options: SupervisorOptions): Effect.Effect<SupervisorHandle, CliError, Scope.Scope> =>
  Effect.gen(function* () {
    const table = system;
    const progress = options.onProgress ?? (() => {});
    const paths = instancePaths(options.instance, options.home ?? defaultHome());
    yield* acquire(table, paths);
    yield* Scheduling.batch;
    const instance = yield* attempt(async () => {
      for (const folder of [paths.logs, paths.runs, paths.simulators]) fs.mkdirSync(folder, { recursive: true });
      return readInstance(paths) ?? openInstance(paths, await freePortOffset(paths, Topology.portsOf));
    });
    const limits: UnitLimits = { ...defaultLimits, ...options.limits };
    yield* reap(table, paths, instance, progress, limits.drainTimeoutMillis);

    const single = options.single ?? false;
    const describe = options.processes ?? Topology.topology;
    const processes = describe({
      instance,
      paths,
      single,
      settings: options.settings ?? {},
      scripts: () => Scripts.current(),
    });
    const hosts = processes.flatMap((spec) => spec.hosts);
    yield* attempt(() => requireFree(table, hosts));
    if (options.startDatabase === undefined) {
      const port = Topology.postgresPort + instance.portOffset;
      // A server of our own that a killed supervisor left on the port is adopted.
      const adopted = (yield* embeddedPort(paths.postgres)) === port;
      if (!adopted) yield* attempt(() => requireFree(table, [{ port, name: "postgres" }]));
    }

    const since = new Date().toISOString();
    const self = identify(table, process.pid);
    const recorded = new Map<number, RecordedProcess>();
    const record = (): void =>
      writeProcesses(paths.processesFile, {
        schemaVersion: 1,
        supervisor: self === undefined ? null : { ...self, since },
        processes: [...recorded.values()],
      });
    record();
    yield* Effect.addFinalizer(() =>
      Effect.sync(() =>
        writeProcesses(paths.processesFile, { schemaVersion: 1, supervisor: null, processes: [...recorded.values()] }),
      ),
    );

    const announced = new Map<string, string>();
    const units: Array<Unit> = [];
    const announce = (): void => {
      for (const unit of units) {
        const state = unit.state();
        if (announced.get(unit.name) === state) continue;
        announced.set(unit.name, state);
        const reason = state === "restarting" ? ` (${unit.lastEnd()})` : "";
        progress(`${unit.name}: ${state}${reason}`);
      }
    };
    const add = (unit: Unit): Unit => {
      units.push(unit);
      return unit;
    };

    let databaseVersion = "";
    const stopSignal = yield* Deferred.make<void>();
    const unitOf = (name: string): Effect.Effect<Unit, CliError> => {
      const host = processes.find((spec) => spec.name === name || spec.hosts.some((hosted) => hosted.name === name));
      const unit = units.find((candidate) => candidate.name === (host?.name ?? name));
      const known = [...units.map((candidate) => candidate.name), ...hosts.map((hosted) => hosted.name)];
      return unit === undefined ? Effect.fail(unknownService(name, [...new Set(known)])) : Effect.succeed(unit);
    };

    const handle: SupervisorHandle = {
      instance,
      paths,
      databaseUrl: Topology.databaseUrl(instance),
      gatewayUrl: `http://127.0.0.1:${Topology.portOf(instance, "gateway") ?? 0}`,
      status: Effect.promise(() =>
        report({ instance, processes, units, since, databaseVersion, settings: options.settings ?? {} }),
      ),
      kill: (name) => Effect.flatMap(unitOf(name), (unit) => unit.cycle("kill")),
      restart: (name) => Effect.flatMap(unitOf(name), (unit) => unit.cycle("drain")),
      restarts: Effect.sync(() => units.flatMap((unit) => unit.restarts()).sort((a, b) => a.at.localeCompare(b.at))),
      stopRequested: Deferred.await(stopSignal),
    };

    const unlessStopped = <A>(self: Effect.Effect<A, CliError>): Effect.Effect<A, CliError> =>
      Effect.raceFirst(
        self,
        Effect.andThen(
          Deferred.await(stopSignal),
          Effect.fail(
            new CliError({
              exit: "interrupted",
              code: "STOPPED",
              message: "a stop was requested before everything was ready",
              next: ["destiny up starts it again"],
            }),
          ),
        ),
      );

    const answer = (segments: ReadonlyArray<string>, method: string): Effect.Effect<unknown, CliError> => {
      const [what, name, verb] = segments;
      if (what === "status" && method === "GET") return handle.status;
      if (what === "stop" && method === "POST") return Deferred.succeed(stopSignal, undefined);
      if (what === "services" && name !== undefined && method === "POST") {
        if (verb === "kill") return handle.kill(name);
        if (verb === "restart") return handle.restart(name);
      }
      return Effect.fail(
        new CliError({
          exit: "usage",
          code: "UNKNOWN_REQUEST",
          message: `the supervisor does not know ${method} /${segments.join("/")}`,
          next: ["use the same version of destiny for all commands of an instance"],
        }),
      );
    };
    const runPromise = Effect.runPromiseWith(yield* Effect.context());
    yield* Effect.acquireRelease(
      attempt(() => serve(paths.socket, (segments, method) => runPromise(answer(segments, method)))),
      (server) =>
        Effect.sync(() => {
          server.close();
          server.closeAllConnections();
        }),
    );

    const startDatabase = options.startDatabase === undefined ? startEmbedded : options.startDatabase;
    const database =
      startDatabase === null
        ? undefined
        : add(
            yield* makeUnit(
              databaseUnit(
                startDatabase,
                {
                  instanceId: instance.id,
                  directory: paths.postgres,
                  port: Topology.postgresPort + instance.portOffset,
                  password: instance.secrets.postgresPassword,
                  maxConnections: Topology.maxConnections,
                  logFile: logFile(paths.logs, "postgres"),
                  databases: Topology.databases,
                },
                {
                  tail: () => tail(logFile(paths.logs, "postgres"), 15).lines,
                  logCommand: logCommand("postgres", instance.name),
                },
                (version) => (databaseVersion = version),
              ),
              { ...limits, drainTimeoutMillis: databaseStopTimeoutMillis },
              announce,
            ),
          );
    if (database !== undefined) {
      // Finalizers run in reverse order, so PostgreSQL outlives the services.
      yield* Effect.addFinalizer(() => database.stop);
      yield* unlessStopped(database.firstReady);
    }

    const spawnUnit = (spec: ProcessSpec): Effect.Effect<Unit, never, Scope.Scope> =>
      makeUnit(
        unitSpec(spec, {
          instanceId: instance.id,
          instance: instance.name,
          cwd: repositoryRoot,
          logs: paths.logs,
          onSpawn: (pid, script) => {
            const identity = identify(table, pid);
            if (identity === undefined) return;
            const ports = spec.hosts.map((host) => host.port);
            recorded.set(pid, { ...identity, service: spec.name, ports, script, startedAt: new Date().toISOString() });
            record();
          },
          onExit: (pid) => {
            recorded.delete(pid);
            record();
          },
        }),
        limits,
        announce,
      ).pipe(Effect.map(add));

    const stopAll = (list: ReadonlyArray<Unit>): Effect.Effect<void> =>
      Effect.forEach(list, (unit) => unit.stop, { concurrency: "unbounded", discard: true });
    const running: Array<Unit> = [];
    // The edge first, so that no new work comes in while the others drain; then the rest; simulators last of all.
    yield* Effect.addFinalizer(() => {
      const edge = running.filter((unit) => unit.name === "gateway");
      const outside = running.filter((unit) => unit.name === "simulators");
      const inner = running.filter((unit) => !edge.includes(unit) && !outside.includes(unit));
      return Effect.andThen(stopAll(edge), Effect.andThen(stopAll(inner), stopAll(outside)));
    });
    for (const spec of processes) running.push(yield* spawnUnit(spec));
    yield* unlessStopped(
      Effect.forEach(running, (unit) => unit.firstReady, { concurrency: "unbounded", discard: true }),
    );

    yield* Effect.forkScoped(
      Effect.forever(
        Effect.andThen(
          Effect.sleep(logCheckMillis),
          Effect.sync(() => rotate(paths.logs)),
        ),
      ),
    );

    return handle;
  });
