import { assert, layer } from "@effect/vitest";
import { Ids } from "@destiny/sdk/message";
import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import * as SqlClient from "effect/sql/SqlClient";
import * as CouponWitness from "../../src/audit/CouponWitness.ts";
import type { ShopperCoupon } from "../../src/audit/Verify.ts";
import { ServiceTest } from "../shared/ServiceTest.ts";
import type { Shopper } from "../shared/TestTokens.ts";
import * as Coupons from "./CouponTest.ts";

const saw = Effect.fnUntraced(function* (templateId: string, as: Shopper, key?: string) {
  const askedAt = yield* Clock.currentTimeMillis;
  const { body, status } = yield* Coupons.ask(templateId, as, key);
  const has = body[status === 201 ? "id" : "couponId"];
  const seen: ShopperCoupon = {
    userId: as.userId,
    templateId,
    askedAt,
    answeredAt: yield* Clock.currentTimeMillis,
    couponId: typeof has === "string" ? has : null,
    otherCouponIds: [],
    refusedWith: typeof has === "string" ? null : String(body["code"]),
  };
  return seen;
});

/** Two coupons for three shoppers; the first asks twice, and the last is told that there are none left. */
const drop = Effect.gen(function* () {
  const { tokens } = yield* ServiceTest;
  const templateId = yield* Coupons.template({ issueLimit: 2 });
  const [first, second, third] = [yield* tokens.customer, yield* tokens.customer, yield* tokens.customer];
  return [
    yield* saw(templateId, first),
    yield* saw(templateId, first),
    yield* saw(templateId, second),
    yield* saw(templateId, third),
  ] as const;
});

const found = Effect.fnUntraced(function* (asks: ReadonlyArray<ShopperCoupon>) {
  const sql = yield* SqlClient.SqlClient;
  return yield* CouponWitness.audit(sql, asks);
});

const unanswered = (ask: ShopperCoupon): ShopperCoupon => ({
  ...ask,
  answeredAt: null,
  couponId: null,
  refusedWith: null,
});

const named = ({ couponId }: ShopperCoupon, what: string) => ({ id: couponId ?? "", what });

layer(Coupons.service, { excludeTestServices: true })("shoppers as witnesses of coupons", (it) => {
  it.effect("agree with the rows: who was told to have one, twice or once, and who was told that none is left", () =>
    Effect.gen(function* () {
      const asks = yield* drop;
      const [first, again, second, third] = asks;
      assert.strictEqual(again.couponId, first.couponId);
      assert.strictEqual(third.refusedWith, "ISSUED-010");
      assert.deepStrictEqual(yield* found(asks), { id: "I3", checked: 4, violations: [] });
      assert.deepStrictEqual(yield* found([]), { id: "I3", checked: 0, violations: [] });
      // Nobody was told anything, but somebody asked.
      assert.deepStrictEqual((yield* found([unanswered(first), second, third])).violations, []);
    }),
  );

  it.effect("a coupon that was told and is not there, is somebody else's, or is of another template, is named", () =>
    Effect.gen(function* () {
      const [first, , second, third] = yield* drop;
      const sql = yield* SqlClient.SqlClient;
      yield* sql`DELETE FROM quota_grant WHERE id = ${first.couponId}`;
      yield* sql`UPDATE quota_grant SET subject = ${third.userId} WHERE id = ${second.couponId}`;
      const asks = [first, second, unanswered(third)];
      assert.deepStrictEqual((yield* found(asks)).violations, [
        named(first, `${first.userId} was told to have it, but it was never issued`),
        named(second, `${second.userId} was told to have it, but it is ${third.userId}'s`),
      ]);
      const other = yield* Ids.fresh;
      yield* sql`UPDATE quota_grant SET subject = ${second.userId}, quota_id = ${other} WHERE id = ${second.couponId}`;
      assert.deepStrictEqual((yield* found([second])).violations, [
        named(second, `${second.userId} asked for ${second.templateId}, but it is of ${other}`),
      ]);
    }),
  );

  it.effect("a coupon that somebody got who was told otherwise, or who never asked, is named", () =>
    Effect.gen(function* () {
      const [first, , second, third] = yield* drop;
      const refused: ShopperCoupon = { ...second, couponId: null, refusedWith: "ISSUED-010" };
      assert.deepStrictEqual((yield* found([first, refused, third])).violations, [
        named(second, `issued to ${second.userId}, who was told ISSUED-010`),
      ]);
      assert.deepStrictEqual((yield* found([first, third])).violations, [
        named(second, `issued to ${second.userId}, who did not ask for it`),
      ]);
      const otherCouponId = yield* Ids.fresh;
      assert.deepStrictEqual((yield* found([first, { ...second, otherCouponIds: [otherCouponId] }])).violations, [
        { id: otherCouponId, what: `the same idempotency key was also answered with ${second.couponId}` },
      ]);
    }),
  );

  it.effect("coupons of another time are somebody else's to explain", () =>
    Effect.gen(function* () {
      const [first, , second] = yield* drop;
      const sql = yield* SqlClient.SqlClient;
      yield* sql`UPDATE quota_grant SET issued_at = issued_at - interval '1 hour' WHERE id = ${second.couponId}`;
      assert.deepStrictEqual((yield* found([first])).violations, []);
    }),
  );
});
