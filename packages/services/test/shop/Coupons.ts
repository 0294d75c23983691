/** Coupons in the hands of shoppers, and the journeys of orders that use one. */
import { assert } from "@effect/vitest";
import * as Effect from "effect/Effect";
import { ReturnCoupon, UseCoupon } from "../../src/contracts/index.ts";
import { after, key, place } from "./Journey.ts";
import { ended, type Journey, onSale } from "./Journeys.ts";
import { Shop, type Shopper } from "./Shop.ts";
import { type Bought, endsAs, nothingLeft, pay, type Turn, turn } from "./Words.ts";

let codes = 0;
const yearMillis = 365 * 86_400_000;

/** A coupon of a template of its own: 10 per cent off, unless something else is said. */
export const coupon = Effect.fnUntraced(function* (buyer: Shopper, terms: Record<string, unknown> = {}) {
  const boss = yield* (yield* Shop).operator;
  const body = {
    code: `CODE-${++codes}`,
    name: "for a test",
    discountType: "RATE",
    discountValue: 10,
    minOrderAmount: 0,
    maxDiscountAmount: 100_000,
    availableFrom: 0,
    availableTo: 100 * yearMillis,
    ...terms,
  };
  const template = yield* boss.call("POST", "/v1/coupon-templates", { body });
  assert.strictEqual(template.status, 201, JSON.stringify(template.body));
  const path = `/v1/coupons/${String(template.body["id"])}/issue`;
  const issued = yield* buyer.call("POST", path, { body: {}, headers: key() });
  assert.strictEqual(issued.status, 201, JSON.stringify(issued.body));
  return String(issued.body["id"]);
});

export const couponStatus = (buyer: Shopper, couponId: string) =>
  Effect.map(buyer.call("GET", `/v1/issued-coupons/${couponId}`), ({ body }) => body["status"]);

export interface Discounted extends Bought {
  readonly couponId: string;
}

/** An order of two pieces with a coupon, payable. */
export const discounted = Effect.gen(function* () {
  const { buyer, productId } = yield* onSale(3);
  const couponId = yield* coupon(buyer);
  const orderId = yield* place(buyer, productId, 2, couponId);
  const seen = yield* after(buyer, orderId, "PENDING");
  assert.strictEqual(seen["status"], "WAITING_PAYMENT", JSON.stringify(seen));
  const [original, off, amount] = ["originalAmount", "discountAmount", "finalAmount"].map((name) => Number(seen[name]));
  assert.deepStrictEqual([off, amount], [Number(original) / 10, (Number(original) * 9) / 10]);
  assert.deepStrictEqual(
    (seen["items"] as ReadonlyArray<{ readonly discount: number }>).map(({ discount }) => discount),
    [off],
  );
  return { buyer, productId, orderId, amount: Number(amount), couponId } satisfies Discounted;
});

/** Nothing is left of the order, and its coupon can be used again. */
export const couponBack = Effect.fnUntraced(function* (order: Discounted) {
  yield* nothingLeft(order);
  assert.strictEqual(yield* couponStatus(order.buyer, order.couponId), "AVAILABLE");
});

/** Bought with a coupon, and then cancelled: money, units and coupon come back. */
export const boughtAndCancelled = Effect.gen(function* () {
  const order = yield* discounted;
  yield* pay(order);
  yield* endsAs(order, "COMPLETED");
  assert.strictEqual(yield* couponStatus(order.buyer, order.couponId), "USED");
  yield* order.buyer.call("PATCH", `/v1/orders/${order.orderId}/cancel`, { body: {} });
  assert.deepStrictEqual(ended(yield* after(order.buyer, order.orderId, "CANCEL_REQUESTED")), ["CANCELED", null]);
  yield* couponBack(order);
  return [order.orderId, order.productId];
});

/** Beside those of `Journeys`, which these stand upon. */
export const couponJourneys: ReadonlyArray<Journey> = [
  { name: "with a coupon, and given back", brings: [UseCoupon, ReturnCoupon], run: boughtAndCancelled },
];

const unpaid = Effect.gen(function* () {
  const order = yield* discounted;
  yield* endsAs(order, "FAILED", "PAYMENT_EXPIRED");
  yield* couponBack(order);
});

/** The coupon takes off all there is: no gateway is asked. */
const allOff = Effect.gen(function* () {
  const { toss } = yield* Shop;
  const { buyer, productId } = yield* onSale(3);
  const couponId = yield* coupon(buyer, { discountType: "FIXED", discountValue: 1_000_000, maxDiscountAmount: null });
  const orderId = yield* place(buyer, productId, 2, couponId);
  yield* endsAs({ buyer, orderId }, "COMPLETED");
  assert.isTrue(
    toss.captures().every((one) => one.orderId !== orderId),
    "no gateway was asked",
  );
  assert.strictEqual(yield* couponStatus(buyer, couponId), "USED");
});

/** Refused for its coupon: the units are back, and the coupon is what it was. */
const refused = (
  why: string,
  prepare: (buyer: Shopper) => Effect.Effect<{ readonly couponId: string; readonly status: string }, never, Shop>,
): Turn =>
  turn(
    `the coupon is refused: ${why}`,
    Effect.gen(function* () {
      const { buyer, productId } = yield* onSale(3);
      const { couponId, status } = yield* prepare(buyer);
      const orderId = yield* place(buyer, productId, 2, couponId);
      yield* endsAs({ buyer, orderId }, "FAILED", "COUPON_REFUSED");
      yield* nothingLeft({ orderId, productId });
      if (status !== "") assert.strictEqual(yield* couponStatus(buyer, couponId), status);
    }),
  );

const somebodyElses = Effect.fnUntraced(function* () {
  return { couponId: yield* coupon(yield* (yield* Shop).shopper), status: "" };
});

const tooSmall = Effect.fnUntraced(function* (buyer: Shopper) {
  return { couponId: yield* coupon(buyer, { minOrderAmount: 10_000_000 }), status: "AVAILABLE" };
});

/** By hand, as nobody waits a day: whoever changes a row raises its version. */
const tooLate = Effect.fnUntraced(function* (buyer: Shopper) {
  const couponId = yield* coupon(buyer);
  const sql = (yield* Shop).database("coupon");
  const until = sql`UPDATE quota_grant SET until = now() - interval '1 second', version = version + 1 WHERE id = ${couponId}`;
  yield* Effect.orDie(until);
  return { couponId, status: "EXPIRED" };
});

const twice = Effect.gen(function* () {
  const order = yield* discounted;
  yield* pay(order);
  yield* endsAs(order, "COMPLETED");
  const again = yield* place(order.buyer, order.productId, 1, order.couponId);
  yield* endsAs({ buyer: order.buyer, orderId: again }, "FAILED", "COUPON_REFUSED");
  assert.strictEqual(yield* couponStatus(order.buyer, order.couponId), "USED");
});

export const couponTurns: ReadonlyArray<Turn> = [
  turn("with a coupon, never paid", unpaid),
  turn("the coupon takes off everything", allOff),
  turn("the coupon is refused: used before", twice),
  refused("somebody else's", somebodyElses),
  refused("the order is too small", tooSmall),
  refused("expired", tooLate),
];
