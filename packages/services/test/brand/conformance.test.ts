import { MachineStore } from "@destiny/sdk/machine";
import { MachineStoreSuite } from "@destiny/testkit/conformance";
import * as Schema from "effect/Schema";
import { inject } from "vitest";
import { Answer, type BrandInput, type Key, machine, Rejection, type State } from "../../src/brand/Domain.ts";
import * as Store from "../../src/brand/Store.ts";
import { BrandId, OrderId, ProductId, UserId, Won } from "../../src/contracts/index.ts";
import { uuidOf } from "../shared/Named.ts";
import { recipient } from "../shared/Sales.ts";

const managerId = UserId.make("0190a000-0000-7000-8000-000000000002");
const strangerId = UserId.make("0190a000-0000-7000-8000-000000000003");
const productId = ProductId.make("0190a000-0000-7000-8000-000000000004");

const brandIdOf = (name: string): BrandId => BrandId.make(uuidOf(name));

const Step = Schema.Struct({
  kind: Schema.Literals(["Create", "Update", "Sold", "GivenBack", "Remove"]),
  brand: Schema.Literals(["b1", "b2", "b3"]),
  other: Schema.Literals(["b1", "b2", "b3"]),
  stranger: Schema.Boolean,
  text: Schema.Literals(MachineStoreSuite.awkwardTexts),
});
type Step = typeof Step.Type;

const create = (brandId: BrandId, name: string): BrandInput => ({ _tag: "Create", brandId, managerId, name });
const rename = (brandId: BrandId, by: UserId, name: string): BrandInput => ({ _tag: "Update", brandId, by, name });
/** More than 32 bits hold. */
const unitPrice = Won.make(9_000_000_000);

const input = (step: Step, { name }: MachineStoreSuite.Place): BrandInput => {
  const brandId = brandIdOf(name(step.brand));
  const by = step.stranger ? strangerId : managerId;
  switch (step.kind) {
    case "Create":
      return create(brandId, step.text);
    case "Update":
      return rename(brandId, by, step.text);
    case "Remove":
      return { _tag: "Remove", brandId, by };
    default: {
      const lines = [step.brand, step.other].map((one) => ({
        productId,
        brandId: brandIdOf(name(one)),
        quantity: 1,
        unitPrice,
        discount: Won.make(1),
        paid: Won.make(unitPrice - 1),
      }));
      const orderId = OrderId.make(uuidOf(name(`order ${step.brand}`)));
      const sale = { orderId, userId: strangerId, lines, amount: unitPrice, at: 1 };
      return step.kind === "Sold"
        ? { _tag: "Sold", ...sale, recipient: { ...recipient, deliveryMessage: step.text } }
        : { _tag: "GivenBack", ...sale };
    }
  }
};

const cases: MachineStoreSuite.Cases<Key, State, BrandInput, Answer, Rejection, Step> = {
  machine,
  output: Answer,
  rejection: Rejection,
  creates: (name) => [create(brandIdOf(name), "new")],
  changes: (name, which) => rename(brandIdOf(name), managerId, which === 0 ? "one name" : "another"),
  rejected: (name) => rename(brandIdOf(name), strangerId, "mine"),
  step: Step,
  input,
};

MachineStoreSuite.suite(
  "brands in memory",
  cases,
  MachineStoreSuite.memory(() => MachineStore.makeMemory()),
);
MachineStoreSuite.suite(
  "brands in PostgreSQL",
  cases,
  MachineStoreSuite.postgres({ port: inject("pgPort"), migrations: [Store.migrations], store: Store.make }),
);
