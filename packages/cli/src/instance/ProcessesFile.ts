/**
 * `processes.json`: who was started, so that a later command can tell ours from everybody else's.
 *
 * Guarantee: an entry is written before its process can answer a request and removed after its end was seen, so after a
 * crash of the supervisor the file names every process that may be left.
 */
import { readJson, writeAtomic } from "./Files.ts";
import type { Identity } from "./ProcessTable.ts";

export interface RecordedProcess extends Identity {
  /** The name in the catalogue, `simulators`, or `services` for the process that hosts all. */
  readonly service: string;
  readonly ports: ReadonlyArray<number>;
  /** The arguments from the script on; a second process with the same ones is a duplicate. */
  readonly script: ReadonlyArray<string>;
  readonly startedAt: string;
}

export interface ProcessesFile {
  readonly schemaVersion: 1;
  readonly supervisor: (Identity & { readonly since: string }) | null;
  readonly processes: ReadonlyArray<RecordedProcess>;
}

export const noProcesses: ProcessesFile = { schemaVersion: 1, supervisor: null, processes: [] };

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;
const strings = (value: unknown): ReadonlyArray<string> =>
  Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
const numbers = (value: unknown): ReadonlyArray<number> =>
  Array.isArray(value) ? value.filter((item) => typeof item === "number") : [];

const parseIdentity = (value: unknown): Identity | undefined => {
  if (!isRecord(value)) return undefined;
  const { pid, startTime, bootId } = value;
  // 0 and negative numbers address process groups, 1 is init: never ours, whatever a file says.
  if (typeof pid !== "number" || !Number.isInteger(pid) || pid < 2) return undefined;
  return typeof startTime === "string" && typeof bootId === "string" ? { pid, startTime, bootId } : undefined;
};

/** Reads what can be read: a damaged entry is dropped, a damaged file is empty. Nothing is ever killed by guess. */
export const parseProcesses = (json: unknown): ProcessesFile => {
  if (!isRecord(json) || json["schemaVersion"] !== 1) return noProcesses;
  const supervisor = parseIdentity(json["supervisor"]);
  const since = isRecord(json["supervisor"]) ? json["supervisor"]["since"] : undefined;
  const list: ReadonlyArray<unknown> = Array.isArray(json["processes"]) ? json["processes"] : [];
  return {
    schemaVersion: 1,
    supervisor:
      supervisor === undefined ? null : { ...supervisor, since: typeof since === "string" ? since : "unknown" },
    processes: list.flatMap((entry) => {
      const identity = parseIdentity(entry);
      if (identity === undefined || !isRecord(entry)) return [];
      const { service, startedAt } = entry;
      if (typeof service !== "string" || typeof startedAt !== "string") return [];
      return [{ ...identity, service, startedAt, ports: numbers(entry["ports"]), script: strings(entry["script"]) }];
    }),
  };
};

export const readProcesses = (file: string): ProcessesFile => parseProcesses(readJson(file));

export const writeProcesses = (file: string, content: ProcessesFile): void =>
  writeAtomic(file, `${JSON.stringify(content, undefined, 2)}\n`);
