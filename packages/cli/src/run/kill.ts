/** `destiny kill`: ends what is provably this instance's, and names everything it leaves alone. */
import * as Effect from "effect/Effect";
import type { CliError } from "../CliError.ts";
import { instancePaths } from "../instance/Home.ts";
import { readInstance } from "../instance/InstanceFile.ts";
import { holder } from "../instance/InstanceLock.ts";
import { holderOf, isFree } from "../instance/Ports.ts";
import { readProcesses } from "../instance/ProcessesFile.ts";
import { identify, type Identity, type ProcessTable, system } from "../instance/ProcessTable.ts";
import { endAll, type Ended } from "../kill/End.ts";
import { type Finding, scan } from "../kill/Scan.ts";
import { embedded, stopEmbedded } from "../supervisor/EmbeddedPostgres.ts";
import { portsOf, scriptsOf } from "../supervisor/Topology.ts";
import { endSupervisor } from "./down.ts";

export interface KillOptions {
  readonly instance: string;
  readonly duplicates: boolean;
  readonly dryRun: boolean;
  readonly home?: string;
}

export interface KillResult {
  readonly instance: string;
  readonly dryRun: boolean;
  readonly ended: ReadonlyArray<(Finding & { readonly outcome: "would-end" }) | Ended>;
  readonly leftAlone: ReadonlyArray<Finding>;
}

/** Who sits on the instance's ports without being one of its processes. */
const strangersOnPorts = async (
  table: ProcessTable,
  ports: ReadonlyArray<number>,
  known: ReadonlySet<number>,
): Promise<ReadonlyArray<Finding>> => {
  const found: Array<Finding> = [];
  for (const port of ports) {
    if (await isFree(port)) continue;
    const pid = await holderOf(port);
    const identity = pid === undefined || known.has(pid) ? undefined : identify(table, pid);
    if (identity === undefined) continue;
    const reason = `listens on port ${port}, but is no process of this instance`;
    found.push({ ...identity, service: "", kind: "stranger", ours: false, reason });
  }
  return found;
};

/** The server belongs to who owns its data folder; a supervisor that is alive needs it. */
const databaseFinding = (
  table: ProcessTable,
  server: { readonly pid: number } | undefined,
  supervisor: Identity | undefined,
): ReadonlyArray<Finding> => {
  const identity = server && identify(table, server.pid);
  if (identity === undefined) return [];
  const [kind, whose] =
    supervisor === undefined
      ? (["orphan", "a supervisor that is gone"] as const)
      : (["supervised", "the supervisor"] as const);
  return [{ ...identity, service: "postgres", kind, ours: true, reason: `postgres of ${whose}` }];
};

export const kill = (options: KillOptions): Effect.Effect<KillResult, CliError> =>
  Effect.gen(function* () {
    const table = system;
    const paths = instancePaths(options.instance, options.home);
    const { dryRun } = options;
    const instance = readInstance(paths);
    if (instance === undefined) return { instance: options.instance, dryRun, ended: [], leftAlone: [] };
    const held = holder(table, paths.lockDirectory);
    const file = readProcesses(paths.processesFile);
    const findings = scan(table, instance.id, file, scriptsOf(instance, paths));
    const target = (finding: Finding): boolean =>
      finding.ours && (!options.duplicates || finding.kind === "duplicate" || finding.kind === "orphan");
    const targets = findings.filter(target);
    const recordedPorts = file.processes.flatMap((entry) => entry.ports);
    const ports = [...new Set([...recordedPorts, ...portsOf(instance.portOffset).map(({ port }) => port)])];
    const server = yield* embedded(paths.postgres);
    const known = new Set([
      process.pid,
      ...findings.map(({ pid }) => pid),
      ...(server === undefined ? [] : [server.pid]),
    ]);
    const leftAlone = [
      ...findings.filter((finding) => !target(finding)),
      ...(yield* Effect.promise(() => strangersOnPorts(table, ports, known))),
    ];
    const whole = !options.duplicates && held !== undefined;
    const supervisor: ReadonlyArray<Finding> = whole
      ? [{ ...held, service: "supervisor", kind: "supervised", ours: true, reason: "holds the instance's lock" }]
      : [];
    const database = options.duplicates && held !== undefined ? [] : databaseFinding(table, server, held);
    if (dryRun) {
      const ended = [...supervisor, ...targets, ...database].map((finding) => ({
        ...finding,
        outcome: "would-end" as const,
      }));
      return { instance: options.instance, dryRun, ended, leftAlone };
    }
    // The supervisor first: it would start again what is ended under it.
    if (whole) yield* endSupervisor(paths.lockDirectory, held);
    const ended = yield* endAll(table, instance.id, targets);
    // Last, and not by force: it writes what the others committed.
    if (database.length > 0) yield* stopEmbedded(paths.postgres);
    const killed = supervisor.map((finding): Ended => ({ ...finding, outcome: "killed" }));
    const stopped = database.map((finding): Ended => ({ ...finding, outcome: "terminated" }));
    return { instance: options.instance, dryRun, ended: [...killed, ...ended, ...stopped], leftAlone };
  });
