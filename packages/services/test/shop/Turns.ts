/** The journeys that together take every branch of the sagas: an order that is late, unwanted, refused or unpaid at each step. */
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
  ValidateProducts,
  VoidPayment,
} from "../../src/contracts/index.ts";
import { after, authorise, confirm, eventually, key, payable, place, sagaOf, standsAt, stock } from "./Journey.ts";
import { ended, moneyBack, onSale, paidUnknown } from "./Journeys.ts";
import * as Late from "./Late.ts";
import { Shop, type Shopper } from "./Shop.ts";

export interface Turn {
  readonly name: string;
  readonly run: Effect.Effect<void, never, Shop>;
}

interface Bought {
  readonly buyer: Shopper;
  readonly orderId: string;
  readonly amount: number;
  readonly productId: string;
}

const answerTo = ({ type }: { readonly type: string }): string => `${type}.reply`;

/** Until the order's saga has taken an input of that kind. */
const took = Effect.fnUntraced(function* (orderId: string, kind: SagaState.SagaInput["_tag"]) {
  const { database } = yield* Shop;
  const look = database("saga")`SELECT 1 FROM saga_journal WHERE saga_id = ${sagaOf(orderId)} AND kind = ${kind}`;
  yield* eventually(
    `the saga of ${orderId} takes ${kind}`,
    Effect.map(Effect.orDie(look), (rows) => rows.length > 0),
  );
});

/** Nobody wakes the saga while it stands there, as if the sweeper were slow, until the test lets it be swept. */
const unswept = Effect.fnUntraced(function* (orderId: string, situation: SagaState.Situation) {
  const sql = (yield* Shop).database("saga");
  const put = (at: string) => sql`
    UPDATE saga SET next_wake_at = now() + ${at}::interval
    WHERE id = ${sagaOf(orderId)} AND state ->> 'situation' = ${situation} RETURNING 1`;
  yield* eventually(
    `${orderId} is ${situation}`,
    Effect.map(Effect.orDie(put("1 hour")), (rows) => rows.length > 0),
  );
  return { swept: Effect.asVoid(Effect.orDie(put("0 seconds"))) };
});

/** The customer asks to cancel, and the saga hears of it. */
const unwanted = Effect.fnUntraced(function* ({ buyer, orderId }: Pick<Bought, "buyer" | "orderId">) {
  const asked = yield* buyer.call("PATCH", `/v1/orders/${orderId}/cancel`, { body: {} });
  assert.strictEqual(asked.status, 202, JSON.stringify(asked.body));
  yield* took(orderId, "Cancel");
});

const bought = Effect.gen(function* () {
  const { buyer, productId } = yield* onSale(3);
  return { buyer, productId, ...(yield* payable(buyer, productId, 2)) } satisfies Bought;
});

const pay = Effect.fnUntraced(function* ({ amount, buyer, orderId }: Bought) {
  return yield* confirm(buyer, { orderId, amount, paymentKey: yield* authorise(orderId, amount) });
});

const terminal: ReadonlySet<unknown> = new Set(["COMPLETED", "FAILED", "CANCELED", "CANCEL_FAILED"]);

const endsAs = Effect.fnUntraced(function* (
  { buyer, orderId }: Pick<Bought, "buyer" | "orderId">,
  ...expected: readonly [status: string, reason?: string]
) {
  let seen = yield* after(buyer, orderId, "PENDING");
  while (!terminal.has(seen["status"])) seen = yield* after(buyer, orderId, String(seen["status"]));
  const [status, reason = null] = expected;
  assert.deepStrictEqual(ended(seen), [status, reason], JSON.stringify(seen));
});

/** All units are back on sale, and no gateway holds a won. */
const nothingLeft = Effect.fnUntraced(function* ({ orderId, productId }: Pick<Bought, "orderId" | "productId">) {
  const { toss } = yield* Shop;
  assert.deepStrictEqual((yield* stock(productId))?.slice(1), [0, 0], "held and claimed units");
  const net = toss
    .captures()
    .filter((one) => one.orderId === orderId)
    .reduce((sum, { amount, kind }) => sum + (kind === "captured" ? amount : -amount), 0);
  assert.strictEqual(net, 0);
});

const turn = (name: string, run: Effect.Effect<void, never, Shop>): Turn => ({ name, run });

/** Unwanted while a question is out before the payment. */
const unwantedBefore = (step: string, { type }: { readonly type: string }): Turn =>
  turn(
    `cancelled while the saga asks: ${step}`,
    Effect.gen(function* () {
      const { buyer, productId } = yield* onSale(3);
      // The order has no id yet: of the four questions one names only the buyer, the others the product.
      const late = yield* Late.make("saga", type, type === OpenPayment.type ? buyer.userId : productId);
      const orderId = yield* place(buyer, productId, 2);
      yield* standsAt(orderId, "running.before", step);
      yield* late.sent;
      yield* unwanted({ buyer, orderId });
      yield* late.release;
      yield* endsAs({ buyer, orderId }, "CANCELED");
      yield* nothingLeft({ orderId, productId });
    }),
  );

/** Unwanted after the money came: the order is completed, and cancelled at once. */
const unwantedAfter = (step: string, { type }: { readonly type: string }): Turn =>
  turn(
    `cancelled when it is paid already: ${step}`,
    Effect.gen(function* () {
      const order = yield* bought;
      const late = yield* Late.make("saga", type, order.orderId);
      yield* pay(order);
      yield* standsAt(order.orderId, "running.after", step);
      yield* late.sent;
      yield* unwanted(order);
      yield* late.release;
      yield* endsAs(order, "CANCELED");
      yield* moneyBack(order.orderId);
      yield* nothingLeft(order);
    }),
  );

/** Unwanted while an unpaid order is undone already: it stays what it was. */
const unwantedUndone = (
  situation: SagaState.Situation,
  step: string | null,
  { type }: { readonly type: string },
): Turn =>
  turn(
    `cancelled while it is undone for want of money: ${step ?? "last word"}`,
    Effect.gen(function* () {
      const order = yield* bought;
      const late = yield* Late.make("saga", type, order.orderId);
      yield* standsAt(order.orderId, situation, step);
      yield* late.sent;
      yield* unwanted(order);
      yield* late.release;
      yield* endsAs(order, "FAILED", "PAYMENT_EXPIRED");
      yield* nothingLeft(order);
    }),
  );

/** Paid, but the units went to somebody else: the hold's time is moved, as a clock that is ahead would. */
const outsold = Effect.gen(function* () {
  const { database } = yield* Shop;
  const order = yield* bought;
  yield* Effect.orDie(
    database("stock")`UPDATE reservation SET until = now() - interval '1 second' WHERE order_id = ${order.orderId}`,
  );
  yield* eventually(
    "the hold expires",
    Effect.map(stock(order.productId), (row) => row?.[1] === 0),
  );
  const other = yield* (yield* Shop).shopper;
  yield* payable(other, order.productId, 2);
  return order;
});

/** Unwanted on the way out after the units were gone: the failure is what is told. */
const unwantedOutsold = (step: string, { type }: { readonly type: string }): Turn =>
  turn(
    `cancelled when its units are gone: ${step}`,
    Effect.gen(function* () {
      const order = yield* outsold;
      const late = yield* Late.make("saga", type, order.orderId);
      yield* pay(order);
      yield* standsAt(order.orderId, "running.after", step);
      yield* late.sent;
      yield* unwanted(order);
      yield* late.release;
      yield* endsAs(order, "FAILED", "STOCK_GONE");
      yield* moneyBack(order.orderId);
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
  unwantedBefore("open payment", OpenPayment),
  unwantedBefore("await payment", AwaitPayment),
  turn("cancelled while the saga asks the arbiter", unwantedWhileClosing),
  unwantedAfter("claim stock", ClaimStock),
  unwantedAfter("complete order", CompleteOrder),
  unwantedUndone("compensating.undoing", "open payment", VoidPayment),
  unwantedUndone("compensating.undoing", "hold stock", ReleaseStock),
  unwantedUndone("compensating.failing", null, CloseOrder),
  unwantedOutsold("refund payment", RefundPayment),
  unwantedOutsold("close order", CloseOrder),
  early(true),
  early(false),
  turn("paid in time, and heard of at the end", settledBefore),
  turn("paid in time, and heard of while asking", settledMeanwhile),
  turn("known to the catalogue, but never stocked", withoutStock),
  turn("costs nothing", free),
];

/** A card is refused: with `soft` another try may help, with `hard` this authentication never will. Neither ends the order. */
const declined = (kind: string, code: string, paysAgain: boolean): Turn =>
  turn(
    `${kind} decline, ${paysAgain ? "then paid" : "and never paid again"}`,
    Effect.gen(function* () {
      const { toss } = yield* Shop;
      const order = yield* bought;
      toss.faults.put({ rules: [{ kind: "error", code, operations: ["confirm"], count: 1 }] });
      const refused = yield* pay(order);
      assert.deepStrictEqual([refused.status, refused.body["vendorCode"]], [402, code]);
      if (paysAgain) assert.strictEqual((yield* pay(order)).status, 200);
      yield* paysAgain ? endsAs(order, "COMPLETED") : endsAs(order, "FAILED", "PAYMENT_EXPIRED");
      if (!paysAgain) yield* nothingLeft(order);
    }),
  );

const refusesRefunds = { kind: "error", code: "NOT_CANCELABLE_PAYMENT", operations: ["cancel"] };

/** The gateway says no to the refund: the saga stands still, and goes on when the money is back after all. */
const refundRefused = Effect.gen(function* () {
  const { toss } = yield* Shop;
  const order = yield* outsold;
  toss.faults.put({ rules: [refusesRefunds] });
  yield* pay(order);
  yield* standsAt(order.orderId, "stuck.after", "refund payment");
  toss.faults.clear();
  yield* endsAs(order, "FAILED", "STOCK_GONE");
  yield* moneyBack(order.orderId);
});

/** In doubt at the end of the window; the answer to the next question is not awaited, the event itself comes first. */
const settledWhilePending = Effect.gen(function* () {
  const { toss } = yield* Shop;
  const order = yield* paidUnknown;
  yield* unswept(order.orderId, "closing.pending");
  toss.faults.clear();
  yield* endsAs(order, "COMPLETED");
});

const unwantedWhilePending = Effect.gen(function* () {
  const { toss } = yield* Shop;
  const order = yield* paidUnknown;
  const { swept } = yield* unswept(order.orderId, "closing.pending");
  yield* unwanted(order);
  yield* swept;
  toss.faults.clear();
  yield* endsAs(order, "CANCELED");
  yield* moneyBack(order.orderId);
  yield* nothingLeft(order);
});

/** The refund of a completed order is refused, and operators give the cancellation up; later they try once more. */
const givenUp = Effect.gen(function* () {
  const { database, operator, toss } = yield* Shop;
  const [order, boss] = [yield* bought, yield* operator];
  yield* pay(order);
  yield* endsAs(order, "COMPLETED");
  toss.faults.put({ rules: [refusesRefunds] });
  const path = `/v1/orders/${order.orderId}/cancel`;
  const asked = yield* order.buyer.call("PATCH", path, { body: { message: "too big" } });
  const { id } = asked.body["cancellation"] as { readonly id: string };
  const saga = `/v1/sagas/cancel-order/${id}`;
  yield* eventually(
    "the cancellation is stuck",
    Effect.map(boss.call("GET", saga), ({ body }) => body["status"] === "stuck"),
  );
  assert.strictEqual((yield* order.buyer.call("GET", saga)).status, 403);
  const body = { note: "the bank says no" };
  assert.strictEqual((yield* boss.call("POST", `${saga}/compensate`, { body, headers: key() })).status, 200);
  yield* endsAs(order, "CANCEL_FAILED");
  assert.deepStrictEqual(yield* stock(order.productId), [3, 0, 2], "what was not given back is still sold");
  toss.faults.clear();
  assert.strictEqual((yield* order.buyer.call("PATCH", path, { body: {} })).status, 409);
  assert.strictEqual((yield* boss.call("PATCH", path, { body: {} })).status, 202);
  assert.strictEqual((yield* after(order.buyer, order.orderId, "CANCEL_REQUESTED"))["status"], "CANCELED");
  yield* moneyBack(order.orderId);
  yield* nothingLeft(order);
  const all = yield* Effect.orDie(
    database(
      "saga",
    )`SELECT 1 FROM saga WHERE definition = 'cancel-order' AND state -> 'data' ->> 'orderId' = ${order.orderId}`,
  );
  assert.lengthOf(all, 2, "each cancellation is a saga of its own");
});

/** Only one at a time: the faults of the gateway are everybody's. */
export const troubled: ReadonlyArray<Turn> = [
  declined("soft", "REJECT_CARD_PAYMENT", true),
  declined("hard", "INVALID_AUTHORIZE_AUTH", true),
  declined("soft", "INVALID_STOPPED_CARD", false),
  turn("the refund is refused for a while", refundRefused),
  turn("in doubt, and settled while the saga pauses", settledWhilePending),
  turn("in doubt, and cancelled while the saga pauses", unwantedWhilePending),
  turn("the cancellation is given up, and tried once more", givenUp),
];
