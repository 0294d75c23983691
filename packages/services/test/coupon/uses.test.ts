import { assert, layer } from "@effect/vitest";
import { Ids } from "@destiny/sdk/message";
import * as Effect from "effect/Effect";
import * as SqlClient from "effect/sql/SqlClient";
import { CouponId, ReturnCoupon, UseCoupon } from "../../src/contracts/index.ts";
import { ServiceTest } from "../shared/ServiceTest.ts";
import * as Coupons from "./CouponTest.ts";

const refused = (reason: unknown) => ({ _tag: "Refused", reason });
const returned = { _tag: "Done", value: {} };

/** Without the brands of the contracts. */
const same = (actual: unknown, expected: unknown, message?: string): void =>
  assert.deepStrictEqual(actual, expected, message);

const statusOf = Effect.fnUntraced(function* (couponId: CouponId) {
  const { http, tokens } = yield* ServiceTest;
  const { body } = yield* http.get(`/v1/issued-coupons/${couponId}`, { as: yield* tokens.master });
  return [body["status"], body["orderId"]];
});

layer(Coupons.service, { excludeTestServices: true })("using a coupon", (it) => {
  it.effect("answers the discount, to the won over the lines, and marks the coupon with its order", () =>
    Effect.gen(function* () {
      const { bus } = yield* ServiceTest;
      const rate = { discountType: "RATE", discountValue: 10, maxDiscountAmount: 1000, minOrderAmount: 5000 };
      const { couponId, owner } = yield* Coupons.issued(rate);
      const use = yield* Coupons.useOf({ couponId, userId: owner.userId }, 3333, 3333, 3333);
      const parts = [333, 333, 333];
      same(yield* bus.ask(UseCoupon, use), {
        _tag: "Done",
        value: {
          discount: 999,
          lines: use.lines.map(({ productId }, index) => ({ productId, discount: parts[index] })),
        },
      });
      same(yield* statusOf(couponId), ["USED", use.orderId]);
    }),
  );

  it.effect("an order may cost nothing after it, and no less", () =>
    Effect.gen(function* () {
      const { bus } = yield* ServiceTest;
      const { couponId, owner } = yield* Coupons.issued({ discountValue: 5000 });
      const use = yield* Coupons.useOf({ couponId, userId: owner.userId }, 1000, 2000);
      const reply = yield* bus.ask(UseCoupon, use);
      same(reply._tag === "Done" && reply.value.discount, 3000);
      same(reply._tag === "Done" && reply.value.lines.map(({ discount }) => Number(discount)), [1000, 2000]);
    }),
  );

  it.effect("only its owner's, only once, only in time, only from the minimum on", () =>
    Effect.gen(function* () {
      const { bus, tokens } = yield* ServiceTest;
      const sql = yield* SqlClient.SqlClient;
      const { couponId, owner } = yield* Coupons.issued({ minOrderAmount: 10_000 });
      const ask = (use: Effect.Effect<typeof UseCoupon.payload.Type>) =>
        Effect.flatMap(use, (one) => bus.ask(UseCoupon, one));
      const by = (userId = owner.userId, ...prices: ReadonlyArray<number>) =>
        ask(Coupons.useOf({ couponId, userId }, ...prices));
      const thief = (yield* tokens.customer).userId;
      same(yield* by(thief, 20_000), refused({ _tag: "NotFound" }));
      const never = Coupons.useOf({ couponId: CouponId.make(yield* Ids.fresh), userId: owner.userId }, 20_000);
      same(yield* ask(never), refused({ _tag: "NotFound" }));
      same(yield* by(owner.userId, 9999), refused({ _tag: "BelowMinimum", minOrderAmount: 10_000 }));
      same(yield* statusOf(couponId), ["AVAILABLE", null], "no refusal spends it");
      assert.strictEqual((yield* by(owner.userId, 10_000))._tag, "Done");
      same(yield* by(owner.userId, 20_000), refused({ _tag: "AlreadyUsed" }));

      const late = yield* Coupons.issued();
      yield* sql`UPDATE quota_grant SET until = '2026-01-01T00:00:00Z', version = version + 1 WHERE id = ${late.couponId}`;
      const expired = ask(Coupons.useOf({ couponId: late.couponId, userId: late.owner.userId }, 20_000));
      same(yield* expired, refused({ _tag: "Expired", expiresAt: Date.parse("2026-01-01T00:00:00Z") }));
    }),
  );

  it.effect("two orders that want it at once: one gets it", () =>
    Effect.gen(function* () {
      const { bus } = yield* ServiceTest;
      const { couponId, owner } = yield* Coupons.issued();
      const uses = yield* Effect.replicateEffect(Coupons.useOf({ couponId, userId: owner.userId }, 5000), 8);
      const replies = yield* Effect.forEach(uses, (use) => bus.ask(UseCoupon, use), { concurrency: "unbounded" });
      assert.lengthOf(
        replies.filter(({ _tag }) => _tag === "Done"),
        1,
      );
      const [, order] = yield* statusOf(couponId);
      assert.strictEqual(order, uses[replies.findIndex(({ _tag }) => _tag === "Done")]?.orderId);
    }),
  );

  it.effect("whatever is asked again is answered as the first time: a use, a refusal, also after the return", () =>
    Effect.gen(function* () {
      const { bus } = yield* ServiceTest;
      const { couponId, owner } = yield* Coupons.issued({ minOrderAmount: 1000 });
      const use = yield* Coupons.useOf({ couponId, userId: owner.userId }, 5000);
      const poor = yield* Coupons.useOf({ couponId, userId: owner.userId }, 10);
      const [first, refusal] = [yield* bus.ask(UseCoupon, use), yield* bus.ask(UseCoupon, poor)];
      same(yield* bus.ask(UseCoupon, use), first);
      same(yield* bus.ask(UseCoupon, poor), refusal);
      const operationId = yield* Ids.fresh;
      const redelivered = yield* bus.envelope(UseCoupon, use, { operationId });
      yield* bus.publish(redelivered, redelivered);
      yield* bus.settled;
      same(yield* bus.replies(UseCoupon, operationId), [first], "a redelivery is no new question");
      yield* bus.ask(ReturnCoupon, use);
      same(yield* bus.ask(UseCoupon, use), first);
      const sql = yield* SqlClient.SqlClient;
      yield* sql`UPDATE coupon_use SET outcome = '{"_tag":"Refused","refusal":{"_tag":"Revoked"}}', version = version + 1
        WHERE order_id = ${poor.orderId}::uuid`;
      same(yield* bus.ask(UseCoupon, poor), refused({ _tag: "Revoked" }), "the row answers, not what is remembered");
      same(yield* statusOf(couponId), ["AVAILABLE", null], "but it is not spent again");
    }),
  );
});

layer(Coupons.service, { excludeTestServices: true })("returning a coupon", (it) => {
  it.effect("the next order can use it; what comes late for the first one touches nothing", () =>
    Effect.gen(function* () {
      const { bus } = yield* ServiceTest;
      const { couponId, owner } = yield* Coupons.issued();
      const [first, second] = [
        yield* Coupons.useOf({ couponId, userId: owner.userId }, 5000),
        yield* Coupons.useOf({ couponId, userId: owner.userId }, 7000),
      ];
      yield* bus.ask(UseCoupon, first);
      for (let n = 0; n < 2; n++) same(yield* bus.ask(ReturnCoupon, first), returned);
      assert.strictEqual((yield* bus.ask(UseCoupon, second))._tag, "Done");
      same(yield* bus.ask(ReturnCoupon, first), returned);
      same(yield* statusOf(couponId), ["USED", second.orderId]);
    }),
  );

  it.effect("undo before do leaves a tombstone: the use that comes late is refused as cancelled", () =>
    Effect.gen(function* () {
      const { bus } = yield* ServiceTest;
      const { couponId, owner } = yield* Coupons.issued();
      const use = yield* Coupons.useOf({ couponId, userId: owner.userId }, 5000);
      same(yield* bus.ask(ReturnCoupon, use), returned);
      for (let n = 0; n < 2; n++) {
        same(yield* bus.ask(UseCoupon, use), refused({ _tag: "Cancelled" }));
      }
      same(yield* statusOf(couponId), ["AVAILABLE", null]);
    }),
  );

  it.effect("returning what was refused gives nothing back, least of all somebody else's coupon", () =>
    Effect.gen(function* () {
      const { bus, tokens } = yield* ServiceTest;
      const { couponId, owner } = yield* Coupons.issued();
      const use = yield* Coupons.useOf({ couponId, userId: owner.userId }, 5000);
      yield* bus.ask(UseCoupon, use);
      const theft = yield* Coupons.useOf({ couponId, userId: (yield* tokens.customer).userId }, 5000);
      yield* bus.ask(UseCoupon, theft);
      same(yield* bus.ask(ReturnCoupon, theft), returned);
      same(yield* statusOf(couponId), ["USED", use.orderId]);
    }),
  );

  it.effect("a sender that adds up otherwise, or changes its coupon, is a dead letter and moves nothing", () =>
    Effect.gen(function* () {
      const { bus } = yield* ServiceTest;
      const [one, two] = [yield* Coupons.issued(), yield* Coupons.issued()];
      const use = yield* Coupons.useOf({ couponId: one.couponId, userId: one.owner.userId }, 5000);
      yield* bus.ask(UseCoupon, use);
      const wrong = yield* Coupons.useOf({ couponId: two.couponId, userId: two.owner.userId }, 5000);
      const dear = yield* bus.envelope(UseCoupon, { ...wrong, amount: 5001 as typeof wrong.amount });
      const other = yield* bus.envelope(ReturnCoupon, { orderId: use.orderId, couponId: two.couponId });
      yield* bus.publish(dear, other);
      yield* bus.settled;
      const reasons = new Map((yield* bus.deadLetters).map(({ id, reason }) => [id, reason]));
      assert.match(reasons.get(dear.id) ?? "", /5000 won, not 5001/);
      assert.match(reasons.get(other.id) ?? "", /is about coupon/);
      same(yield* statusOf(one.couponId), ["USED", use.orderId]);
      same(yield* statusOf(two.couponId), ["AVAILABLE", null]);
    }),
  );

  it.effect("an operator gives back what this order used, and only that", () =>
    Effect.gen(function* () {
      const { bus, http, tokens } = yield* ServiceTest;
      const as = yield* tokens.master;
      const { couponId, owner } = yield* Coupons.issued();
      const use = yield* Coupons.useOf({ couponId, userId: owner.userId }, 5000);
      const cancel = (id: string, orderId: string) =>
        http.patch(`/v1/issued-coupons/${id}/cancel`, { as, body: { orderId } });
      const unused = yield* cancel(couponId, use.orderId);
      same([unused.status, unused.body["code"]], [400, "ISSUED-009"]);
      yield* bus.ask(UseCoupon, use);
      const foreign = yield* cancel(couponId, yield* Coupons.newOrder);
      same([foreign.status, foreign.body["code"]], [400, "ISSUED-009"]);
      const unknown = yield* cancel(yield* Ids.fresh, use.orderId);
      same([unknown.status, unknown.body["code"]], [404, "ISSUED-004"]);
      const given = yield* cancel(couponId, use.orderId);
      same([given.status, given.body["status"], given.body["orderId"]], [200, "AVAILABLE", null]);
      same(yield* bus.ask(ReturnCoupon, use), returned, "the saga's own return comes late");
    }),
  );
});
