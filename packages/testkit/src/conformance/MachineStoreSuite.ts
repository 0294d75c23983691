/**
 * What every machine store has to do, wherever it keeps its states: the contract of `MachineStore`, seen through a group
 * commit as services use it.
 *
 *     MachineStoreSuite.suite("NotebookStore in memory", cases, MachineStoreSuite.memory(makeMemory));
 *     MachineStoreSuite.suite("NotebookStore in PostgreSQL", cases, MachineStoreSuite.postgres({ port, migrations, store }));
 *
 * Runs in real time, because locks do. A store that ignores its locks is caught by waiting a moment for what a lock would
 * keep out; a slow machine can hide such a fault, but cannot invent one.
 */
import type { MachineStore } from "@destiny/sdk/machine";
import { describe, layer } from "@effect/vitest";
import { answering } from "./machine-store/Answering.ts";
import { sharing } from "./machine-store/Sharing.ts";
import { storing } from "./machine-store/Storing.ts";
import type { Cases, Home, Subject } from "./machine-store/Subject.ts";

export { memory, postgres } from "./machine-store/Homes.ts";
export {
  awkwardTexts,
  type Cases,
  type Home,
  type Instance,
  type Place,
  type Standing,
} from "./machine-store/Subject.ts";

export const suite = <Key extends string, State, Input, Output, Rejection, Step, R, E>(
  name: string,
  cases: Cases<Key, State, Input, Output, Rejection, Step>,
  home: Home<MachineStore.MachineStore<Key, State, Input, Output, Rejection>, R, E>,
): void => {
  const subject: Subject<
    { key: Key; state: State; input: Input; output: Output; rejection: Rejection; step: Step },
    R
  > = { ...cases, ...home };
  describe(name, () => {
    layer(home.layer, { excludeTestServices: true, timeout: "30 seconds" })((it) => {
      storing(it, subject);
      answering(it, subject);
      sharing(it, subject);
    });
  });
};
