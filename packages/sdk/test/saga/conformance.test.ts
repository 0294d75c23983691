import type { Machine } from "@destiny/sdk/machine";
import { MachineStoreSuite } from "@destiny/testkit/conformance";
import * as Schema from "effect/Schema";
import { inject } from "vitest";
import * as SagaMachine from "../../src/saga/SagaMachine.ts";
import { SagaMigrations } from "../../src/saga/index.ts";
import * as SagaRegistry from "../../src/saga/SagaRegistry.ts";
import { type SagaInput, SagaOutput, SagaRejected, sagaIdOf, type SagaState } from "../../src/saga/SagaState.ts";
import { makeMemory } from "../../src/saga/SagaStoreMemory.ts";
import { makeSql } from "../../src/saga/SagaStoreSql.ts";
import { operationOf } from "../../src/saga/Turn.ts";
import * as Shop from "./Shop.ts";

const registry = SagaRegistry.make([Shop.PlaceOrder]);

/** So that histories get far. */
const mostly = ["Done", "Done", "Done", "Settled"] as const;
const Step = Schema.Struct({
  kind: Schema.Literals(["Start", "Start", ...mostly, ...mostly, "Refused", "Stray", "Due", "Cancel", "Retry"]),
  key: Schema.Literals(["o1", "o2"]),
  close: Schema.Literals(["pending", "closed", "settled"]),
  text: Schema.Literals(MachineStoreSuite.awkwardTexts),
});
type Step = typeof Step.Type;

const sagaId = (key: string): string => sagaIdOf(Shop.PlaceOrder.name, key);

const start = (key: string): SagaInput => ({
  _tag: "Start",
  sagaId: sagaId(key),
  definition: Shop.PlaceOrder.name,
  version: Shop.PlaceOrder.version,
  key,
  input: { orderId: key, couponId: "c1" },
  correlationId: null,
  traceparent: null,
});

/** The operation whose answer the saga awaits, or one that nobody asked for. */
const awaited = (id: string, state: SagaState | undefined): string =>
  (state && operationOf(Shop.PlaceOrder, id, state)?.operationId) ?? `${id}/nothing`;

const input = (step: Step, { at, name }: MachineStoreSuite.Place, view: Machine.View<string, SagaState>): SagaInput => {
  const key = name(step.key);
  const id = sagaId(key);
  const reply = { sagaId: id, operationId: awaited(id, view.get(id)) };
  switch (step.kind) {
    case "Start":
      return start(key);
    case "Done": {
      const value = { total: 500, payUntil: at + 5000, state: step.close };
      return { _tag: "Reply", ...reply, reply: { _tag: "Done", value } };
    }
    case "Refused":
      return { _tag: "Reply", ...reply, reply: { _tag: "Refused", reason: { reason: step.text } } };
    case "Settled":
      return { _tag: "Event", sagaId: id, type: Shop.Settled.type, payload: { orderId: key, attemptId: step.text } };
    case "Stray":
      return { _tag: "Event", sagaId: id, type: step.text, payload: [step.text] };
    case "Due":
      return { _tag: "Due", sagaId: id };
    case "Cancel":
      return { _tag: "Cancel", sagaId: id, reason: step.text };
    case "Retry":
      return { _tag: "Retry", sagaId: id, actor: step.text, note: step.text };
  }
};

const cases: MachineStoreSuite.Cases<string, SagaState, SagaInput, SagaOutput, SagaRejected, Step> = {
  machine: SagaMachine.make({ registry, replyTo: Shop.replies.name }),
  output: SagaOutput,
  rejection: SagaRejected,
  creates: (key) => [start(key)],
  // Nobody awaits it, so it is counted.
  changes: (key, which) => ({ _tag: "Event", sagaId: sagaId(key), type: `stray.${which}.v1`, payload: {} }),
  rejected: start,
  step: Step,
  input,
};

MachineStoreSuite.suite(
  "SagaStore in memory",
  cases,
  MachineStoreSuite.memory(() => makeMemory().states),
);
MachineStoreSuite.suite(
  "SagaStore in PostgreSQL",
  cases,
  MachineStoreSuite.postgres({
    port: inject("pgPort"),
    migrations: [SagaMigrations.migrations],
    store: (sql) => makeSql(sql).states,
  }),
);
