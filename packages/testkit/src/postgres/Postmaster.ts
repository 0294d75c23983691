/**
 * The main process of a PostgreSQL server, known by its data folder alone.
 *
 * Guarantee: a process is signalled only if its pid is in the folder's `postmaster.pid`, it is alive and its command
 * line names the folder, all read again immediately before the signal. (Node has no pidfd: a pid that is reused between
 * that reading and the signal is the remaining race.)
 */
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import * as Account from "./Account.ts";
import { fail, files, type PostgresError, StopFailed } from "./PostgresError.ts";

export interface Postmaster {
  readonly pid: number;
  readonly port: number;
  /** What the server says of itself. */
  readonly status: "starting" | "ready" | "stopping";
}

/** Larger than any kernel gives out, so that `kill` answers "no such process". */
const impossiblePid = 2_147_483_646;

const pollMillis = 20;

/** A pid file without a pid is left over from a full disk or a power cut, unless a server is just about to fill it. */
const emptyFileMillis = 2_000;

/** Looks until it sees something, at most `timeoutMillis` long. */
export const poll = <A>(look: () => A | undefined, timeoutMillis: number): Effect.Effect<Option.Option<A>> =>
  Effect.gen(function* () {
    for (;;) {
      const seen = look();
      if (seen !== undefined) return seen;
      yield* Effect.sleep(pollMillis);
    }
  }).pipe(Effect.timeoutOption(timeoutMillis));

/** The arguments of a living process; a zombie counts as gone, since its parent may never collect it. */
export const commandLine = (pid: number): ReadonlyArray<string> | undefined => {
  if (process.platform === "linux") {
    try {
      const stat = fs.readFileSync(`/proc/${pid}/stat`, "latin1");
      if (/^[ZX]$/.test(stat.charAt(stat.lastIndexOf(")") + 2))) return undefined;
      return fs.readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
    } catch {
      return undefined;
    }
  }
  const ps = spawnSync("ps", ["-ww", "-o", "stat=,command=", "-p", String(pid)], { encoding: "utf8" });
  const [stat = "Z", ...words] = ps.status === 0 ? ps.stdout.trim().split(/ +/) : [];
  return stat.startsWith("Z") ? undefined : words;
};

/** Whether the pid is, now, a living server of this data folder. */
const serves = (pid: number, data: string): boolean =>
  ` ${commandLine(pid)?.join(" ") ?? ""} `.includes(` -D ${data} `);

const pidFile = (data: string): string => path.join(data, "postmaster.pid");

const readPidFile = (data: string): string | undefined => {
  try {
    return fs.readFileSync(pidFile(data), "utf8");
  } catch {
    return undefined;
  }
};

/** The living server of this data folder. A stale file, and a pid that another program has now, are no server. */
export const find = (data: string): Postmaster | undefined => {
  const lines = readPidFile(data)?.split("\n");
  const pid = Number.parseInt(lines?.[0] ?? "", 10);
  const port = Number.parseInt(lines?.[3] ?? "", 10);
  if (!(pid > 1) || Number.isNaN(port)) return undefined;
  if (!serves(pid, data)) return undefined;
  const status = lines?.[7]?.trim();
  return { pid, port, status: status === "ready" || status === "stopping" ? status : "starting" };
};

/**
 * Makes a stale `postmaster.pid` harmless.
 *
 * PostgreSQL cleans up by itself unless the recorded pid belongs to another process of the same user now, or the file
 * is empty: then it refuses to start for ever. The file is not simply removed: it also names the shared memory by which
 * PostgreSQL notices back ends of a killed server that still write. So only the pid is replaced.
 */
export const disarmStale = (data: string, account: Account.Account): Effect.Effect<void, PostgresError> =>
  files("Postmaster.disarmStale", () => {
    const content = readPidFile(data);
    if (content === undefined || find(data) !== undefined) return;
    const [pid = "", ...rest] = content.split("\n");
    if (!/^\d+$/.test(pid)) {
      const ageMillis = Date.now() - fs.statSync(pidFile(data)).mtimeMs;
      if (ageMillis > emptyFileMillis) fs.rmSync(pidFile(data), { force: true });
      return;
    }
    if (commandLine(Number(pid)) === undefined) return;
    const replacement = `${pidFile(data)}.${process.pid}`;
    fs.rmSync(replacement, { force: true });
    fs.writeFileSync(replacement, [impossiblePid, ...rest].join("\n"), { flag: "wx", mode: 0o600 });
    Account.give(account, replacement);
    if (readPidFile(data) === content) fs.renameSync(replacement, pidFile(data));
    else fs.rmSync(replacement);
  });

/** Waits for the end of the process; the pid file goes a little earlier. */
export const awaitGone = (data: string, pid: number, timeoutMillis: number): Effect.Effect<boolean> =>
  poll(() => (serves(pid, data) ? undefined : true), timeoutMillis).pipe(Effect.map(Option.isSome));

const send = (pid: number, signal: NodeJS.Signals): Effect.Effect<void, PostgresError> =>
  Effect.suspend(() => {
    try {
      process.kill(pid, signal);
      return Effect.void;
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === "ESRCH") return Effect.void;
      return fail("Postmaster.end", new StopFailed({ pid, why: String(cause) }));
    }
  });

/**
 * Signals the server of this data folder and waits for its end: each signal for its time, in turn.
 * Answers the signal that ended it, or `undefined` if there was no server.
 */
export const end = Effect.fn("Postmaster.end")(function* (
  data: string,
  steps: ReadonlyArray<{ readonly signal: "SIGINT" | "SIGQUIT"; readonly timeoutMillis: number }>,
): Effect.fn.Return<"SIGINT" | "SIGQUIT" | undefined, PostgresError> {
  const first = find(data);
  if (first === undefined) return undefined;
  for (const { signal, timeoutMillis } of steps) {
    if (serves(first.pid, data)) {
      yield* send(first.pid, signal);
    }
    if (yield* awaitGone(data, first.pid, timeoutMillis)) return signal;
  }
  const waitedMillis = steps.reduce((sum, step) => sum + step.timeoutMillis, 0);
  return yield* fail(
    "Postmaster.end",
    new StopFailed({ pid: first.pid, why: `still alive ${waitedMillis} ms after the first signal` }),
  );
});
