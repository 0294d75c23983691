import { ReservationMachine, ReservationStore, ReservationTables } from "@destiny/sdk/reservation";
import { MachineStoreSuite } from "@destiny/testkit/conformance";
import * as Schema from "effect/Schema";
import { inject } from "vitest";

const rarely = ["Extend", "Release", "Expire", "Return", "Adjust"] as const;
const Step = Schema.Struct({
  kind: Schema.Literals(["Restock", "Hold", "Hold", "Hold", "Claim", "Claim", ...rarely]),
  order: Schema.Literals(["o1", "o2", "o3", "o4", "o5"]),
  skus: Schema.Array(Schema.Literals(["a", "a", "a", "b", "b", "unknown"])).check(Schema.isBetweenLength(1, 2)),
  quantity: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 3 })),
  text: Schema.Literals(MachineStoreSuite.awkwardTexts),
});
type Step = typeof Step.Type;

const input = (step: Step, { at, name, serial }: MachineStoreSuite.Place): ReservationMachine.Input => {
  const orderId = name(step.order);
  const sku = name(step.skus[0] ?? "a");
  const cause = `${step.text} ${serial}`;
  switch (step.kind) {
    case "Hold":
      return {
        _tag: "Hold",
        orderId,
        lines: step.skus.map((one) => ({ sku: name(one), quantity: step.quantity })),
        until: at + step.quantity * 1000,
      };
    case "Extend":
      return { _tag: "Extend", orderId, until: at + 5000 };
    case "Restock":
      return { _tag: "Restock", sku, quantity: step.quantity * 3, cause };
    case "Adjust":
      return { _tag: "Adjust", sku, delta: -step.quantity, cause };
    default:
      return { _tag: step.kind, orderId };
  }
};

const cases: MachineStoreSuite.Cases<
  ReservationMachine.Key,
  ReservationMachine.State,
  ReservationMachine.Input,
  ReservationMachine.Output,
  ReservationMachine.Rejection,
  Step
> = {
  machine: ReservationMachine.machine,
  output: ReservationMachine.Output,
  rejection: ReservationMachine.Rejection,
  creates: (sku) => [{ _tag: "Restock", sku, quantity: 1, cause: "first" }],
  changes: (sku, which) => ({ _tag: "Restock", sku, quantity: 1, cause: `change ${which}` }),
  rejected: (sku) => ({ _tag: "Adjust", sku, delta: -100, cause: "too much" }),
  step: Step,
  input,
};

MachineStoreSuite.suite("ReservationStore in memory", cases, MachineStoreSuite.memory(ReservationStore.makeMemory));
MachineStoreSuite.suite(
  "ReservationStore in PostgreSQL",
  cases,
  MachineStoreSuite.postgres({
    port: inject("pgPort"),
    migrations: [ReservationTables.migrations],
    store: ReservationStore.make,
  }),
);
