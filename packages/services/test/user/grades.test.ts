import { assert, describe, it, layer } from "@effect/vitest";
import type { Machine } from "@destiny/sdk/machine";
import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import * as Schema from "effect/Schema";
import {
  OrderCanceled,
  OrderCanceledV1,
  OrderCompleted,
  OrderCompletedV1,
  OrderId,
  UserId,
  Won,
} from "../../src/contracts/index.ts";
import { gradeOf, type Key, machine, type PurchaseInput, type State, userKey } from "../../src/user/Domain.ts";
import { uuidOf } from "../shared/Named.ts";
import * as Sales from "../shared/Sales.ts";
import * as ServiceTest from "../shared/ServiceTest.ts";
import * as Accounts from "./Accounts.ts";

const userId = UserId.make("0190a000-0000-7000-8000-000000000001");

/** The machine with its states, as a group commit would hold them. */
const ledger = () => {
  const states = new Map<Key, State>();
  return {
    apply: (...inputs: ReadonlyArray<PurchaseInput>) => {
      for (const input of inputs) {
        const view: Machine.View<Key, State> = { get: (key) => states.get(key), version: () => 1 };
        for (const [key, state] of machine.decide(view, { id: "1", at: 0, input }).changes) states.set(key, state);
      }
    },
    total: () => {
      const state = states.get(userKey(userId));
      return state?._tag === "Purchases" ? state.total : 0;
    },
  };
};

const orderOf = (name: string, amount: number) => ({
  userId,
  orderId: OrderId.make(uuidOf(name)),
  amount: Won.make(amount),
});

describe("what a user has bought for", () => {
  it("makes the grade, each from its bound on", () => {
    const bounds = [
      [0, "WELCOME"],
      [99_999, "WELCOME"],
      [100_000, "FRIEND"],
      [499_999, "FRIEND"],
      [500_000, "FAMILY"],
      [9_999_999, "FAMILY"],
      [10_000_000, "VIP"],
      [Number.MAX_SAFE_INTEGER, "VIP"],
    ] as const;
    for (const [total, grade] of bounds) assert.strictEqual(gradeOf(total), grade, String(total));
  });

  it("counts each order once and takes it off once, and nothing for an order that was never counted", () => {
    const purchases = ledger();
    const [kept, back, unknown] = [orderOf("kept", 1000), orderOf("back", 200), orderOf("unknown", 30)];
    purchases.apply({ _tag: "Bought", ...kept }, { _tag: "Bought", ...kept }, { _tag: "Bought", ...back });
    assert.strictEqual(purchases.total(), 1200);
    purchases.apply({ _tag: "GaveBack", ...unknown });
    assert.strictEqual(purchases.total(), 1200);
    purchases.apply({ _tag: "GaveBack", ...back }, { _tag: "GaveBack", ...back }, { _tag: "Bought", ...back });
    assert.strictEqual(purchases.total(), 1000);
  });

  const moment = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 9 }));
  const Orders = Schema.Array(
    Schema.Struct({
      amount: Schema.Literals([0, 1, 99_999, 400_000]),
      completedAt: moment,
      keptFor: Schema.NullOr(moment),
    }),
  );

  it.effect.prop("is the sum of the orders that were kept, however the facts of several mingle", [Orders], ([orders]) =>
    Effect.sync(() => {
      const facts = orders.flatMap(({ amount, completedAt, keptFor }, at) => {
        const sold = orderOf(String(at), amount);
        const bought = { at: completedAt, input: { _tag: "Bought", ...sold } } as const;
        if (keptFor === null) return [bought];
        return [bought, { at: completedAt + keptFor, input: { _tag: "GaveBack", ...sold } } as const];
      });
      const purchases = ledger();
      // The sort is stable: an order's own facts stay in order.
      for (const { input } of facts.toSorted((a, b) => a.at - b.at)) purchases.apply(input);
      const kept = orders.reduce((sum, { amount, keptFor }) => (keptFor === null ? sum + amount : sum), 0);
      assert.strictEqual(purchases.total(), kept);
    }),
  );
});

layer(Accounts.service, { excludeTestServices: true })("a membership grade", (it) => {
  const sold = Effect.fnUntraced(function* (userId: UserId, amount: number) {
    return { ...(yield* Sales.soldOf(yield* Clock.currentTimeMillis)), userId, amount: Won.make(amount) };
  });

  it.effect("rises with what is completed, falls with what is cancelled, and counts each message once", () =>
    Effect.gen(function* () {
      const { bus, http, tokens } = yield* ServiceTest.ServiceTest;
      const { userId: id } = yield* Accounts.signedUp;
      const self = yield* tokens.as("CUSTOMER", UserId.make(id));
      const shown = Effect.gen(function* () {
        yield* bus.settled;
        const { body } = yield* http.get(`/v1/users/${id}`, { as: self });
        return [body["membershipGrade"], body["totalPurchase"]];
      });
      assert.deepStrictEqual(yield* shown, ["WELCOME", 0]);
      const [first, second] = [yield* sold(self.userId, 90_000), yield* sold(self.userId, 410_000)];
      const completed = yield* bus.envelope(OrderCompleted, first);
      yield* bus.publish(completed, completed, yield* bus.envelope(OrderCompleted, second), completed);
      assert.deepStrictEqual(yield* shown, ["FAMILY", 500_000]);
      const canceled = yield* bus.envelope(OrderCanceled, second);
      yield* bus.publish(canceled, canceled);
      assert.deepStrictEqual(yield* shown, ["WELCOME", 90_000]);
      const [kept, back] = [yield* sold(self.userId, 20_000), yield* sold(self.userId, 30_000)];
      yield* bus.publish(
        yield* bus.envelope(OrderCompletedV1, kept),
        yield* bus.envelope(OrderCompletedV1, back),
        yield* bus.envelope(OrderCanceledV1, back),
        yield* bus.envelope(OrderCanceled, yield* sold(self.userId, 40_000)),
      );
      assert.deepStrictEqual(yield* shown, ["FRIEND", 110_000]);
    }),
  );

  it.effect("is in the list of users and in the answer to every change, and of nobody else's orders", () =>
    Effect.gen(function* () {
      const { bus, http, tokens } = yield* ServiceTest.ServiceTest;
      const { profile, userId: id } = yield* Accounts.signedUp;
      const of = UserId.make(id);
      // Somebody of whom this service knows nothing bought something too.
      const [own, others] = [yield* sold(of, 100_000), yield* sold((yield* tokens.customer).userId, 20_000_000)];
      yield* bus.publish(yield* bus.envelope(OrderCompleted, own), yield* bus.envelope(OrderCompleted, others));
      yield* bus.settled;
      const master = yield* tokens.master;
      const expected = { membershipGrade: "FRIEND", totalPurchase: 100_000 };
      const listed = yield* http.get(`/v1/users?keyword=${profile.username}`, { as: master });
      assert.deepInclude((listed.body["items"] as ReadonlyArray<object>)[0], expected);
      const body = { phone: "010-1111-2222", membershipGrade: "VIP" };
      const changed = yield* http.patch(`/v1/users/${id}`, { as: yield* tokens.as("CUSTOMER", of), body });
      assert.deepInclude(changed.body, { phone: "010-1111-2222", ...expected });
      const raised = yield* http.post(`/v1/users/${id}/status`, { as: master, body: { userRole: "PARTNER" } });
      assert.deepInclude(raised.body, { userRole: "PARTNER", ...expected });
    }),
  );
});
