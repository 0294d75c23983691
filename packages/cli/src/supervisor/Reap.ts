/**
 * What a supervisor that was killed left behind.
 *
 * Guarantee: services end by themselves when their lifeline closes; this waits for that, bounded, and then ends what is
 * left and provably ours. Call with the instance's lock held.
 */
import * as Effect from "effect/Effect";
import type { Instance } from "../instance/InstanceFile.ts";
import type { InstancePaths } from "../instance/Home.ts";
import { readProcesses } from "../instance/ProcessesFile.ts";
import type { ProcessTable } from "../instance/ProcessTable.ts";
import { defaultEndLimits, endAll, type Ended } from "../kill/End.ts";
import { scan } from "../kill/Scan.ts";
import { scriptsOf } from "./Topology.ts";

/** As long as a service may take to drain, see `UnitLimits`. */
const defaultWaitMillis = 10_000;
const pollMillis = 50;

export const reap = (
  table: ProcessTable,
  paths: InstancePaths,
  instance: Instance,
  progress: (line: string) => void,
  waitMillis: number = defaultWaitMillis,
): Effect.Effect<ReadonlyArray<Ended>> =>
  Effect.gen(function* () {
    const leftovers = () =>
      scan(
        table,
        instance.id,
        { ...readProcesses(paths.processesFile), supervisor: null },
        scriptsOf(instance, paths),
      ).filter((finding) => finding.ours);
    const first = leftovers();
    if (first.length === 0) return [];
    progress(
      `waiting for ${first.length} processes of a supervisor that is gone: ${first.map((f) => f.service).join(", ")}`,
    );
    for (let waited = 0; waited < waitMillis && leftovers().length > 0; waited += pollMillis) {
      yield* Effect.sleep(pollMillis);
    }
    return yield* endAll(table, instance.id, leftovers(), { ...defaultEndLimits, termWaitMillis: waitMillis });
  });
