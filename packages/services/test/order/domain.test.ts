import { assert, describe, it } from "@effect/vitest";
import { Machine } from "@destiny/sdk/machine";
import * as Effect from "effect/Effect";
import * as Schema from "effect/Schema";
import {
  BrandId,
  OrderCancelRequested,
  OrderId,
  OrderPlaced,
  OrderStatus,
  ProductId,
  UserId,
  Won,
} from "../../src/contracts/index.ts";
import { emit, machine, type OrderInput, OrderState, type Rejection } from "../../src/order/Domain.ts";
import { recipient } from "./Orders.ts";

const orderId = OrderId.make("0190a000-0000-7000-8000-000000000001");
const userId = UserId.make("0190a000-0000-7000-8000-000000000002");
const strangerId = UserId.make("0190a000-0000-7000-8000-000000000003");
const productId = ProductId.make("0190a000-0000-7000-8000-000000000004");
const brandId = BrandId.make("0190a000-0000-7000-8000-000000000005");

/** Every input, and the variants of it that go different ways. */
const inputs = {
  Place: { _tag: "Place", orderId, userId, lines: [{ productId, quantity: 2 }], recipient },
  RequestCancel: { _tag: "RequestCancel", orderId, userId, reason: "why not" },
  RequestCancelByStranger: { _tag: "RequestCancel", orderId, userId: strangerId, reason: "why not" },
  RequestCancelByMaster: { _tag: "RequestCancel", orderId, userId: null, reason: "why not" },
  AwaitPayment: {
    _tag: "AwaitPayment",
    orderId,
    lines: [{ productId, brandId, quantity: 2, unitPrice: Won.make(500) }],
    amount: Won.make(1000),
  },
  Complete: { _tag: "Complete", orderId },
  CloseFailed: { _tag: "Close", orderId, outcome: { _tag: "Failed", reason: "SOLD_OUT", detail: "none left" } },
  CloseCanceled: { _tag: "Close", orderId, outcome: { _tag: "Canceled" } },
} as const satisfies Record<string, OrderInput>;
type Variant = keyof typeof inputs;
const variants = Object.keys(inputs) as ReadonlyArray<Variant>;

/** Fails to compile when an input has no variant above. */
const covered: (typeof inputs)[Variant]["_tag"] extends infer Tag
  ? OrderInput["_tag"] extends Tag
    ? true
    : never
  : never = true;

/** The status that the order moves to, `asked` for a wish that is noted, `same` for a repetition, or how it is refused. */
type Outcome = OrderStatus | "asked" | "same" | Rejection["_tag"] | "defect";

const refusesCommands = {
  AwaitPayment: "defect",
  Complete: "defect",
  CloseFailed: "defect",
  CloseCanceled: "defect",
} as const;
const asks = { RequestCancel: "asked", RequestCancelByStranger: "NotFound", RequestCancelByMaster: "asked" } as const;
const tooLate = {
  RequestCancel: "NotCancellable",
  RequestCancelByStranger: "NotFound",
  RequestCancelByMaster: "NotCancellable",
} as const;

const table: Record<OrderStatus | "none", Record<Variant, Outcome>> = {
  none: {
    Place: "PENDING",
    RequestCancel: "NotFound",
    RequestCancelByStranger: "NotFound",
    RequestCancelByMaster: "NotFound",
    ...refusesCommands,
  },
  PENDING: {
    Place: "defect",
    ...asks,
    AwaitPayment: "WAITING_PAYMENT",
    Complete: "defect",
    CloseFailed: "FAILED",
    CloseCanceled: "CANCELED",
  },
  WAITING_PAYMENT: {
    Place: "defect",
    ...asks,
    AwaitPayment: "same",
    Complete: "COMPLETED",
    CloseFailed: "FAILED",
    CloseCanceled: "CANCELED",
  },
  COMPLETED: {
    Place: "defect",
    ...tooLate,
    AwaitPayment: "same",
    Complete: "same",
    CloseFailed: "defect",
    CloseCanceled: "defect",
  },
  FAILED: {
    Place: "defect",
    ...tooLate,
    AwaitPayment: "same",
    Complete: "defect",
    CloseFailed: "same",
    CloseCanceled: "same",
  },
  CANCELED: {
    Place: "defect",
    ...tooLate,
    AwaitPayment: "same",
    Complete: "defect",
    CloseFailed: "same",
    CloseCanceled: "same",
  },
  PAYMENT_REVIEW: { Place: "defect", ...tooLate, ...refusesCommands },
  CANCEL_REQUESTED: { Place: "defect", ...tooLate, ...refusesCommands },
  CANCEL_FAILED: { Place: "defect", ...tooLate, ...refusesCommands },
};

/** The contract also names what the cancellation of paid orders and a payment under review will need. */
const reachable: ReadonlyArray<OrderStatus> = ["PENDING", "WAITING_PAYMENT", "COMPLETED", "FAILED", "CANCELED"];
const terminal: ReadonlySet<OrderStatus> = new Set(["COMPLETED", "FAILED", "CANCELED"]);

const decide = (order: OrderState | undefined, variant: Variant, at: number) => {
  const view: Machine.View<OrderId, OrderState> = { get: () => order, version: () => (order === undefined ? 0 : 1) };
  const input = { id: `${at}`, at, input: inputs[variant] };
  return { input, verdict: machine.decide(view, input) };
};

const typesEmitted = (decided: ReturnType<typeof decide>): ReadonlyArray<string> =>
  emit({ ...decided, version: () => 1 }).map(({ type }) => type);

const placed: OrderState = (() => {
  const { verdict } = decide(undefined, "Place", 0);
  const [order] = verdict._tag === "Accepted" ? verdict.outputs : [];
  if (order === undefined) throw new Error("a placed order exists");
  return order;
})();

const outcomeOf = (order: OrderState | undefined, variant: Variant): Outcome => {
  try {
    const { verdict } = decide(order, variant, 1);
    if (verdict._tag === "Rejected") return verdict.rejection._tag;
    const after = verdict.changes.get(orderId);
    if (after === undefined) return "same";
    return after.status === order?.status ? "asked" : after.status;
  } catch {
    return "defect";
  }
};

describe("the order's table", () => {
  it("names every status of the contract and every input of the machine", () => {
    assert.deepStrictEqual(new Set(Object.keys(table)), new Set(["none", ...OrderStatus.literals]));
    assert.isTrue(covered);
  });

  for (const [status, row] of Object.entries(table) as ReadonlyArray<
    [OrderStatus | "none", Record<Variant, Outcome>]
  >) {
    it(`is what the machine does with an order that is ${status}`, () => {
      const order = status === "none" ? undefined : { ...placed, status };
      assert.deepStrictEqual(Object.fromEntries(variants.map((one) => [one, outcomeOf(order, one)])), row);
    });
  }

  it("reaches what a shopper can see and nothing else", () => {
    const seen = new Set<OrderStatus>();
    const visit = (order: OrderState | undefined): void => {
      for (const variant of variants) {
        const outcome = outcomeOf(order, variant);
        if (!Schema.is(OrderStatus)(outcome) || seen.has(outcome)) continue;
        seen.add(outcome);
        visit({ ...placed, status: outcome });
      }
    };
    visit(undefined);
    assert.deepStrictEqual(seen, new Set(reachable));
  });
});

describe("any history of an order", () => {
  const History = Schema.Array(Schema.Literals(variants as readonly [Variant, ...ReadonlyArray<Variant>]));

  it.effect.prop(
    "leaves terminal states alone, keeps owner and recipient, fixes the amount once, and says each thing once",
    [History],
    ([history]) =>
      Effect.sync(() => {
        let order: OrderState | undefined;
        const emitted: Array<string> = [];
        ["Place" as const, ...history].forEach((variant, at) => {
          let decided: ReturnType<typeof decide>;
          try {
            decided = decide(order, variant, at);
          } catch {
            return;
          }
          emitted.push(...typesEmitted(decided));
          const after = decided.verdict.changes.get(orderId);
          if (after === undefined) return;
          assert.isTrue(Schema.is(OrderState)(after), "a state that the store can read again");
          if (order !== undefined) {
            assert.isFalse(terminal.has(order.status), `${order.status} changed by ${variant}`);
            assert.deepStrictEqual(
              [after.id, after.userId, after.recipient, after.createdAt],
              [order.id, order.userId, order.recipient, order.createdAt],
            );
            if (order.amount !== null) assert.strictEqual(after.amount, order.amount);
          }
          assert.strictEqual(after.updatedAt, at);
          assert.strictEqual(after.failure !== null, after.status === "FAILED");
          if (after.status === "COMPLETED") assert.isNotNull(after.amount);
          order = after;
        });
        assert.strictEqual(emitted.filter((type) => type === OrderPlaced.type).length, 1);
        const asked = emitted.filter((type) => type === OrderCancelRequested.type).length;
        assert.strictEqual(asked, order?.cancelReason === null ? 0 : 1);
      }),
    { arbitrary: { runs: 300 } },
  );
});
