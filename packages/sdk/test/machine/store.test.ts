import { MachineStoreSuite } from "@destiny/testkit/conformance";
import * as Schema from "effect/Schema";
import { inject } from "vitest";
import * as Notebook from "../outbox/Notebook.ts";

const Step = Schema.Struct({
  key: Schema.Literals(["a", "b", "c"]),
  word: Schema.Literals([...MachineStoreSuite.awkwardTexts, "refused", "defect"]),
});

const cases: MachineStoreSuite.Cases<
  string,
  ReadonlyArray<string>,
  Notebook.Append,
  string,
  string,
  typeof Step.Type
> = {
  machine: Notebook.machine,
  output: Schema.String,
  rejection: Schema.String,
  creates: (key) => [{ key, word: "first" }],
  changes: (key, which) => ({ key, word: `change ${which}` }),
  rejected: (key) => ({ key, word: "refused" }),
  step: Step,
  input: ({ key, word }, { name }) => ({ key: name(key), word }),
};

MachineStoreSuite.suite("NotebookStore in memory", cases, MachineStoreSuite.memory(Notebook.memoryStore));
MachineStoreSuite.suite(
  "NotebookStore in PostgreSQL",
  cases,
  MachineStoreSuite.postgres({
    port: inject("pgPort"),
    migrations: [Notebook.migrations],
    store: Notebook.store,
  }),
);
