/**
 * The durable PostgreSQL cluster of one instance.
 *
 * Guarantee: a committed row survives the crash (`kill -9`) of any process of ours, of the starter and of PostgreSQL
 * itself: the server runs in a session of its own, with every durability setting on, and ends by `stop` alone.
 * Limits: one machine, 127.0.0.1 only, no unix socket. Uses the live clock; in tests run it with `it.live`.
 */
import { spawn } from "node:child_process";
import * as fs from "node:fs";
import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import type * as Redacted from "effect/Redacted";
import * as Account from "./Account.ts";
import * as Admin from "./Admin.ts";
import * as Binaries from "./Binaries.ts";
import * as Initdb from "./Initdb.ts";
import * as Location from "./Location.ts";
import * as Log from "./Log.ts";
import { fail, NotReady, PortInUse, PostgresError, StartFailed } from "./PostgresError.ts";
import * as Postmaster from "./Postmaster.ts";
import * as Settings from "./Settings.ts";

export interface Options {
  /** Folder of the cluster (`.destiny/<instance>/pg`): pointer, log and, if PostgreSQL can reach it, the data. */
  readonly directory: string;
  readonly port: number;
  /** Of the superuser; fixed when the data is created. */
  readonly password: Redacted.Redacted;
  /** Part of the server's command line as `cluster_name=destiny-<instance>`. Default: derived from the directory. */
  readonly instance?: string;
  /** Default `destiny`. */
  readonly superuser?: string;
  /** Default 200. */
  readonly maxConnections?: number;
  /** Default `<directory>/postgres.log`. */
  readonly logFile?: string;
  /** Includes crash recovery. Default 60 s. */
  readonly startTimeoutMillis?: number;
}

export interface InstanceCluster {
  readonly directory: string;
  readonly data: string;
  readonly logFile: string;
  readonly port: number;
  readonly pid: number;
  /** The data was created by this start. */
  readonly created: boolean;
  /** The server had been running already. */
  readonly adopted: boolean;
  /** `postgres://…` of a database. */
  readonly url: (database: string) => Redacted.Redacted;
  /** Creates the databases that are missing; safe to run from several processes at once. */
  readonly createDatabases: (names: ReadonlyArray<string>) => Effect.Effect<void, PostgresError>;
  /** Settings as the server has them now. Default: those that durability depends on. */
  readonly settings: (names?: ReadonlyArray<string>) => Effect.Effect<Readonly<Record<string, string>>, PostgresError>;
}

export const durabilitySettings = ["fsync", "synchronous_commit", "full_page_writes", "autovacuum"] as const;

const defaultStartTimeoutMillis = 60_000;
const defaultStopTimeoutMillis = 30_000;
/** After this PostgreSQL kills its own children, five seconds later it is gone. */
const immediateTimeoutMillis = 10_000;
const retryMillis = 100;

/** Another starter was faster, or back ends of a killed server still hold its shared memory: look again. */
const isTransient = (log: string): boolean => /lock file "postmaster\.pid"|pre-existing shared memory/.test(log);

interface Running {
  readonly postmaster: Postmaster.Postmaster;
  readonly adopted: boolean;
}

const launch = Effect.fn("InstanceCluster.launch")(function* (
  location: Location.Location,
  args: ReadonlyArray<string>,
  binaries: Binaries.Binaries,
  account: Account.Account,
): Effect.fn.Return<Option.Option<Running>, PostgresError> {
  const operation = "InstanceCluster.start";
  const child = yield* Effect.try({
    try: () => {
      const log = Log.open(location.logFile);
      try {
        // Detached: a session of its own, so neither a terminal's signals nor our group's reach it.
        const child = spawn(binaries.postgres, args, {
          ...account.ids,
          cwd: "/",
          env: { PATH: process.env["PATH"], LC_ALL: "C" },
          stdio: ["ignore", log, log],
          detached: true,
        });
        child.unref();
        child.on("error", () => undefined);
        return child;
      } finally {
        fs.closeSync(log);
      }
    },
    catch: (cause) => new PostgresError({ operation, reason: new StartFailed({ log: String(cause) }) }),
  });
  const ready = yield* Postmaster.poll(() => {
    const postmaster = Postmaster.find(location.data);
    if (postmaster?.pid === child.pid && postmaster?.status === "ready") return postmaster;
    return child.pid === undefined || Postmaster.commandLine(child.pid) === undefined ? "ended" : undefined;
  }, Number.POSITIVE_INFINITY);
  const postmaster = Option.getOrThrow(ready);
  if (postmaster !== "ended") return Option.some({ postmaster, adopted: false });
  const log = Log.tail(location.logFile, child.pid);
  if (log.includes("could not create any TCP/IP sockets")) {
    return yield* fail(operation, new PortInUse({ port: location.port }));
  }
  if (!isTransient(log)) return yield* fail(operation, new StartFailed({ log: log || Log.tail(location.logFile) }));
  yield* Effect.sleep(retryMillis);
  return Option.none();
});

/** One look at what is there, and one step towards a ready server on the wanted port; none: look again. */
const step = Effect.fn("InstanceCluster.step")(function* (
  location: Location.Location,
  args: ReadonlyArray<string>,
  binaries: Binaries.Binaries,
  account: Account.Account,
): Effect.fn.Return<Option.Option<Running>, PostgresError> {
  const live = Postmaster.find(location.data);
  if (live === undefined) {
    yield* Postmaster.disarmStale(location.data, account);
    return yield* launch(location, args, binaries, account);
  }
  if (live.port !== location.port && live.status !== "stopping") {
    yield* endFast(location.data, defaultStopTimeoutMillis);
    return Option.none();
  }
  if (live.status === "ready") return Option.some({ postmaster: live, adopted: true });
  yield* Effect.sleep(retryMillis);
  return Option.none();
});

/**
 * A ready server on `options.port`: adopted if it runs already, restarted if it runs on another port, otherwise started,
 * on new data if there is none. Fails with `PortInUse`, `StartFailed`, `InitFailed`, `PasswordRefused`, `NotReady`, ….
 */
export const start = Effect.fn("InstanceCluster.start")(function* (
  options: Options,
): Effect.fn.Return<InstanceCluster, PostgresError> {
  const account = yield* Account.unprivileged;
  const binaries = yield* Binaries.locate(account);
  const superuser = options.superuser ?? "destiny";
  const { directory, instance, logFile, password, port } = options;
  const location = yield* Location.prepare({ directory, instance, port, superuser, logFile }, account);
  const created = yield* Initdb.ensure(
    { home: location.home, data: location.data, superuser, password },
    binaries,
    account,
  );
  const settings = Settings.durable({
    maxConnections: options.maxConnections ?? 200,
    preload: binaries.has("pg_stat_statements") ? "pg_stat_statements" : "",
  });
  const args = [
    "-D",
    location.data,
    "-p",
    String(port),
    "-c",
    `cluster_name=destiny-${location.instance}`,
    ...Settings.toFlags(settings),
  ];
  const waitedMillis = options.startTimeoutMillis ?? defaultStartTimeoutMillis;
  const running = yield* Effect.gen(function* () {
    for (;;) {
      const outcome = yield* step(location, args, binaries, account);
      if (Option.isSome(outcome)) return outcome.value;
    }
  }).pipe(
    Effect.timeoutOrElse({
      duration: waitedMillis,
      orElse: () => fail("InstanceCluster.start", new NotReady({ waitedMillis, log: Log.tail(location.logFile) })),
    }),
  );
  const connection: Admin.Connection = { port, superuser, password };
  yield* Admin.check(connection);
  return {
    directory: location.directory,
    data: location.data,
    logFile: location.logFile,
    port,
    pid: running.postmaster.pid,
    created,
    adopted: running.adopted,
    url: (database) => Admin.url(connection, database),
    createDatabases: (names) => Admin.createDatabases(connection, names),
    settings: (names = durabilitySettings) => Admin.settings(connection, names),
  };
});

const endFast = (data: string, timeoutMillis: number) =>
  Postmaster.end(data, [
    { signal: "SIGINT", timeoutMillis },
    { signal: "SIGQUIT", timeoutMillis: immediateTimeoutMillis },
  ]);

const outcomes = { SIGINT: "fast", SIGQUIT: "immediate" } as const;

/** How a server ended; `notRunning` if there was none. */
export type Ended = "fast" | "immediate" | "notRunning";

interface At {
  readonly directory: string;
}

const endedBy = (signal: "SIGINT" | "SIGQUIT" | undefined): Ended =>
  signal === undefined ? "notRunning" : outcomes[signal];

/** Ends the server, from any process: fast shutdown, and an immediate one if that takes longer than the bound. */
export const stop = Effect.fn("InstanceCluster.stop")(function* (
  options: At & { readonly timeoutMillis?: number },
): Effect.fn.Return<Ended, PostgresError> {
  const location = Location.read(options.directory);
  if (Option.isNone(location)) return "notRunning";
  return endedBy(yield* endFast(location.value.data, options.timeoutMillis ?? defaultStopTimeoutMillis));
});

/** Immediate shutdown: the server ends as in a crash, and recovers at its next start. For crash tests. */
export const crash = Effect.fn("InstanceCluster.crash")(function* (
  options: At,
): Effect.fn.Return<Ended, PostgresError> {
  const location = Location.read(options.directory);
  if (Option.isNone(location)) return "notRunning";
  const steps = [{ signal: "SIGQUIT", timeoutMillis: immediateTimeoutMillis }] as const;
  return endedBy(yield* Postmaster.end(location.value.data, steps));
});

/** Stops the server and deletes the data, wherever it lies. */
export const remove = Effect.fn("InstanceCluster.remove")(function* (
  options: At,
): Effect.fn.Return<void, PostgresError> {
  yield* stop(options);
  const location = Location.read(options.directory);
  if (Option.isSome(location)) yield* Location.remove(location.value);
});

const find = (directory: string): Option.Option<Postmaster.Postmaster> =>
  Option.flatMap(Location.read(directory), (location) => Option.fromUndefinedOr(Postmaster.find(location.data)));

/** The server of this directory, from any process; none if it does not run. */
export const running = (options: At): Effect.Effect<Option.Option<Postmaster.Postmaster>> =>
  Effect.sync(() => find(options.directory));

/** Whether a server of this directory is alive, ready or not. */
export const isRunning = (options: At): Effect.Effect<boolean> => Effect.map(running(options), Option.isSome);

/** Waits for a server that somebody else starts. Fails with `NotReady` and the last lines of its log. */
export const waitReady = Effect.fn("InstanceCluster.waitReady")(function* (
  options: At & { readonly timeoutMillis?: number },
): Effect.fn.Return<Postmaster.Postmaster, PostgresError> {
  const waitedMillis = options.timeoutMillis ?? defaultStartTimeoutMillis;
  const ready = yield* Postmaster.poll(() => {
    const postmaster = Option.getOrUndefined(find(options.directory));
    return postmaster?.status === "ready" ? postmaster : undefined;
  }, waitedMillis);
  if (Option.isSome(ready)) return ready.value;
  const log = Option.match(Location.read(options.directory), {
    onNone: () => "",
    onSome: (location) => Log.tail(location.logFile),
  });
  return yield* fail("InstanceCluster.waitReady", new NotReady({ waitedMillis, log }));
});
