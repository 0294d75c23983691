import { assert, layer } from "@effect/vitest";
import * as Effect from "effect/Effect";
import * as SqlClient from "effect/sql/SqlClient";
import * as CouponAudit from "../../src/audit/Coupons.ts";
import { Sources } from "../../src/audit/Sources.ts";
import { ReturnCoupon, UseCoupon } from "../../src/contracts/index.ts";
import { ServiceTest } from "../shared/ServiceTest.ts";
import * as Coupons from "./CouponTest.ts";

/** The service's database plays all of them; orders are what a test says. */
const findings = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient;
  return yield* Effect.provideService(CouponAudit.audit(), Sources, Sources.of({ of: () => sql, bus: sql }));
});

layer(Coupons.service, { excludeTestServices: true })("the audit of coupons", (it) => {
  it.effect("is clean over coupons that were used, returned and refused, and names each corrupted one", () =>
    Effect.gen(function* () {
      const { bus } = yield* ServiceTest;
      const sql = yield* SqlClient.SqlClient;
      yield* sql`CREATE TABLE orders (id uuid PRIMARY KEY, status text NOT NULL, amount bigint, coupon_id uuid, items jsonb)`;
      const used = yield* Effect.replicateEffect(
        Effect.gen(function* () {
          const { couponId, owner } = yield* Coupons.issued();
          const use = yield* Coupons.useOf({ couponId, userId: owner.userId }, 4000, 5000);
          yield* bus.ask(UseCoupon, use);
          yield* sql`INSERT INTO orders SELECT order_id, 'COMPLETED', 0, coupon_id, outcome->'discount'->'lines'
            FROM coupon_use WHERE order_id = ${use.orderId}::uuid`;
          return use;
        }),
        5,
      );
      const [returned, claimless, recordless, sum, failed] = used;
      if (failed === undefined) return assert.fail("five orders");
      yield* bus.ask(ReturnCoupon, returned as typeof failed);
      yield* bus.ask(UseCoupon, { ...failed, orderId: yield* Coupons.newOrder });
      assert.deepStrictEqual(yield* findings, [
        { id: "I3", checked: 9, violations: [] },
        { id: "I10", checked: 4, violations: [] },
      ]);

      yield* sql`UPDATE quota_grant SET claimed_by = NULL WHERE id = ${claimless?.couponId}`;
      yield* sql`UPDATE coupon_use SET status = 'returned' WHERE order_id = ${recordless?.orderId}::uuid`;
      yield* sql`UPDATE coupon_use SET outcome = jsonb_set(outcome, '{discount,discount}', '1')
        WHERE order_id = ${sum?.orderId}::uuid`;
      yield* sql`UPDATE orders SET status = 'FAILED' WHERE id = ${failed.orderId}::uuid`;
      const [i3, i10] = yield* findings;
      assert.sameMembers(
        (i3?.violations ?? []).map(({ id }) => id),
        [claimless, recordless, sum].map((one) => one?.couponId),
      );
      assert.sameDeepMembers(
        (i10?.violations ?? []).map(({ id, what }) => [id, what.split(",")[0]]),
        [
          [failed.orderId, "FAILED"],
          [sum?.orderId, "the order takes off 3000 won"],
        ],
      );
    }),
  );
});
