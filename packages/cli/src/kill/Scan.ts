/**
 * Tells an instance's processes from everybody else's.
 *
 * Guarantee: a process counts as ours only when its arguments hold the instance's mark as an argument of its own and its
 * start time and boot id are the recorded ones. A process without a record counts only when it is a Node script that is
 * recorded or that the instance consists of, with the same mark; its start time is recorded by this scan. Nothing is
 * judged by name or by port.
 */
import * as path from "node:path";
import { instanceArgument } from "../instance/InstanceFile.ts";
import type { ProcessesFile, RecordedProcess } from "../instance/ProcessesFile.ts";
import { type Identity, identify, isAlive, type ProcessTable } from "../instance/ProcessTable.ts";

export type Kind = "supervised" | "duplicate" | "orphan" | "reused" | "unmarked" | "stranger";

export interface Finding extends Identity {
  readonly service: string;
  readonly kind: Kind;
  /** Whether it may be ended at all. */
  readonly ours: boolean;
  readonly reason: string;
}

const optionsWithValue = new Set(["-C", "--conditions", "-r", "--require", "--import", "--loader", "--env-file"]);

/** The script and its arguments; what stands before it are Node's own options. */
const scriptOf = (table: ProcessTable, pid: number): ReadonlyArray<string> | undefined => {
  const [node, ...rest] = table.argv(pid);
  if (node === undefined || path.basename(node) !== path.basename(process.execPath)) return undefined;
  const at = rest.findIndex((argument, i) => !argument.startsWith("-") && !optionsWithValue.has(rest[i - 1] ?? ""));
  const script = rest[at];
  if (script === undefined) return undefined;
  return [path.resolve(table.cwd(pid) ?? "/", script), ...rest.slice(at + 1)];
};

const hosted = (script: ReadonlyArray<string>): ReadonlyArray<string> =>
  script.slice(1).filter((argument) => !argument.startsWith("-"));

const judgeRecorded = (
  table: ProcessTable,
  mark: string,
  recorded: RecordedProcess,
  supervised: boolean,
  newest: boolean,
): Finding | undefined => {
  const now = identify(table, recorded.pid);
  if (now === undefined) return undefined;
  const { service } = recorded;
  if (!isAlive(table, recorded)) {
    const reason = `pid ${recorded.pid} was ${service}; another process has the number now (other start time or boot)`;
    return { ...now, service, kind: "reused", ours: false, reason };
  }
  if (!table.argv(recorded.pid).includes(mark)) {
    const reason = `recorded as ${service}, but its arguments do not carry ${mark}`;
    return { ...now, service, kind: "unmarked", ours: false, reason };
  }
  if (!newest) {
    return { ...now, service, kind: "duplicate", ours: true, reason: `a newer process of ${service} is recorded` };
  }
  if (supervised) {
    return { ...now, service, kind: "supervised", ours: true, reason: `the supervisor's own ${service}` };
  }
  return { ...now, service, kind: "orphan", ours: true, reason: `${service} of a supervisor that is gone` };
};

/** What a process of the instance looks like: as one that was recorded, or as the topology says. */
export type Known = Pick<RecordedProcess, "service" | "script"> & { readonly pid?: number };

const judgeUnrecorded = (
  table: ProcessTable,
  mark: string,
  pid: number,
  known: ReadonlyArray<Known>,
  supervised: boolean,
): Finding | undefined => {
  if (!table.argv(pid).includes(mark)) return undefined;
  const now = identify(table, pid);
  if (now === undefined) return undefined;
  const script = scriptOf(table, pid);
  const sibling =
    script &&
    known.find(
      (entry) => entry.script[0] === script[0] && hosted(script).some((name) => hosted(entry.script).includes(name)),
    );
  if (script === undefined || sibling === undefined) {
    const reason = `carries ${mark}, but was not started by a supervisor and is no service: left alone`;
    return { ...now, service: "", kind: "stranger", ours: false, reason };
  }
  const { service } = sibling;
  if (supervised) {
    const own = sibling.pid === undefined ? "" : ` (pid ${sibling.pid})`;
    const reason = `process of ${service} beside the supervisor's own${own}`;
    return { ...now, service, kind: "duplicate", ours: true, reason };
  }
  return { ...now, service, kind: "orphan", ours: true, reason: `${service} of a supervisor that is gone` };
};

/** Everything that is, was or claims to be a process of the instance. */
export const scan = (
  table: ProcessTable,
  instanceId: string,
  file: ProcessesFile,
  topology: ReadonlyArray<Known> = [],
): ReadonlyArray<Finding> => {
  const mark = instanceArgument(instanceId);
  const supervised = file.supervisor !== null && isAlive(table, file.supervisor);
  const newest = new Map<string, RecordedProcess>();
  for (const entry of file.processes) {
    const other = newest.get(entry.service);
    if (other === undefined || other.startedAt <= entry.startedAt) newest.set(entry.service, entry);
  }
  const recorded = file.processes.flatMap(
    (entry) => judgeRecorded(table, mark, entry, supervised, newest.get(entry.service) === entry) ?? [],
  );
  const known = new Set([process.pid, file.supervisor?.pid, ...file.processes.map((entry) => entry.pid)]);
  const unrecorded = table
    .pids()
    .filter((pid) => !known.has(pid))
    .flatMap((pid) => judgeUnrecorded(table, mark, pid, [...file.processes, ...topology], supervised) ?? []);
  return [...recorded, ...unrecorded];
};
