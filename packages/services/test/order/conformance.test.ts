import { MachineStore } from "@destiny/sdk/machine";
import { MachineStoreSuite } from "@destiny/testkit/conformance";
import * as Schema from "effect/Schema";
import { inject } from "vitest";
import { BrandId, CancellationId, CouponId, OrderId, ProductId, UserId, Won } from "../../src/contracts/index.ts";
import { machine, type OrderInput, OrderState, Rejection } from "../../src/order/Domain.ts";
import { uuidOf } from "../shared/Named.ts";
import * as Store from "../../src/order/Store.ts";
import { recipient } from "../shared/Sales.ts";

const userId = UserId.make("0190a000-0000-7000-8000-000000000002");
const strangerId = UserId.make("0190a000-0000-7000-8000-000000000003");
const productId = ProductId.make("0190a000-0000-7000-8000-000000000004");
const couponId = CouponId.make("0190a000-0000-7000-8000-000000000007");
const brandId = BrandId.make("0190a000-0000-7000-8000-000000000005");

/** The order that is called so. */
const orderIdOf = (name: string): OrderId => OrderId.make(uuidOf(name));

const Step = Schema.Struct({
  kind: Schema.Literals([
    "Place",
    "Place",
    "RequestCancel",
    "Deliver",
    "Remove",
    "AwaitPayment",
    "Complete",
    "CloseCancellation",
    "Close",
  ]),
  order: Schema.Literals(["o1", "o2", "o3"]),
  failed: Schema.Boolean,
  quantity: Schema.Literals([1, 99]),
  text: Schema.Literals(MachineStoreSuite.awkwardTexts),
});
type Step = typeof Step.Type;

const place = (orderId: OrderId, text: string, quantity: number): OrderInput => ({
  _tag: "Place",
  orderId,
  userId,
  lines: [{ productId, quantity }],
  couponId: text === "plain" ? null : couponId,
  recipient: { ...recipient, address2: text },
});
/** More than 32 bits hold. */
const unitPrice = Won.make(9_000_000_000);
const discount = Won.make(4_300_000_000);
const awaitPayment = (orderId: OrderId): OrderInput => ({
  _tag: "AwaitPayment",
  orderId,
  lines: [{ productId, brandId, quantity: 1, unitPrice, discount }],
  amount: Won.make(unitPrice - discount),
});

const cancel = (orderId: OrderId, by: UserId | null, reason: string): OrderInput => ({
  _tag: "RequestCancel",
  orderId,
  cancellationId: CancellationId.make(orderId),
  userId: by,
  reason,
});

const input = (step: Step, { name }: MachineStoreSuite.Place): OrderInput => {
  const orderId = orderIdOf(name(step.order));
  switch (step.kind) {
    case "Place":
      return place(orderId, step.text, step.quantity);
    case "RequestCancel":
      return cancel(orderId, step.failed ? null : userId, step.text);
    case "Deliver":
      return { _tag: step.kind, orderId, to: step.failed ? "DELIVERED" : "SHIPPING" };
    case "Remove":
      return { _tag: step.kind, orderId, userId: step.failed ? null : userId };
    case "AwaitPayment":
      return awaitPayment(orderId);
    case "Complete":
      return { _tag: step.kind, orderId };
    case "CloseCancellation": {
      const givenUp = { _tag: "GivenUp", why: step.text } as const;
      const outcome = step.failed ? givenUp : ({ _tag: "Canceled" } as const);
      return { _tag: step.kind, orderId, cancellationId: CancellationId.make(orderId), outcome };
    }
    case "Close": {
      const failed = { _tag: "Failed", reason: "SOLD_OUT", detail: step.text } as const;
      return { _tag: step.kind, orderId, outcome: step.failed ? failed : { _tag: "Canceled" } };
    }
  }
};

const cases: MachineStoreSuite.Cases<OrderId, OrderState, OrderInput, OrderState, Rejection, Step> = {
  machine,
  output: OrderState,
  rejection: Rejection,
  creates: (name) => [place(orderIdOf(name), "", 1)],
  changes: (name, which) => (which === 0 ? awaitPayment(orderIdOf(name)) : cancel(orderIdOf(name), userId, "why not")),
  rejected: (name) => cancel(orderIdOf(name), strangerId, "why not"),
  step: Step,
  input,
};

MachineStoreSuite.suite(
  "orders in memory",
  cases,
  MachineStoreSuite.memory(() => MachineStore.makeMemory()),
);
MachineStoreSuite.suite(
  "orders in PostgreSQL",
  cases,
  MachineStoreSuite.postgres({ port: inject("pgPort"), migrations: [Store.migrations], store: Store.make }),
);
