import { assert, describe, it } from "@effect/vitest";
import { Machine } from "@destiny/sdk/machine";
import * as Effect from "effect/Effect";
import * as Schema from "effect/Schema";
import {
  BrandId,
  CancellationId,
  type DeliveryStatus,
  OrderCanceled,
  OrderCancelFailed,
  OrderCancellationStarted,
  OrderCancelRequested,
  OrderCompleted,
  OrderFailed,
  OrderId,
  OrderPlaced,
  OrderStatus,
  ProductId,
  UserId,
  Won,
} from "../../src/contracts/index.ts";
import { machine, type OrderInput, OrderState, type Rejection } from "../../src/order/Domain.ts";
import { emit } from "../../src/order/Messages.ts";
import { recipient } from "../shared/Sales.ts";

const orderId = OrderId.make("0190a000-0000-7000-8000-000000000001");
const userId = UserId.make("0190a000-0000-7000-8000-000000000002");
const strangerId = UserId.make("0190a000-0000-7000-8000-000000000003");
const productId = ProductId.make("0190a000-0000-7000-8000-000000000004");
const cancellationId = CancellationId.make("0190a000-0000-7000-8000-000000000006");
const brandId = BrandId.make("0190a000-0000-7000-8000-000000000005");

/** Every input, and the variants of it that go different ways. */
const inputs = {
  Place: { _tag: "Place", orderId, userId, lines: [{ productId, quantity: 2 }], couponId: null, recipient },
  RequestCancel: { _tag: "RequestCancel", orderId, cancellationId, userId, reason: "why not" },
  RequestCancelByStranger: { _tag: "RequestCancel", orderId, cancellationId, userId: strangerId, reason: "why not" },
  RequestCancelByMaster: { _tag: "RequestCancel", orderId, cancellationId, userId: null, reason: "why not" },
  Send: { _tag: "Deliver", orderId, to: "SHIPPING" },
  Arrive: { _tag: "Deliver", orderId, to: "DELIVERED" },
  Remove: { _tag: "Remove", orderId, userId },
  RemoveByStranger: { _tag: "Remove", orderId, userId: strangerId },
  AwaitPayment: {
    _tag: "AwaitPayment",
    orderId,
    lines: [{ productId, brandId, quantity: 2, unitPrice: Won.make(500), discount: Won.make(0) }],
    amount: Won.make(1000),
  },
  Complete: { _tag: "Complete", orderId },
  CloseFailed: { _tag: "Close", orderId, outcome: { _tag: "Failed", reason: "SOLD_OUT", detail: "none left" } },
  CloseCanceled: { _tag: "Close", orderId, outcome: { _tag: "Canceled" } },
  CancellationDone: { _tag: "CloseCancellation", orderId, cancellationId, outcome: { _tag: "Canceled" } },
  CancellationGivenUp: {
    _tag: "CloseCancellation",
    orderId,
    cancellationId,
    outcome: { _tag: "GivenUp", why: "return stock: given up by kim" },
  },
  OldCancellationGivenUp: {
    _tag: "CloseCancellation",
    orderId,
    cancellationId: CancellationId.make("0190a000-0000-7000-8000-000000000007"),
    outcome: { _tag: "GivenUp", why: "long ago" },
  },
} as const satisfies Record<string, OrderInput>;
type Variant = keyof typeof inputs;
const variants = Object.keys(inputs) as ReadonlyArray<Variant>;

/** Fails to compile when an input has no variant above. */
const covered: (typeof inputs)[Variant]["_tag"] extends infer Tag
  ? OrderInput["_tag"] extends Tag
    ? true
    : never
  : never = true;

/** The status or place that the order moves to, `asked` for a wish that is noted, `same` for a repetition, or how it is refused. */
type Outcome = OrderStatus | DeliveryStatus | "asked" | "removed" | "same" | Rejection["_tag"] | "defect";

const refusesCommands = {
  AwaitPayment: "defect",
  Complete: "defect",
  CloseFailed: "defect",
  CloseCanceled: "defect",
  CancellationDone: "defect",
  CancellationGivenUp: "defect",
  OldCancellationGivenUp: "defect",
} as const;
const noCancellation = {
  CancellationDone: "defect",
  CancellationGivenUp: "defect",
  OldCancellationGivenUp: "defect",
} as const;
const cancellationPassed = {
  CancellationDone: "same",
  CancellationGivenUp: "same",
  OldCancellationGivenUp: "same",
} as const;
const afterSale = {
  Place: "defect",
  AwaitPayment: "same",
  Complete: "same",
  CloseFailed: "defect",
  CloseCanceled: "defect",
} as const;
const notSent = { Send: "NotDeliverable", Arrive: "NotDeliverable" } as const;
const over = { ...notSent, Remove: "removed", RemoveByStranger: "NotFound" } as const;
const underWay = { ...notSent, Remove: "UnderWay", RemoveByStranger: "NotFound" } as const;
const asks = { RequestCancel: "asked", RequestCancelByStranger: "NotFound", RequestCancelByMaster: "asked" } as const;
const tooLate = {
  RequestCancel: "NotCancellable",
  RequestCancelByStranger: "NotFound",
  RequestCancelByMaster: "NotCancellable",
} as const;

/** An order that ended CANCELED before it was sold differs from one that was sold first. */
type Row = OrderStatus | "none" | "COMPLETED and SHIPPING" | "COMPLETED and DELIVERED" | "CANCELED after COMPLETED";

const table: Record<Row, Record<Variant, Outcome>> = {
  none: {
    Place: "PENDING",
    RequestCancel: "NotFound",
    RequestCancelByStranger: "NotFound",
    RequestCancelByMaster: "NotFound",
    Send: "NotFound",
    Arrive: "NotFound",
    Remove: "NotFound",
    RemoveByStranger: "NotFound",
    ...refusesCommands,
  },
  PENDING: {
    Place: "defect",
    ...asks,
    ...underWay,
    AwaitPayment: "WAITING_PAYMENT",
    Complete: "defect",
    CloseFailed: "FAILED",
    CloseCanceled: "CANCELED",
    ...noCancellation,
  },
  WAITING_PAYMENT: {
    Place: "defect",
    ...asks,
    ...underWay,
    AwaitPayment: "same",
    Complete: "COMPLETED",
    CloseFailed: "FAILED",
    CloseCanceled: "CANCELED",
    ...noCancellation,
  },
  COMPLETED: {
    ...afterSale,
    RequestCancel: "CANCEL_REQUESTED",
    RequestCancelByStranger: "NotFound",
    RequestCancelByMaster: "CANCEL_REQUESTED",
    Send: "SHIPPING",
    Arrive: "NotDeliverable",
    Remove: "UnderWay",
    RemoveByStranger: "NotFound",
    // Of an order that nobody wanted to cancel no cancellation can end.
    ...noCancellation,
  },
  "COMPLETED and SHIPPING": {
    ...afterSale,
    ...tooLate,
    ...underWay,
    Send: "same",
    Arrive: "DELIVERED",
    ...noCancellation,
  },
  "COMPLETED and DELIVERED": { ...afterSale, ...tooLate, ...over, Arrive: "same", ...noCancellation },
  FAILED: {
    Place: "defect",
    ...tooLate,
    ...over,
    AwaitPayment: "same",
    Complete: "defect",
    CloseFailed: "same",
    CloseCanceled: "same",
    ...noCancellation,
  },
  CANCELED: {
    Place: "defect",
    ...tooLate,
    ...over,
    AwaitPayment: "same",
    Complete: "defect",
    CloseFailed: "same",
    CloseCanceled: "same",
    ...noCancellation,
  },
  CANCEL_REQUESTED: {
    ...afterSale,
    RequestCancel: "same",
    RequestCancelByStranger: "NotFound",
    RequestCancelByMaster: "same",
    ...underWay,
    CancellationDone: "CANCELED",
    CancellationGivenUp: "CANCEL_FAILED",
    OldCancellationGivenUp: "same",
  },
  CANCEL_FAILED: {
    ...afterSale,
    ...tooLate,
    ...underWay,
    RequestCancelByMaster: "CANCEL_REQUESTED",
    ...cancellationPassed,
  },
  "CANCELED after COMPLETED": { ...afterSale, ...tooLate, ...over, ...cancellationPassed },
  PAYMENT_REVIEW: { Place: "defect", ...tooLate, ...underWay, ...refusesCommands },
};

/** The contract also names what a payment under review will need. */
const reachable: ReadonlyArray<OrderStatus> = OrderStatus.literals.filter((status) => status !== "PAYMENT_REVIEW");
/** Only what people wish moves what has ended. */
const ended: ReadonlySet<OrderStatus> = new Set(["COMPLETED", "FAILED", "CANCELED", "CANCEL_FAILED"]);
const wishes: ReadonlySet<Variant> = new Set(["RequestCancel", "RequestCancelByMaster", "Send", "Arrive", "Remove"]);

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
    if (after.status !== order?.status) return after.status;
    if (after.removed !== order.removed) return "removed";
    return after.delivery !== null && after.delivery !== order.delivery ? after.delivery : "asked";
  } catch {
    return "defect";
  }
};

const cancellation = { id: cancellationId, reason: "why not", givenUp: null };

const orderIn = (row: Row): OrderState | undefined => {
  switch (row) {
    case "none":
      return undefined;
    case "COMPLETED":
      return { ...placed, status: row, amount: Won.make(1000), completedAt: 0, delivery: "PREPARING" };
    case "COMPLETED and SHIPPING":
    case "COMPLETED and DELIVERED": {
      const delivery = row === "COMPLETED and SHIPPING" ? "SHIPPING" : "DELIVERED";
      return { ...placed, status: "COMPLETED", amount: Won.make(1000), completedAt: 0, delivery };
    }
    case "CANCEL_REQUESTED":
    case "CANCEL_FAILED":
    case "CANCELED after COMPLETED": {
      const isOver = row === "CANCELED after COMPLETED";
      const status = isOver ? "CANCELED" : row;
      const delivery = isOver ? null : "PREPARING";
      return { ...placed, status, amount: Won.make(1000), completedAt: 0, cancellation, delivery };
    }
    default:
      return { ...placed, status: row };
  }
};

describe("the order's table", () => {
  it("names every status of the contract and every input of the machine", () => {
    assert.deepStrictEqual(
      new Set(Object.keys(table)),
      new Set([
        "none",
        ...OrderStatus.literals,
        "COMPLETED and SHIPPING",
        "COMPLETED and DELIVERED",
        "CANCELED after COMPLETED",
      ]),
    );
    assert.isTrue(covered);
  });

  for (const [row, expected] of Object.entries(table) as ReadonlyArray<[Row, Record<Variant, Outcome>]>) {
    it(`is what the machine does with an order that is ${row}`, () => {
      const order = orderIn(row);
      assert.deepStrictEqual(Object.fromEntries(variants.map((one) => [one, outcomeOf(order, one)])), expected);
    });
  }

  it("reaches what a shopper can see and nothing else", () => {
    const seen = new Set<OrderStatus>();
    const visit = (row: Row): void => {
      for (const variant of variants) {
        const outcome = outcomeOf(orderIn(row), variant);
        if (!Schema.is(OrderStatus)(outcome) || seen.has(outcome)) continue;
        seen.add(outcome);
        visit(outcome);
      }
    };
    visit("none");
    assert.deepStrictEqual(seen, new Set(reachable));
  });

  it("starts CancelOrder once: by the wish after the completion, or by the completion after the wish", () => {
    const emitted = (order: OrderState | undefined, variant: Variant) =>
      typesEmitted(decide(order, variant, 1)).filter((type) => type === OrderCancellationStarted.type);
    assert.deepStrictEqual(emitted(orderIn("COMPLETED"), "RequestCancel"), [OrderCancellationStarted.type]);
    assert.deepStrictEqual(emitted(orderIn("CANCEL_REQUESTED"), "RequestCancel"), []);
    const waiting: OrderState = { ...placed, status: "WAITING_PAYMENT", amount: Won.make(1000), cancellation };
    assert.deepStrictEqual(emitted(waiting, "Complete"), [OrderCancellationStarted.type]);
    assert.strictEqual(outcomeOf(waiting, "Complete"), "CANCEL_REQUESTED");
    assert.deepStrictEqual(emitted({ ...waiting, cancellation: null }, "Complete"), []);
    assert.deepStrictEqual(emitted(orderIn("CANCEL_FAILED"), "RequestCancelByMaster"), [OrderCancellationStarted.type]);
  });
});

describe("an order that its shopper removed", () => {
  const removed = { ...orderIn("COMPLETED and DELIVERED"), removed: true } as OrderState;

  it("is nothing any more for the shopper, and what it was for those who run the shop", () => {
    assert.strictEqual(outcomeOf(removed, "Remove"), "NotFound");
    assert.strictEqual(outcomeOf(removed, "RequestCancel"), "NotFound");
    assert.strictEqual(outcomeOf(removed, "RequestCancelByMaster"), "NotCancellable");
    assert.strictEqual(outcomeOf(removed, "Arrive"), "same");
  });

  it("and one of before deliveries were known are read from what was stored of them", () => {
    const { delivery, removed: _, ...before } = Schema.encodeSync(OrderState)(removed);
    assert.isDefined(delivery);
    assert.deepInclude(Schema.decodeSync(OrderState)(before), { delivery: null, removed: false });
  });
});

describe("how an order ended", () => {
  const facts: ReadonlySet<string> = new Set(
    [OrderCompleted, OrderCanceled, OrderFailed, OrderCancelFailed].map(({ type }) => type),
  );
  const factOf = (variant: Variant, outcome: Outcome): ReadonlyArray<string> => {
    if (variant === "Complete")
      return outcome === "COMPLETED" || outcome === "CANCEL_REQUESTED" ? [OrderCompleted.type] : [];
    if (outcome === "FAILED") return [OrderFailed.type];
    if (outcome === "CANCEL_FAILED") return [OrderCancelFailed.type];
    // Cancelled before it was sold: nobody but its shopper has to know.
    return variant === "CancellationDone" && outcome === "CANCELED" ? [OrderCanceled.type] : [];
  };

  it("is told by the decision that ends it, and by no other", () => {
    const told = new Set<string>();
    for (const row of Object.keys(table) as ReadonlyArray<Row>) {
      const order = orderIn(row);
      const priced = order === undefined ? undefined : { ...order, amount: Won.make(1000) };
      for (const variant of variants) {
        const outcome = outcomeOf(priced, variant);
        if (outcome === "defect") continue;
        const emitted = typesEmitted(decide(priced, variant, 1)).filter((type) => facts.has(type));
        assert.deepStrictEqual(emitted, factOf(variant, outcome), `${row} ${variant}`);
        for (const type of emitted) told.add(type);
      }
    }
    assert.deepStrictEqual(told, facts);
  });
});

describe("any history of an order", () => {
  const History = Schema.Array(Schema.Literals(variants as readonly [Variant, ...ReadonlyArray<Variant>]));

  it.effect.prop(
    "leaves what has ended alone unless somebody wants to cancel, keeps owner and recipient, fixes the amount once, and says each thing once",
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
            assert.isFalse(ended.has(order.status) && !wishes.has(variant), `${order.status} changed by ${variant}`);
            assert.deepStrictEqual(
              [after.id, after.userId, after.recipient, after.createdAt],
              [order.id, order.userId, order.recipient, order.createdAt],
            );
            if (order.amount !== null) assert.strictEqual(after.amount, order.amount);
          }
          assert.strictEqual(after.updatedAt, at);
          assert.strictEqual(after.delivery !== null, after.completedAt !== null && after.status !== "CANCELED");
          // A parcel that was sent is not cancelled, and what is out of sight stays there.
          if (order?.delivery === "SHIPPING" || order?.delivery === "DELIVERED") {
            assert.deepStrictEqual([after.status, after.cancellation], ["COMPLETED", null]);
          }
          assert.isFalse(order?.removed === true && !after.removed);
          assert.strictEqual(after.failure !== null, after.status === "FAILED");
          if (after.completedAt !== null) assert.isNotNull(after.amount);
          assert.strictEqual(after.cancellation?.givenUp != null, after.status === "CANCEL_FAILED");
          order = after;
        });
        assert.strictEqual(emitted.filter((type) => type === OrderPlaced.type).length, 1);
        const times = (type: string) => emitted.filter((one) => one === type).length;
        assert.isAtMost(times(OrderCancelRequested.type), 1);
        const wanted = times(OrderCancelRequested.type) + times(OrderCancellationStarted.type);
        assert.strictEqual(wanted > 0, order?.cancellation !== null);
        if (order?.completedAt != null) {
          assert.strictEqual(times(OrderCancellationStarted.type) > 0, order.status !== "COMPLETED");
        } else assert.strictEqual(times(OrderCancellationStarted.type), 0);
      }),
    { arbitrary: { runs: 300 } },
  );
});
