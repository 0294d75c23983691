import { assert, describe, it } from "@effect/vitest";
import type { Machine } from "@destiny/sdk/machine";
import { QuotaMachine } from "@destiny/sdk/quota";
import * as Effect from "effect/Effect";
import * as Schema from "effect/Schema";
import { BrandId, CouponId, CouponTemplateId, OrderId, ProductId, UserId, Won } from "../../src/contracts/index.ts";
import { machine } from "../../src/coupon/Domain.ts";
import {
  type Answer,
  type CouponInput,
  type Key,
  type Rejection,
  type State,
  type Use,
  useKey,
} from "../../src/coupon/State.ts";

const id = (kind: string, n: number) => `0190a000-0000-7000-8000-${kind}${String(n).padStart(8, "0")}`;
const templateId = CouponTemplateId.make(id("aaaa", 0));
const couponOf = (n: number) => CouponId.make(id("cccc", n));
const userOf = (n: number) => UserId.make(id("eeee", n));
const orderOf = (n: number) => OrderId.make(id("ffff", n));

/** The machine with its states; two users with a coupon each. */
const shop = () => {
  const states = new Map<Key, Machine.Versioned<State>>();
  const view: Machine.View<Key, State> = {
    get: (key) => states.get(key)?.state,
    version: (key) => states.get(key)?.version ?? 0,
  };
  const ask = (input: CouponInput, at = 1000): Answer | Rejection => {
    const verdict = machine.decide(view, { id: "", at, input });
    const named = new Set(machine.keys(input));
    for (const [key, state] of verdict.changes) {
      assert.isTrue(named.has(key) || !states.has(key), `${input._tag} changes ${key}, which it does not name`);
      states.set(key, { version: view.version(key) + 1, state });
    }
    const answer = verdict._tag === "Accepted" ? verdict.outputs[0] : verdict.rejection;
    if (answer === undefined) throw new Error(`${input._tag} was not answered`);
    return answer;
  };
  const edit = {
    name: "3,000원 할인",
    discountType: "FIXED",
    discountValue: Won.make(3000),
    minOrderAmount: Won.make(1000),
    availableFrom: 0,
    availableTo: 2000,
  } as const;
  ask({ _tag: "CreateTemplate", templateId, code: "C", edit });
  for (const n of [1, 2]) ask({ _tag: "Issue", templateId, userId: userOf(n), couponId: couponOf(n) });
  return {
    ask,
    claimOf: (n: number) => QuotaMachine.grantOf(view as QuotaMachine.Seen, couponOf(n))?.claim?.by,
    recordOf: (n: number) => view.get(useKey(orderOf(n))) as Use | undefined,
  };
};

const use = (order: number, coupon: number, user = coupon, unitPrice = 5000): CouponInput => ({
  _tag: "Use",
  orderId: orderOf(order),
  userId: userOf(user),
  couponId: couponOf(coupon),
  lines: [
    {
      productId: ProductId.make(id("dddd", 1)),
      brandId: BrandId.make(id("bbbb", 1)),
      quantity: 1,
      unitPrice: Won.make(unitPrice),
    },
  ],
  amount: Won.make(unitPrice),
});
const undo = (_tag: "Return" | "Cancel", order: number, coupon: number): CouponInput => ({
  _tag,
  orderId: orderOf(order),
  couponId: couponOf(coupon),
});

describe("the coupon machine", () => {
  it("issues to the last moment that the template names, and not a millisecond later", () => {
    const { ask } = shop();
    const issue = (n: number): CouponInput => ({ _tag: "Issue", templateId, userId: userOf(n), couponId: couponOf(n) });
    assert.strictEqual(ask(issue(3), 2000)._tag, "Coupon");
    assert.deepStrictEqual(ask(issue(4), 2001), { _tag: "NotOpen", opensAt: 0, closesAt: 2001 });
  });

  const Step = Schema.Struct({
    kind: Schema.Literals(["Use", "Use", "Return", "Cancel"]),
    order: Schema.Literals([1, 2, 3]),
    user: Schema.Literals([1, 2]),
    price: Schema.Literals([500, 5000]),
  });

  it.effect.prop(
    "whatever orders do in whatever order: a coupon is claimed exactly by the one order whose record says used",
    [Schema.Array(Step)],
    ([steps]) =>
      Effect.sync(() => {
        const { ask, claimOf, recordOf } = shop();
        for (const { kind, order, price, user } of steps) {
          // An order is about one coupon; whose it is varies.
          const coupon = order === 3 ? 2 : 1;
          const first = recordOf(order)?.outcome;
          const answer = ask(kind === "Use" ? use(order, coupon, user, price) : undo(kind, order, coupon));
          if (kind === "Use" && first) assert.deepStrictEqual(answer, first, "the first outcome, for ever");
          if (first?._tag === "Refused") assert.strictEqual(recordOf(order)?.status, "refused", "nothing to give back");
          for (const n of [1, 2]) {
            const users = [1, 2, 3].filter((one) => {
              const record = recordOf(one);
              return record?.status === "used" && record.couponId === couponOf(n);
            });
            assert.deepStrictEqual(users.map(orderOf), claimOf(n) === undefined ? [] : [claimOf(n)]);
          }
        }
      }),
    { arbitrary: { runs: 400 } },
  );

  it.effect.prop(
    "do and undo in any order and multiplicity, ending with an undo, leave nothing behind",
    [Schema.Array(Schema.Literals(["Use", "Return"]))],
    ([kinds]) =>
      Effect.sync(() => {
        const { ask, claimOf } = shop();
        for (const kind of [...kinds, "Return"] as const) ask(kind === "Use" ? use(1, 1) : undo("Return", 1, 1));
        assert.isUndefined(claimOf(1));
        ask(use(1, 1));
        assert.isUndefined(claimOf(1), "a late repetition spends nothing");
      }),
    { arbitrary: { runs: 200 } },
  );
});
