/**
 * `destiny doctor`: looks at everything that a start needs, and says what to do about what is missing.
 *
 * Starts and stops nothing. The judgement is apart from the looking, so that it is tested without a broken machine.
 */
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { createRequire } from "node:module";
import * as os from "node:os";
import * as path from "node:path";
import * as Effect from "effect/Effect";
import { asCliError } from "../CliError.ts";
import { defaultHome, type InstancePaths, instancePaths, repositoryRoot } from "../instance/Home.ts";
import { parseInstance } from "../instance/InstanceFile.ts";
import { holder } from "../instance/InstanceLock.ts";
import { readJson } from "../instance/Files.ts";
import { freePortOffset, holderOf, isFree } from "../instance/Ports.ts";
import { readProcesses } from "../instance/ProcessesFile.ts";
import { isAlive, system } from "../instance/ProcessTable.ts";
import { embeddedPort } from "../supervisor/EmbeddedPostgres.ts";
import { portsOf } from "../supervisor/Topology.ts";

export interface TakenPort {
  readonly port: number;
  readonly service: string;
  /** Undefined when the process cannot be seen from here. */
  readonly pid: number | undefined;
}

export interface Facts {
  readonly platform: NodeJS.Platform;
  readonly arch: string;
  /** Such as `v24.1.0`. */
  readonly node: string;
  readonly cpus: number;
  readonly freeMemoryMb: number;
  readonly home: string;
  readonly homeWritable: boolean;
  readonly freeDiskMb: number;
  /** The folder lies on a file system that is memory. */
  readonly diskInMemory: boolean;
  /** Undefined where the system does not say. */
  readonly maxOpenFiles: number | undefined;
  /** The variable that sends even calls to this machine through a proxy. */
  readonly proxy: string | undefined;
  /** Whether help comes from a bundle of these very sources. */
  readonly built: boolean;
  readonly instanceFile: "absent" | "readable" | "unreadable";
  /** What the server says of itself, or why it cannot be run. */
  readonly postgres: { readonly version: string } | { readonly failure: string };
  readonly running: boolean;
  readonly taken: ReadonlyArray<TakenPort>;
  /** Instances whose supervisor is gone and whose processes are not. */
  readonly leftovers: ReadonlyArray<{ readonly instance: string; readonly processes: ReadonlyArray<string> }>;
}

export interface Check {
  readonly name: string;
  readonly result: "ok" | "warning" | "failed";
  readonly found: string;
  /** What to do; empty when there is nothing to do. */
  readonly fix: string;
}

const minNodeMajor = 24;
const minCpus = 2;
/** A rehearsal's peak with one process per service, and what the load itself takes. */
const minMemoryMb = 2000;
const minDiskMb = 1000;
/** The shop at its peak holds some hundreds in one process; the load holds a connection a shopper. */
const minOpenFiles = 4096;

const check = (
  name: string,
  found: string,
  problem: { readonly when: boolean; readonly result: "warning" | "failed"; readonly fix: string },
): Check =>
  problem.when ? { name, found, result: problem.result, fix: problem.fix } : { name, found, result: "ok", fix: "" };

const gb = (mb: number): string => `${(mb / 1024).toFixed(1)} GB`;

export const judge = (facts: Facts): ReadonlyArray<Check> => {
  const first = facts.taken[0];
  const shown = facts.taken
    .slice(0, 3)
    .map(
      ({ pid, port, service }) =>
        `${port} (${service}) by ${pid === undefined ? "a process of another user" : `pid ${pid}`}`,
    );
  const left = facts.leftovers[0];
  return [
    facts.platform === "win32"
      ? check("platform", "win32", { when: true, result: "failed", fix: "install WSL and run destiny there" })
      : check("platform", `${facts.platform} ${facts.arch}`, {
          when: facts.platform !== "linux",
          result: "warning",
          fix: "only Linux is tested; please report what does not work",
        }),
    check("node", facts.node, {
      when: !(Number(/^v(\d+)/.exec(facts.node)?.[1]) >= minNodeMajor),
      result: "failed",
      fix: "npm run destiny -- <command> brings its own Node 24",
    }),
    check("processors", String(facts.cpus), {
      when: facts.cpus < minCpus,
      result: "warning",
      fix: "latencies will miss their limits; lower the load: --peak 5",
    }),
    check("free memory", gb(facts.freeMemoryMb), {
      when: facts.freeMemoryMb < minMemoryMb && !facts.running,
      result: "warning",
      fix: "close other programs, or take less: destiny up --single",
    }),
    check("state folder", facts.home, {
      when: !facts.homeWritable,
      result: "failed",
      fix: "make it writable, or set DESTINY_HOME to a folder of yours",
    }),
    check("free disk", gb(facts.freeDiskMb), {
      when: facts.freeDiskMb < minDiskMb,
      result: "failed",
      fix: "free some space, or set DESTINY_HOME to a folder on another disk",
    }),
    check("disk", facts.diskInMemory ? "memory (tmpfs)" : "a disk", {
      when: facts.diskInMemory,
      result: "warning",
      fix: "commits are lost with the power and cost nothing: set DESTINY_HOME to a folder on a disk",
    }),
    check("open files", facts.maxOpenFiles === undefined ? "unknown" : `${facts.maxOpenFiles} a process`, {
      when: facts.maxOpenFiles !== undefined && facts.maxOpenFiles < minOpenFiles,
      result: "warning",
      fix: `ulimit -n ${minOpenFiles}, in the same shell, before the start`,
    }),
    check("proxy", facts.proxy === undefined ? "not in the way" : `${facts.proxy} is used for 127.0.0.1 too`, {
      when: facts.proxy !== undefined,
      result: "warning",
      fix: "add 127.0.0.1 to NO_PROXY",
    }),
    check("command", facts.built ? "built from these sources" : "built from other sources", {
      when: !facts.built,
      result: "warning",
      fix: "npm run bootstrap, so that help comes at once",
    }),
    check("instance", facts.instanceFile, {
      when: facts.instanceFile === "unreadable",
      result: "failed",
      fix: "restore its instance.json, or begin anew: destiny down --volumes",
    }),
    "version" in facts.postgres
      ? check("PostgreSQL", facts.postgres.version, { when: false, result: "failed", fix: "" })
      : check("PostgreSQL", facts.postgres.failure, {
          when: true,
          result: "failed",
          fix: "npm run bootstrap installs the server for this platform",
        }),
    check(
      "ports",
      first === undefined ? (facts.running ? "in use by the shop itself" : "all free") : shown.join(", "),
      {
        when: first !== undefined,
        result: "failed",
        fix: `${first?.pid === undefined ? "find it with ss -ltnp" : `kill ${first.pid}`}, or use other ports: --instance NAME`,
      },
    ),
    check("leftovers", left === undefined ? "none" : `${left.processes.join(", ")} of instance ${left.instance}`, {
      when: left !== undefined,
      result: "warning",
      fix: `destiny down --instance ${left?.instance}`,
    }),
  ];
};

/** The folder that exists already, on the way up from one that may not. */
const existing = (folder: string): string => (fs.existsSync(folder) ? folder : existing(path.dirname(folder)));

const isWritable = (folder: string): boolean => {
  try {
    fs.accessSync(folder, fs.constants.W_OK);
    return true;
  } catch {
    return false;
  }
};

/** statfs(2) */
const tmpfs = 0x01021994;

const openFiles = (): number | undefined => {
  try {
    const limit = /^Max open files\s+(\d+|unlimited)/m.exec(fs.readFileSync("/proc/self/limits", "utf8"))?.[1];
    return limit === undefined || limit === "unlimited" ? undefined : Number(limit);
  } catch {
    return undefined;
  }
};

/** Node asks a proxy only when it is told to. */
export const proxyOf = (environment: NodeJS.ProcessEnv): string | undefined => {
  if (environment["NODE_USE_ENV_PROXY"] !== "1") return undefined;
  const spared = (environment["NO_PROXY"] ?? environment["no_proxy"] ?? "").split(",").map((host) => host.trim());
  if (spared.includes("*") || spared.includes("127.0.0.1")) return undefined;
  if (environment["HTTP_PROXY"]) return "HTTP_PROXY";
  return environment["http_proxy"] ? "http_proxy" : undefined;
};

const isBuilt = (): boolean => {
  const bundles = createRequire(import.meta.url)(path.join(repositoryRoot, "packages/cli/bin/bundles.cjs")) as {
    readonly cli: { readonly isBuilt: () => boolean };
  };
  return bundles.cli.isBuilt();
};

const takenPorts = Effect.fnUntraced(function* (paths: InstancePaths) {
  const known = parseInstance(readJson(paths.instanceFile));
  const offset = known?.portOffset ?? (yield* Effect.promise(() => freePortOffset(paths, portsOf)));
  // A server that a killed supervisor left is adopted by the next one.
  const own = yield* embeddedPort(paths.postgres);
  const found: Array<TakenPort> = [];
  for (const { name, port } of portsOf(offset)) {
    if (port === own || (yield* Effect.promise(() => isFree(port)))) continue;
    found.push({ port, service: name, pid: yield* Effect.promise(() => holderOf(port)) });
  }
  return found;
});

const leftBehind = Effect.fnUntraced(function* (home: string) {
  const found: Array<Facts["leftovers"][number]> = [];
  for (const folder of fs.existsSync(home) ? fs.readdirSync(home) : []) {
    const instance = parseInstance(readJson(path.join(home, folder, "instance.json")))?.name;
    if (instance !== folder) continue;
    const paths = instancePaths(instance, home);
    if (holder(system, paths.lockDirectory) !== undefined) continue;
    const services = readProcesses(paths.processesFile).processes.filter((entry) => isAlive(system, entry));
    const database = (yield* embeddedPort(paths.postgres)) === undefined ? [] : ["postgres"];
    const processes = [...services.map(({ service }) => service), ...database];
    if (processes.length > 0) found.push({ instance, processes });
  }
  return found;
});

/** Run by root, this makes the copy of the server that a start would make. */
const postgres: Effect.Effect<Facts["postgres"]> = Effect.gen(function* () {
  const { Account, Binaries } = yield* Effect.promise(() => import("@destiny/testkit/postgres"));
  const { postgres: server } = yield* Effect.flatMap(Account.unprivileged, Binaries.locate);
  return yield* Effect.try({
    try: () => ({ version: execFileSync(server, ["--version"], { encoding: "utf8" }).trim() }),
    catch: asCliError,
  });
}).pipe(Effect.catch((error) => Effect.succeed({ failure: error.message.split("\n")[0] ?? "" })));

export const gather = (instance: string, home: string = defaultHome()): Effect.Effect<Facts> =>
  Effect.gen(function* () {
    const paths = instancePaths(instance, home);
    const running = holder(system, paths.lockDirectory) !== undefined;
    const disk = fs.statfsSync(existing(home));
    return {
      platform: process.platform,
      arch: process.arch,
      node: process.version,
      cpus: os.availableParallelism(),
      freeMemoryMb: Math.round(process.availableMemory() / 2 ** 20),
      home,
      homeWritable: isWritable(existing(home)),
      freeDiskMb: Math.round((disk.bavail * disk.bsize) / 2 ** 20),
      diskInMemory: process.platform === "linux" && disk.type === tmpfs,
      maxOpenFiles: openFiles(),
      proxy: proxyOf(process.env),
      built: isBuilt(),
      instanceFile: !fs.existsSync(paths.instanceFile)
        ? "absent"
        : parseInstance(readJson(paths.instanceFile)) === undefined
          ? "unreadable"
          : "readable",
      postgres: yield* postgres,
      running,
      taken: running ? [] : yield* takenPorts(paths),
      leftovers: yield* leftBehind(home),
    };
  });
