import { MachineStore } from "@destiny/sdk/machine";
import { MachineStoreSuite } from "@destiny/testkit/conformance";
import * as Schema from "effect/Schema";
import { inject } from "vitest";
import { BrandId, OrderId, ProductId, UserId, Won } from "../../src/contracts/index.ts";
import { machine } from "../../src/notification/Domain.ts";
import {
  Answer,
  deliveryId,
  type Key,
  type NotificationInput,
  Rejection,
  type State,
} from "../../src/notification/State.ts";
import * as Store from "../../src/notification/Store.ts";
import { uuidOf } from "../shared/Named.ts";
import { recipient } from "../shared/Sales.ts";

const managerId = UserId.make("0190a000-0000-7000-8000-000000000002");
const strangerId = UserId.make("0190a000-0000-7000-8000-000000000003");
const productId = ProductId.make("0190a000-0000-7000-8000-000000000004");
const brandIdOf = (name: string): BrandId => BrandId.make(uuidOf(name));

const Step = Schema.Struct({
  kind: Schema.Literals(["BrandTold", "SetChannel", "Completed", "Failed", "Posted", "Claim", "Settle"]),
  brand: Schema.Literals(["b1", "b2"]),
  event: Schema.Literals(["e1", "e2", "e3"]),
  stranger: Schema.Boolean,
  version: Schema.Literals([1, 2]),
  text: Schema.Literals(MachineStoreSuite.awkwardTexts),
});
type Step = typeof Step.Type;

const told = (brandId: BrandId, brandName: string, version: number): NotificationInput => ({
  _tag: "BrandTold",
  brandId,
  managerId,
  brandName,
  version,
  isRemoved: false,
});
const channel = (brandId: BrandId, by: UserId, webhook: string): NotificationInput => ({
  _tag: "SetChannel",
  brandId,
  by,
  webhook,
  isActive: true,
});

const input = (step: Step, { name }: MachineStoreSuite.Place): NotificationInput => {
  const brandId = brandIdOf(name(step.brand));
  const eventId = name(step.event);
  const orderId = OrderId.make(uuidOf(eventId));
  const sending = { route: brandId, deliveryIds: [deliveryId(eventId, brandId)] };
  switch (step.kind) {
    case "BrandTold":
      return told(brandId, step.text, step.version);
    case "SetChannel":
      return channel(brandId, step.stranger ? strangerId : managerId, step.text);
    case "Completed": {
      const unitPrice = Won.make(9_000_000_000);
      const lines = [{ productId, brandId, quantity: 1, unitPrice, discount: Won.make(0), paid: unitPrice }];
      const sale = { orderId, userId: strangerId, lines, amount: unitPrice, recipient, at: 1 };
      return { _tag: step.kind, eventId, ...sale };
    }
    case "Failed":
      return { _tag: step.kind, eventId, orderId, userId: strangerId, reason: step.text, detail: step.text, at: 1 };
    case "Posted":
      return { _tag: step.kind, eventId, brandId, kind: "SAGA_ERROR", text: step.text };
    case "Claim":
      return { _tag: step.kind, ...sending, leaseMillis: 1 };
    case "Settle":
      return { _tag: step.kind, ...sending, outcome: { _tag: "Sent", code: 200, message: step.text } };
  }
};

const cases: MachineStoreSuite.Cases<Key, State, NotificationInput, Answer, Rejection, Step> = {
  machine,
  output: Answer,
  rejection: Rejection,
  creates: (name) => [told(brandIdOf(name), "new", 1)],
  changes: (name, which) => channel(brandIdOf(name), managerId, which === 0 ? "/services/a" : "/services/b"),
  rejected: (name) => channel(brandIdOf(name), strangerId, "/services/c"),
  step: Step,
  input,
};

MachineStoreSuite.suite(
  "notifications in memory",
  cases,
  MachineStoreSuite.memory(() => MachineStore.makeMemory()),
);
MachineStoreSuite.suite(
  "notifications in PostgreSQL",
  cases,
  MachineStoreSuite.postgres({ port: inject("pgPort"), migrations: [Store.migrations], store: Store.make }),
);
