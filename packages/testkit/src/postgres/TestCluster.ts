/**
 * A throw-away PostgreSQL cluster for tests.
 *
 * Guarantee: server and data are gone when the scope closes, and when this process dies in whatever way: a watchdog
 * shell blocks on a pipe from here and cleans up at its end.
 * Limits: nothing survives (fsync off, autovacuum off); `trust` on 127.0.0.1, so any user of the machine can connect;
 * if the watchdog itself is killed, the server stays.
 */
import { type ChildProcess, spawn } from "node:child_process";
import * as fs from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import * as path from "node:path";
import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import type * as Scope from "effect/Scope";
import * as Account from "./Account.ts";
import * as Binaries from "./Binaries.ts";
import * as Log from "./Log.ts";
import { fail, files, NotReady, PortInUse, type PostgresError, StartFailed } from "./PostgresError.ts";
import * as Postmaster from "./Postmaster.ts";
import * as Settings from "./Settings.ts";

export interface Options {
  /** Server settings on top of those of `Settings.throwAway`. */
  readonly settings?: Settings.Settings;
  /** From the call to a ready server. Default 60 s. */
  readonly startTimeoutMillis?: number;
}

export interface TestCluster {
  readonly port: number;
  readonly pid: number;
  readonly directory: string;
}

export const superuser = "postgres";

const defaultStartTimeoutMillis = 60_000;
const maxPortAttempts = 5;
const memoryFolder = "/dev/shm";
/** Containers often have 64 MB there. */
const minMemoryFolderBytes = 1_000_000_000;

/**
 * $1 folder, $2 initdb, $3 postgres, $4 LC_CTYPE, then the flags of postgres. Prints the pid of the server to be.
 *
 * The signals at the end go to the whole group: TERM ends a starter that has not yet become the server (QUIT is ignored
 * in background jobs of a shell), QUIT is the immediate shutdown of the server.
 */
const watchdog = `
dir=$1 initdb=$2 postgres=$3 ctype=$4; shift 4
trap : TERM QUIT INT HUP
(
  "$initdb" -D "$dir/data" -U ${superuser} -A trust -E UTF8 --locale=C --lc-ctype="$ctype" \\
    --no-sync --no-data-checksums --no-instructions && exec "$postgres" -D "$dir/data" "$@"
) </dev/null >"$dir/log" 2>&1 &
pid=$!
echo $pid
cat >/dev/null
kill -TERM 0; kill -QUIT 0
while kill -0 $pid 2>/dev/null; do wait $pid; done
rm -rf "$dir"
`;

const freePort: Effect.Effect<number> = Effect.callback((resume) => {
  const server = createServer();
  server.once("error", (cause) => resume(Effect.die(cause)));
  server.listen(0, "127.0.0.1", () => {
    const { port } = server.address() as AddressInfo;
    server.close(() => resume(Effect.succeed(port)));
  });
});

const chooseFolder = (account: Account.Account): Effect.Effect<string, PostgresError> => {
  try {
    const { bavail, bsize } = fs.statfsSync(memoryFolder);
    fs.accessSync(memoryFolder, fs.constants.W_OK);
    if (bavail * bsize >= minMemoryFolderBytes && Account.canEnter(account, memoryFolder)) {
      return Effect.succeed(memoryFolder);
    }
  } catch {
    // No such folder: not Linux.
  }
  return Binaries.tempFolder(account, false);
};

interface Guarded {
  readonly directory: string;
  readonly child: ChildProcess;
  /** Resolves to the pid that the watchdog printed, or undefined if there is none. */
  readonly pid: Promise<number | undefined>;
  readonly ended: Promise<void>;
}

const guard = (parent: string, binaries: Binaries.Binaries, account: Account.Account, flags: ReadonlyArray<string>) =>
  files("TestCluster.start", (): Guarded => {
    const directory = fs.mkdtempSync(path.join(parent, "destiny-test-"));
    Account.give(account, directory);
    const args = ["-c", watchdog, "watchdog", directory, binaries.initdb, binaries.postgres, Binaries.ctype, ...flags];
    const child = spawn("/bin/sh", args, {
      ...account.ids,
      cwd: "/",
      env: { PATH: process.env["PATH"], LC_ALL: "C" },
      stdio: ["pipe", "pipe", "ignore"],
      detached: true,
    });
    const ended = new Promise<void>((resolve) => {
      child.once("close", () => resolve());
      child.once("error", () => resolve());
    });
    const pid = new Promise<number | undefined>((resolve) => {
      child.stdout?.setEncoding("utf8").once("data", (line: string) => resolve(Number.parseInt(line, 10)));
      void ended.then(() => resolve(undefined));
    });
    return { directory, child, pid, ended };
  });

const release = ({ child, ended }: Guarded): Effect.Effect<void> =>
  Effect.suspend(() => {
    child.stdin?.end();
    return Effect.promise(() => ended);
  });

const attempt = Effect.fn("TestCluster.attempt")(function* (
  options: Options,
): Effect.fn.Return<TestCluster, PostgresError, Scope.Scope> {
  const operation = "TestCluster.start";
  const account = yield* Account.unprivileged;
  const binaries = yield* Binaries.locate(account);
  const parent = yield* chooseFolder(account);
  const port = yield* freePort;
  const flags = ["-p", String(port), ...Settings.toFlags({ ...Settings.throwAway, ...options.settings })];
  const guarded = yield* Effect.acquireRelease(guard(parent, binaries, account, flags), release);
  const { directory } = guarded;
  const pid = yield* Effect.promise(() => guarded.pid);
  const logFile = path.join(directory, "log");
  const waitedMillis = options.startTimeoutMillis ?? defaultStartTimeoutMillis;
  const outcome = yield* Postmaster.poll(() => {
    const postmaster = Postmaster.find(path.join(directory, "data"));
    if (postmaster?.status === "ready") return "ready";
    return pid === undefined || Postmaster.commandLine(pid) === undefined ? "ended" : undefined;
  }, waitedMillis);
  if (Option.isNone(outcome)) {
    return yield* fail(operation, new NotReady({ waitedMillis, log: Log.tail(logFile) }));
  }
  if (outcome.value === "ready" && pid !== undefined) return { port, pid, directory };
  const log = Log.tail(logFile);
  return yield* fail(
    operation,
    log.includes("could not create any TCP/IP sockets") ? new PortInUse({ port }) : new StartFailed({ log }),
  );
});

/** Starts a cluster that lives as long as the scope. The port is free at the time; if it is taken, another is tried. */
export const start = (options: Options = {}): Effect.Effect<TestCluster, PostgresError, Scope.Scope> =>
  attempt(options).pipe(
    Effect.retry({ times: maxPortAttempts - 1, while: (error) => error.reason._tag === "PortInUse" }),
  );
