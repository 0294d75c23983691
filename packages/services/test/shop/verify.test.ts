import { assert, describe, layer } from "@effect/vitest";
import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import type { SqlError } from "effect/sql/SqlError";
import { coupon } from "./Coupons.ts";
import { after, authorise, confirm, payable, place } from "./Journey.ts";
import { Shop } from "./Shop.ts";

const windows = { DESTINY_PAYMENT_WINDOW: "2 seconds", DESTINY_HOLD_LIFETIME: "20 seconds" };

interface Corruption {
  readonly invariant: string;
  readonly what: string;
  /** What is wrong and what was right may be amounts to add, too. */
  readonly set: (value: string | number) => Effect.Effect<unknown, SqlError>;
  readonly wrong: string | number;
  readonly right: string | number;
  /** The id that the audit must name. */
  readonly named: string;
}

describe("verify", () => {
  layer(Shop.layer(windows), { excludeTestServices: true, timeout: "120 seconds" })("over a shop with a past", (it) => {
    it.effect("is clean, and names the id when one row of any kind is corrupted", () =>
      Effect.gen(function* () {
        const shop = yield* Shop;
        const buyer = yield* shop.shopper;
        const productId = yield* shop.product(3);
        const askedAt = yield* Clock.currentTimeMillis;
        const couponId = yield* coupon(buyer);
        const answeredAt = yield* Clock.currentTimeMillis;
        const { amount, orderId } = yield* payable(buyer, productId, 2, couponId);
        yield* confirm(buyer, { orderId, amount, paymentKey: yield* authorise(orderId, amount) });
        assert.strictEqual((yield* after(buyer, orderId, "WAITING_PAYMENT"))["status"], "COMPLETED");
        const soldOut = yield* place(buyer, productId, 2);
        assert.strictEqual((yield* after(buyer, soldOut, "PENDING"))["status"], "FAILED");
        const unpaid = yield* payable(buyer, productId, 1);
        yield* after(buyer, unpaid.orderId, "WAITING_PAYMENT");

        const seenOrder = yield* buyer.call("GET", `/v1/orders/${orderId}`);
        const discount = Number(seenOrder.body["discountAmount"]);
        assert.isAbove(discount, 1);

        const [orders, stock, payment] = [shop.database("order"), shop.database("stock"), shop.database("payment")];
        const [saga, coupons] = [shop.database("saga"), shop.database("coupon")];
        const [grant] = yield* coupons<{ readonly quota_id: string }>`
          SELECT quota_id FROM quota_grant WHERE id = ${couponId}`;
        const templateId = grant?.quota_id ?? "";
        const ask = { userId: buyer.userId, templateId, askedAt, answeredAt };
        const verify = shop.verifyWith({ coupons: [{ ...ask, couponId, otherCouponIds: [], refusedWith: null }] });

        const clean = yield* verify;
        assert.isTrue(clean.ok, JSON.stringify(clean));
        assert.deepStrictEqual(
          clean.invariants.map(({ id }) => id),
          ["I1", "I2", "I3", "I4", "I5", "I6", "I7", "I8", "I9", "I10"],
        );

        const [sent] = yield* orders<{ readonly id: string; readonly day: Date }>`
          SELECT id::text AS id FROM outbox_sent WHERE key = ${orderId} ORDER BY position LIMIT 1`;
        const [seen] = yield* stock<{ readonly id: string }>`
          SELECT id FROM inbox WHERE key = ${orderId} ORDER BY position LIMIT 1`;
        const sentId = sent?.id ?? "";
        const seenId = seen?.id ?? "";

        const corruptions: ReadonlyArray<Corruption> = [
          {
            invariant: "I1",
            what: "more held than there is",
            set: (units) =>
              stock`UPDATE stock_ledger SET total_delta = ${units} WHERE sku = ${productId} AND version = 1`,
            wrong: 1,
            right: 3,
            named: productId,
          },
          {
            invariant: "I2",
            what: "a refusal although a unit was free",
            set: (units) => stock`UPDATE stock_refusal SET smallest_wanted = ${units} WHERE sku = ${productId}`,
            wrong: 1,
            right: 2,
            named: productId,
          },
          {
            invariant: "I3",
            what: "serials with a hole",
            set: (serial) => coupons`UPDATE quota_grant SET serial = ${serial} WHERE id = ${couponId}`,
            wrong: 2,
            right: 1,
            named: templateId,
          },
          {
            invariant: "I3",
            what: "a coupon that is spent on nothing",
            set: (status) => coupons`UPDATE coupon_use SET status = ${status} WHERE order_id = ${orderId}::uuid`,
            wrong: "returned",
            right: "used",
            named: couponId,
          },
          {
            invariant: "I3",
            what: "a coupon that its shopper was given and somebody else has",
            set: (owner) => coupons`UPDATE quota_grant SET subject = ${owner} WHERE id = ${couponId}`,
            wrong: "somebody else",
            right: buyer.userId,
            named: couponId,
          },
          {
            invariant: "I4",
            what: "an attempt captured beside an intent that is closed",
            set: (status) => payment`UPDATE payment_intent SET status = ${status} WHERE reference = ${orderId}`,
            wrong: "closed",
            right: "captured",
            named: orderId,
          },
          {
            invariant: "I5",
            what: "an order of another amount than was paid",
            set: (won) => orders`UPDATE orders SET amount = amount + ${won} WHERE id = ${orderId}::uuid`,
            wrong: 1,
            right: -1,
            named: orderId,
          },
          {
            invariant: "I6",
            what: "counters that the ledger does not explain",
            set: (units) => stock`UPDATE stock SET total = total + ${units} WHERE sku = ${productId}`,
            wrong: 1,
            right: -1,
            named: productId,
          },
          {
            invariant: "I7",
            what: "a saga that nobody will wake",
            set: (status) =>
              status === "stuck"
                ? saga`UPDATE saga SET status = 'stuck', stuck_reason = 'test', stuck_since = now(), ended_at = NULL
                    WHERE id = ${`place-order/${orderId}`}`
                : saga`UPDATE saga SET status = 'completed', stuck_reason = NULL, stuck_since = NULL, ended_at = now()
                    WHERE id = ${`place-order/${orderId}`}`,
            wrong: "stuck",
            right: "completed",
            named: `place-order/${orderId}`,
          },
          {
            invariant: "I8",
            what: "a message that was caused and never published",
            set: (fate) =>
              fate === "lost"
                ? orders`UPDATE outbox_sent SET day = day - 1, id = gen_random_uuid() WHERE id = ${sentId}::uuid`
                : orders`UPDATE outbox_sent SET day = day + 1, id = ${sentId}::uuid
                    WHERE key = ${orderId} AND type = 'order.placed.v1'`,
            wrong: "lost",
            right: "published",
            named: sentId,
          },
          {
            invariant: "I9",
            what: "applications of one key out of order",
            set: (steps) => stock`UPDATE inbox SET sequence = sequence + ${steps} WHERE id = ${seenId}`,
            wrong: 900_000,
            right: -900_000,
            named: orderId,
          },
          {
            invariant: "I10",
            what: "a failed order that still holds units",
            set: (status) => stock`UPDATE reservation SET status = ${status} WHERE order_id = ${unpaid.orderId}`,
            wrong: "held",
            right: "released",
            named: unpaid.orderId,
          },
          {
            invariant: "I10",
            what: "a coupon that took off something else than the order says",
            set: (
              won,
            ) => coupons`UPDATE coupon_use SET outcome = jsonb_set(outcome, '{discount,discount}', ${String(won)}::jsonb)
              WHERE order_id = ${orderId}::uuid`,
            wrong: 1,
            right: discount,
            named: orderId,
          },
        ];
        for (const { invariant, named, right, set, what, wrong } of corruptions) {
          yield* set(wrong);
          const found = yield* verify;
          yield* set(right);
          const finding = found.invariants.find(({ id }) => id === invariant);
          assert.isFalse(found.ok, `${invariant} ${what}`);
          assert.isFalse(finding?.ok ?? true, `${invariant} ${what}: ${JSON.stringify(found.invariants)}`);
          const all = finding?.violations.map(({ id, what: said }) => `${id} ${said}`) ?? [];
          assert.isTrue(
            all.some((text) => text.includes(named)),
            `${invariant} ${what}: ${named} is not among ${all.join("; ")}`,
          );
        }
        const repaired = yield* verify;
        assert.isTrue(repaired.ok, JSON.stringify(repaired.invariants));
      }),
    );

    it.effect("looks as far back as an inbox goes: what was lost is found, what was forgotten is not missed", () =>
      Effect.gen(function* () {
        const shop = yield* Shop;
        const brand = shop.database("brand");
        const i8 = Effect.map(shop.verify, ({ invariants }) => invariants.find(({ id }) => id === "I8"));
        yield* brand`DELETE FROM inbox`;
        assert.isAbove((yield* i8)?.violations.length ?? 0, 0);
        yield* brand`INSERT INTO retention (name, before) VALUES ('inbox', now())`;
        assert.deepStrictEqual((yield* i8)?.violations, []);
      }),
    );
  });
});
