/** Journeys that take the branches of the sagas: an order that is late, unwanted or unpaid at each step. */
import { assert } from "@effect/vitest";
import type { SagaState } from "@destiny/sdk/saga";
import * as Effect from "effect/Effect";
import {
  AwaitPayment,
  ClaimStock,
  CloseOrder,
  ClosePayment,
  CompleteOrder,
  HoldStock,
  OpenPayment,
  PaymentSettled,
  RefundPayment,
  ReleaseStock,
  ReturnCoupon,
  UseCoupon,
  ValidateProducts,
  VoidPayment,
} from "../../src/contracts/index.ts";
import { coupon, couponBack, couponStatus, discounted } from "./Coupons.ts";
import { after, place, standsAt, stock } from "./Journey.ts";
import { moneyBack, onSale } from "./Journeys.ts";
import * as Late from "./Late.ts";
import { answerTo } from "./MessageTypes.ts";
import { Shop } from "./Shop.ts";
import { type Bought, bought, endsAs, nothingLeft, outsold, pay, took, type Turn, turn, unwanted } from "./Words.ts";

/** Unwanted while a question is out before the payment. */
const unwantedBefore = (step: string, { type }: { readonly type: string }, withCoupon = false): Turn =>
  turn(
    `cancelled while the saga asks: ${step}`,
    Effect.gen(function* () {
      const { buyer, productId } = yield* onSale(3);
      // The order has no id yet: of the four questions one names only the buyer, the others the product.
      const late = yield* Late.make("saga", type, type === OpenPayment.type ? buyer.userId : productId);
      const couponId = withCoupon ? yield* coupon(buyer) : undefined;
      const orderId = yield* place(buyer, productId, 2, couponId);
      yield* standsAt(orderId, "running.before", step);
      yield* late.sent;
      yield* unwanted({ buyer, orderId });
      yield* late.release;
      yield* endsAs({ buyer, orderId }, "CANCELED");
      yield* nothingLeft({ orderId, productId });
      if (couponId !== undefined) assert.strictEqual(yield* couponStatus(buyer, couponId), "AVAILABLE");
    }),
  );

/** The saga stands at a step whose message is late; the customer asks to cancel, and only then the message goes out. */
const unwantedAt = Effect.fnUntraced(function* (
  order: Bought,
  at: {
    readonly situation: SagaState.Situation;
    readonly step: string | null;
    readonly late: { readonly type: string };
  },
  reached: Effect.Effect<unknown, never, Shop>,
) {
  const late = yield* Late.make("saga", at.late.type, order.orderId);
  yield* reached;
  yield* standsAt(order.orderId, at.situation, at.step);
  yield* late.sent;
  yield* unwanted(order);
  yield* late.release;
});

/** Unwanted after the money came: the order is completed, and cancelled at once. */
const unwantedAfter = (step: string, late: { readonly type: string }): Turn =>
  turn(
    `cancelled when it is paid already: ${step}`,
    Effect.gen(function* () {
      const order = yield* bought;
      yield* unwantedAt(order, { situation: "running.after", step, late }, pay(order));
      yield* endsAs(order, "CANCELED");
      yield* moneyBack(order.orderId);
      yield* nothingLeft(order);
    }),
  );

/** Unwanted while an unpaid order is undone already: it stays what it was. */
const unwantedUndone = (situation: SagaState.Situation, step: string | null, late: { readonly type: string }): Turn =>
  turn(
    `cancelled while it is undone for want of money: ${step ?? "last word"}`,
    Effect.gen(function* () {
      const order = yield* discounted;
      yield* unwantedAt(order, { situation, step, late }, Effect.void);
      yield* endsAs(order, "FAILED", "PAYMENT_EXPIRED");
      yield* couponBack(order);
    }),
  );

/** Unwanted on the way out after the units were gone: the failure is what is told. */
const unwantedOutsold = (step: string, late: { readonly type: string }): Turn =>
  turn(
    `cancelled when its units are gone: ${step}`,
    Effect.gen(function* () {
      const order = yield* outsold(discounted);
      yield* unwantedAt(order, { situation: "running.after", step, late }, pay(order));
      yield* endsAs(order, "FAILED", "STOCK_GONE");
      yield* moneyBack(order.orderId);
      assert.strictEqual(yield* couponStatus(order.buyer, order.couponId), "AVAILABLE");
    }),
  );

const withoutStock = Effect.gen(function* () {
  const { database } = yield* Shop;
  const { buyer, productId } = yield* onSale(1);
  for (const table of ["stock", "stock_ledger"]) {
    const sql = database("stock");
    yield* Effect.orDie(sql`DELETE FROM ${sql(table)} WHERE sku = ${productId}`);
  }
  yield* endsAs({ buyer, orderId: yield* place(buyer, productId) }, "FAILED", "INVALID");
});

const free = Effect.gen(function* () {
  const { product, shopper, toss } = yield* Shop;
  const [productId, buyer] = [yield* product(3, 0), yield* shopper];
  const orderId = yield* place(buyer, productId, 2);
  yield* endsAs({ buyer, orderId }, "COMPLETED");
  assert.deepStrictEqual(yield* stock(productId), [3, 0, 2]);
  yield* buyer.call("PATCH", `/v1/orders/${orderId}/cancel`, { body: {} });
  assert.strictEqual((yield* after(buyer, orderId, "CANCEL_REQUESTED"))["status"], "CANCELED");
  yield* nothingLeft({ orderId, productId });
  assert.isTrue(
    toss.captures().every((one) => one.orderId !== orderId),
    "no gateway was asked",
  );
});

/** Paid before the saga heard that the order can be paid: the event comes before its step is entered. */
const early = (wanted: boolean): Turn =>
  turn(
    `paid before its step is entered${wanted ? "" : ", and cancelled"}`,
    Effect.gen(function* () {
      const { buyer, productId } = yield* onSale(3);
      const hold = yield* Late.make("saga", HoldStock.type, productId);
      const orderId = yield* place(buyer, productId, 2);
      const heard = yield* Late.make("order", answerTo(AwaitPayment), orderId);
      yield* hold.sent;
      yield* hold.release;
      yield* heard.sent;
      const seen = yield* after(buyer, orderId, "PENDING");
      const order: Bought = { buyer, productId, orderId, amount: Number(seen["finalAmount"]) };
      yield* pay(order);
      yield* took(orderId, "Event");
      if (!wanted) yield* unwanted(order);
      yield* heard.release;
      yield* endsAs(order, wanted ? "COMPLETED" : "CANCELED");
      if (!wanted) yield* nothingLeft(order);
    }),
  );

const unwantedWhileClosing = Effect.gen(function* () {
  const order = yield* bought;
  const late = yield* Late.make("payment", answerTo(ClosePayment), order.orderId);
  yield* standsAt(order.orderId, "closing.asked", "collect payment");
  yield* late.sent;
  yield* unwanted(order);
  yield* late.release;
  yield* endsAs(order, "CANCELED");
  yield* nothingLeft(order);
});

/** Paid in time, but the saga hears of it only when it asks at the end of the window. */
const settledBefore = Effect.gen(function* () {
  const order = yield* bought;
  const late = yield* Late.make("payment", PaymentSettled.type, order.orderId);
  yield* pay(order);
  yield* late.sent;
  yield* endsAs(order, "COMPLETED");
  yield* late.release;
});

/** Paid in time, and the saga hears of it while it asks. */
const settledMeanwhile = Effect.gen(function* () {
  const order = yield* bought;
  const settled = yield* Late.make("payment", PaymentSettled.type, order.orderId);
  const closed = yield* Late.make("payment", answerTo(ClosePayment), order.orderId);
  yield* pay(order);
  yield* standsAt(order.orderId, "closing.asked", "collect payment");
  yield* closed.sent;
  yield* settled.release;
  yield* endsAs(order, "COMPLETED");
  yield* closed.release;
});

export const turns: ReadonlyArray<Turn> = [
  unwantedBefore("validate products", ValidateProducts),
  unwantedBefore("hold stock", HoldStock),
  unwantedBefore("use coupon", UseCoupon, true),
  unwantedBefore("open payment", OpenPayment),
  unwantedBefore("await payment", AwaitPayment),
  turn("cancelled while the saga asks the arbiter", unwantedWhileClosing),
  unwantedAfter("claim stock", ClaimStock),
  unwantedAfter("complete order", CompleteOrder),
  unwantedUndone("compensating.undoing", "open payment", VoidPayment),
  unwantedUndone("compensating.undoing", "use coupon", ReturnCoupon),
  unwantedUndone("compensating.undoing", "hold stock", ReleaseStock),
  unwantedUndone("compensating.failing", null, CloseOrder),
  unwantedOutsold("refund payment", RefundPayment),
  unwantedOutsold("return coupon", ReturnCoupon),
  unwantedOutsold("close order", CloseOrder),
  early(true),
  early(false),
  turn("paid in time, and heard of at the end", settledBefore),
  turn("paid in time, and heard of while asking", settledMeanwhile),
  turn("known to the catalogue, but never stocked", withoutStock),
  turn("costs nothing", free),
];
