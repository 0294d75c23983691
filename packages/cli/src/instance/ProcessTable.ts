/**
 * What the operating system says about a process.
 *
 * Guarantee: a process is identified by pid, start time and boot id together, so a reused pid is never mistaken for the
 * process that had it before. Limits: the start time has the resolution of a clock tick (10 ms) on Linux and of a second
 * on macOS; Node has no pidfd, so between reading an identity and signalling it a race of microseconds remains.
 */
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";

export interface Identity {
  readonly pid: number;
  /** Clock ticks since boot on Linux; compared as text, never computed with. */
  readonly startTime: string;
  readonly bootId: string;
}

export interface ProcessTable {
  readonly bootId: () => string;
  readonly pids: () => ReadonlyArray<number>;
  /** Undefined when no such process runs; a zombie does not run. */
  readonly startTime: (pid: number) => string | undefined;
  readonly argv: (pid: number) => ReadonlyArray<string>;
  readonly cwd: (pid: number) => string | undefined;
  readonly isGroupLeader: (pid: number) => boolean;
  readonly signal: (pid: number, signal: NodeJS.Signals) => void;
}

const read = (file: string): string | undefined => {
  try {
    return fs.readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
};

const quietly = (command: string, args: ReadonlyArray<string>): string => {
  try {
    return execFileSync(command, args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  } catch {
    return "";
  }
};

/** The fields of /proc/<pid>/stat behind the command name, which may itself hold spaces and parentheses. */
const fieldsOf = (text: string): ReadonlyArray<string> => text.slice(text.lastIndexOf(")") + 2).split(" ");

export const parseStat = (text: string): { state: string; group: number; startTime: string } | undefined => {
  const fields = fieldsOf(text);
  const [state, , group] = fields;
  const startTime = fields[19];
  if (state === undefined || group === undefined || startTime === undefined) return undefined;
  return { state, group: Number(group), startTime };
};

const signal = (pid: number, name: NodeJS.Signals): void => {
  try {
    process.kill(pid, name);
  } catch (error) {
    // Gone already is what was wanted.
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
};

const linux = (): ProcessTable => {
  const stat = (pid: number): ReturnType<typeof parseStat> => {
    const text = read(`/proc/${pid}/stat`);
    const parsed = text === undefined ? undefined : parseStat(text);
    return parsed === undefined || parsed.state === "Z" || parsed.state === "X" ? undefined : parsed;
  };
  const boot = read("/proc/sys/kernel/random/boot_id")?.trim() ?? "unknown";
  return {
    bootId: () => boot,
    pids: () =>
      fs
        .readdirSync("/proc")
        .filter((name) => /^\d+$/.test(name))
        .map(Number),
    startTime: (pid) => stat(pid)?.startTime,
    argv: (pid) => read(`/proc/${pid}/cmdline`)?.split("\0").slice(0, -1) ?? [],
    cwd: (pid) => {
      try {
        return fs.readlinkSync(`/proc/${pid}/cwd`);
      } catch {
        return undefined;
      }
    },
    isGroupLeader: (pid) => stat(pid)?.group === pid,
    signal,
  };
};

/** macOS has no /proc: `ps` answers instead. Arguments with spaces are split, which can only hide a match. */
const ps = (): ProcessTable => {
  const ask = (pid: number, column: string): string => quietly("ps", ["-o", `${column}=`, "-p", String(pid)]);
  const boot = quietly("sysctl", ["-n", "kern.bootsessionuuid"]) || "unknown";
  return {
    bootId: () => boot,
    pids: () =>
      quietly("ps", ["-axo", "pid="])
        .split("\n")
        .map((line) => Number(line.trim()))
        .filter((pid) => pid > 0),
    startTime: (pid) => (ask(pid, "stat").startsWith("Z") ? undefined : ask(pid, "lstart") || undefined),
    argv: (pid) => ask(pid, "command").split(/\s+/).filter(Boolean),
    cwd: () => undefined,
    isGroupLeader: (pid) => Number(ask(pid, "pgid")) === pid,
    signal,
  };
};

export const system: ProcessTable = process.platform === "linux" ? linux() : ps();

export const identify = (table: ProcessTable, pid: number): Identity | undefined => {
  const startTime = table.startTime(pid);
  return startTime === undefined ? undefined : { pid, startTime, bootId: table.bootId() };
};

/** Whether the very process that was recorded still runs. */
export const isAlive = (table: ProcessTable, recorded: Identity): boolean =>
  recorded.bootId === table.bootId() && table.startTime(recorded.pid) === recorded.startTime;

/** Proportional set size in MB; resident size where the system has no PSS. 0 when the process is gone. */
export const pssMb = (pid: number): number => {
  const rollup = read(`/proc/${pid}/smaps_rollup`);
  const pss = rollup === undefined ? undefined : /^Pss:\s+(\d+) kB/m.exec(rollup)?.[1];
  const kb =
    pss === undefined
      ? process.platform === "linux"
        ? 0
        : Number(quietly("ps", ["-o", "rss=", "-p", String(pid)]))
      : Number(pss);
  return Math.round(kb / 102.4) / 10;
};

/** A clock tick of `/proc/<pid>/stat`: 10 ms on every Linux that Node runs on. */
const ticksPerSecond = 100;

const seconds = (...ticks: ReadonlyArray<string | undefined>): number =>
  ticks.reduce((sum, one) => sum + Number(one ?? 0), 0) / ticksPerSecond;

/** CPU time, user and system, that a process used by itself, and that its children did which have ended. */
export const parseCpu = (text: string): { readonly own: number; readonly endedChildren: number } => {
  const fields = fieldsOf(text);
  return { own: seconds(fields[11], fields[12]), endedChildren: seconds(fields[13], fields[14]) };
};

const cpuOf = (pid: number): ReturnType<typeof parseCpu> => {
  const text = read(`/proc/${pid}/stat`);
  return text === undefined ? { own: 0, endedChildren: 0 } : parseCpu(text);
};

/** CPU time that the process has used so far, user and system. 0 when it is gone, or where there is no `/proc`. */
export const cpuSeconds = (pid: number): number => cpuOf(pid).own;

/** What it has used with everything that it ever started and everything below that: a back end that ends takes none away. */
export const treeCpuSeconds = (root: number): number =>
  withDescendants(root).reduce((total, pid) => {
    const { endedChildren, own } = cpuOf(pid);
    return total + own + endedChildren;
  }, 0);

/** The process and everything below it. */
export const withDescendants = (root: number): ReadonlyArray<number> => {
  const found = [root];
  for (const pid of found) {
    const tasks = read(`/proc/${pid}/task/${pid}/children`);
    for (const child of tasks?.trim().split(/\s+/).filter(Boolean) ?? []) found.push(Number(child));
  }
  return found;
};
