/**
 * Ends processes that a scan found to be ours.
 *
 * Guarantee: identity and arguments are read again immediately before each signal, and any difference means that the
 * process is left alone. First SIGTERM, then, after a bounded wait, SIGKILL to its group. Limit: Node has no pidfd, so a
 * process that ends and whose number is given away between the reading and the signal, microseconds apart, could be hit.
 */
import * as Effect from "effect/Effect";
import { instanceArgument } from "../instance/InstanceFile.ts";
import { isAlive, type ProcessTable } from "../instance/ProcessTable.ts";
import type { Finding } from "./Scan.ts";

export interface Ended extends Finding {
  readonly outcome: "terminated" | "killed" | "left-alone" | "survived";
}

export interface EndLimits {
  readonly termWaitMillis: number;
  readonly killWaitMillis: number;
}

export const defaultEndLimits: EndLimits = { termWaitMillis: 10_000, killWaitMillis: 5_000 };
const pollMillis = 25;

const stillOurs = (table: ProcessTable, mark: string, finding: Finding): boolean =>
  finding.ours && isAlive(table, finding) && table.argv(finding.pid).includes(mark);

const gone = (table: ProcessTable, finding: Finding, millis: number): Effect.Effect<boolean> =>
  Effect.gen(function* () {
    for (let waited = 0; waited < millis; waited += pollMillis) {
      if (!isAlive(table, finding)) return true;
      yield* Effect.sleep(pollMillis);
    }
    return !isAlive(table, finding);
  });

const endOne = (table: ProcessTable, mark: string, finding: Finding, limits: EndLimits): Effect.Effect<Ended> =>
  Effect.gen(function* () {
    if (!stillOurs(table, mark, finding)) return { ...finding, outcome: "left-alone" } as const;
    table.signal(finding.pid, "SIGTERM");
    if (yield* gone(table, finding, limits.termWaitMillis)) return { ...finding, outcome: "terminated" } as const;
    if (!stillOurs(table, mark, finding)) return { ...finding, outcome: "left-alone" } as const;
    table.signal(table.isGroupLeader(finding.pid) ? -finding.pid : finding.pid, "SIGKILL");
    const dead = yield* gone(table, finding, limits.killWaitMillis);
    return { ...finding, outcome: dead ? "killed" : "survived" } as const;
  });

export const endAll = (
  table: ProcessTable,
  instanceId: string,
  findings: ReadonlyArray<Finding>,
  limits: EndLimits = defaultEndLimits,
): Effect.Effect<ReadonlyArray<Ended>> =>
  Effect.forEach(findings, (finding) => endOne(table, instanceArgument(instanceId), finding, limits), {
    concurrency: "unbounded",
  });
