/** The journeys that together bring every message type that is sent into the shop. */
import { assert } from "@effect/vitest";
import * as Effect from "effect/Effect";
import * as Contracts from "../../src/contracts/index.ts";
import { after, authorise, confirm, eventually, key, order, payable, place, standsAt, stock } from "./Journey.ts";
import { type Definition, notYetSent, typesOf } from "./MessageTypes.ts";
import { Shop } from "./Shop.ts";

/** The windows of the shop that these journeys need. */
export const windows = {
  DESTINY_PAYMENT_WINDOW: "6 seconds",
  DESTINY_HOLD_LIFETIME: "20 seconds",
  TOSS_TIMEOUT_MILLIS: "800",
};

export interface Journey {
  readonly name: string;
  readonly brings: ReadonlyArray<Definition>;
  /** Answers the keys of the messages that it brought: the order, the product. */
  readonly run: Effect.Effect<ReadonlyArray<string>, never, Shop>;
}

/** How an order ended, and why. */
export const ended = (seen: Record<string, unknown>) => [seen["status"], seen["failureReason"]];

/** A new product, and somebody who wants it. */
export const onSale = Effect.fnUntraced(function* (quantity: number) {
  const { product, shopper } = yield* Shop;
  return { productId: yield* product(quantity), buyer: yield* shopper };
});

const paid = Effect.gen(function* () {
  const { buyer, productId } = yield* onSale(5);
  const { amount, orderId } = yield* payable(buyer, productId, 2);
  yield* confirm(buyer, { orderId, amount, paymentKey: yield* authorise(orderId, amount) });
  assert.deepStrictEqual(ended(yield* after(buyer, orderId, "WAITING_PAYMENT")), ["COMPLETED", null]);
  return [orderId, productId];
});

/** The gateway took the money once, and gave it back. */
export const moneyBack = (orderId: string) =>
  Effect.map(Shop, ({ toss }) =>
    assert.deepStrictEqual(
      toss.captures().flatMap((one) => (one.orderId === orderId ? [one.kind] : [])),
      ["captured", "canceled"],
    ),
  );

/** Bought, and then cancelled. */
const givenBack = Effect.gen(function* () {
  const { buyer, productId } = yield* onSale(5);
  const bought = yield* payable(buyer, productId, 2);
  yield* confirm(buyer, { ...bought, paymentKey: yield* authorise(bought.orderId, bought.amount) });
  assert.deepStrictEqual(ended(yield* after(buyer, bought.orderId, "WAITING_PAYMENT")), ["COMPLETED", null]);
  const asked = yield* buyer.call("PATCH", `/v1/orders/${bought.orderId}/cancel`, { body: {} });
  assert.deepStrictEqual([asked.status, asked.body["status"]], [202, "CANCEL_REQUESTED"]);
  assert.deepStrictEqual(ended(yield* after(buyer, bought.orderId, "CANCEL_REQUESTED")), ["CANCELED", null]);
  yield* moneyBack(bought.orderId);
  assert.deepStrictEqual(yield* stock(productId), [5, 0, 0]);
  return [bought.orderId, productId];
});

const soldOut = Effect.gen(function* () {
  const { buyer, productId } = yield* onSale(1);
  const orderId = yield* place(buyer, productId, 2);
  assert.deepStrictEqual(ended(yield* after(buyer, orderId, "PENDING")), ["FAILED", "SOLD_OUT"]);
  return [orderId, productId];
});

const unknownProduct = Effect.gen(function* () {
  const { buyer, productId } = yield* onSale(1);
  const body = { ...order(productId), items: order("01a20cde-9405-786e-8313-a1dfd1756999").items };
  const placed = yield* buyer.call("POST", "/v1/orders", { body, headers: key() });
  const orderId = String(placed.body["id"]);
  assert.deepStrictEqual(ended(yield* after(buyer, orderId, "PENDING")), ["FAILED", "INVALID"]);
  return [orderId, productId];
});

const unpaid = Effect.gen(function* () {
  const { buyer, productId } = yield* onSale(1);
  const { orderId } = yield* payable(buyer, productId);
  assert.deepStrictEqual(ended(yield* after(buyer, orderId, "WAITING_PAYMENT")), ["FAILED", "PAYMENT_EXPIRED"]);
  return [orderId, productId];
});

const cancelled = Effect.gen(function* () {
  const { buyer, productId } = yield* onSale(3);
  const { orderId } = yield* payable(buyer, productId);
  // The order is payable a moment before its saga awaits the payment; cancelled in between, nobody needs to close it.
  yield* standsAt(orderId, "awaiting", "collect payment");
  const asked = yield* buyer.call("PATCH", `/v1/orders/${orderId}/cancel`, { body: { message: "too late" } });
  assert.strictEqual(asked.status, 202, JSON.stringify(asked.body));
  assert.deepStrictEqual(ended(yield* after(buyer, orderId, "WAITING_PAYMENT")), ["CANCELED", null]);
  return [orderId, productId];
});

/** Pays, but the approval gets lost, and the gateway cannot be asked until the faults are lifted. */
export const paidUnknown = Effect.gen(function* () {
  const { toss } = yield* Shop;
  const { buyer, productId } = yield* onSale(1);
  const { amount, orderId } = yield* payable(buyer, productId);
  toss.faults.put({
    rules: [
      { kind: "approveThenReset", operations: ["confirm"], count: 1 },
      { kind: "unavailable", status: 503, operations: ["inquire"] },
    ],
  });
  const unknown = yield* confirm(buyer, { orderId, amount, paymentKey: yield* authorise(orderId, amount) });
  assert.strictEqual(unknown.body["status"], "CONFIRMING");
  return { buyer, orderId, productId };
});

const cancelledUnknown = Effect.gen(function* () {
  const { toss } = yield* Shop;
  const { buyer, orderId, productId } = yield* paidUnknown;
  yield* standsAt(orderId, "awaiting", "collect payment");
  yield* buyer.call("PATCH", `/v1/orders/${orderId}/cancel`, { body: {} });
  toss.faults.clear();
  assert.deepStrictEqual(ended(yield* after(buyer, orderId, "WAITING_PAYMENT")), ["CANCELED", null]);
  yield* moneyBack(orderId);
  return [orderId, productId];
});

const paidInDoubt = Effect.gen(function* () {
  const { database, toss } = yield* Shop;
  const { buyer, orderId, productId } = yield* paidUnknown;
  const extended = database("saga")`
    SELECT 1 FROM outbox_sent WHERE type = ${Contracts.ExtendHold.type} AND key = ${orderId}`;
  yield* eventually(
    "the window ends, and the hold is extended",
    Effect.map(Effect.orDie(extended), (rows) => rows.length > 0),
  );
  toss.faults.clear();
  assert.deepStrictEqual(ended(yield* after(buyer, orderId, "WAITING_PAYMENT")), ["COMPLETED", null]);
  return [orderId, productId];
});

const stockGone = Effect.gen(function* () {
  const { database, shopper } = yield* Shop;
  const { buyer, productId } = yield* onSale(1);
  const slow = yield* payable(buyer, productId);
  // A hold outlives its payment window, unless the clock of whoever sweeps is ahead: here the hold's time is moved instead.
  yield* Effect.orDie(
    database(
      "stock",
    )`UPDATE reservation SET until = now() - interval '1 second', version = version + 1 WHERE order_id = ${slow.orderId}`,
  );
  yield* eventually(
    "the hold expires",
    Effect.map(stock(productId), (row) => row?.[1] === 0),
  );
  const other = yield* shopper;
  const faster = yield* payable(other, productId);
  yield* confirm(other, { ...faster, paymentKey: yield* authorise(faster.orderId, faster.amount) });
  assert.deepStrictEqual(ended(yield* after(other, faster.orderId, "WAITING_PAYMENT")), ["COMPLETED", null]);
  yield* confirm(buyer, { ...slow, paymentKey: yield* authorise(slow.orderId, slow.amount) });
  assert.deepStrictEqual(ended(yield* after(buyer, slow.orderId, "WAITING_PAYMENT")), ["FAILED", "STOCK_GONE"]);
  yield* moneyBack(slow.orderId);
  return [slow.orderId, productId];
});

/** A brand comes, is renamed, lists a product, brings more of it, and goes. */
const listed = Effect.gen(function* () {
  const { operator } = yield* Shop;
  const { call } = yield* operator;
  const created = yield* call("POST", "/v1/brands", { body: { brandName: "Brand" } });
  const brandId = String(created.body["brandId"]);
  yield* call("PATCH", `/v1/brands/${brandId}`, { body: { brandName: "Renamed" } });
  const body = { brandId, name: "Shirt", price: 1000, quantity: 5 };
  let productId = "";
  yield* eventually(
    "the products know the brand",
    Effect.map(call("POST", "/v1/products", { body }), (answer) => {
      productId = String(answer.body["id"]);
      return answer.status === 201;
    }),
  );
  yield* eventually(
    "the stock knows the product",
    Effect.map(stock(productId), (row) => row?.[0] === 5),
  );
  const restocked = yield* call("POST", `/v1/products/${productId}/restock`, { body: { quantity: 2 }, headers: key() });
  assert.strictEqual(restocked.status, 202);
  yield* eventually(
    "more of it is there",
    Effect.map(stock(productId), (row) => row?.[0] === 7),
  );
  const removed = yield* call("DELETE", `/v1/brands/${brandId}`);
  assert.strictEqual(removed.status, 204);
  return [brandId, productId];
});

const { AwaitPayment, ClaimStock, CloseCancellation, CloseOrder, ClosePayment, CompleteOrder, ExtendHold, HoldStock } =
  Contracts;
const {
  OpenPayment,
  OrderCanceled,
  OrderCancellationStarted,
  OrderCancelRequested,
  OrderCompleted,
  OrderFailed,
  OrderPlaced,
  PaymentSettled,
  ProductCreated,
  ProductReopened,
  ProductRestocked,
  ProductSoldOut,
} = Contracts;
const { RefundPayment, ReleaseStock, ReturnStock, ValidateProducts, VoidPayment } = Contracts;

const { BrandCreated, BrandDeleted, BrandUpdated } = Contracts;

const begun = [OrderPlaced, ValidateProducts, HoldStock, OpenPayment, AwaitPayment];
const undone = [ClosePayment, VoidPayment, ReleaseStock, CloseOrder];

const paidFor = [PaymentSettled, ClaimStock];

export const journeys: ReadonlyArray<Journey> = [
  { name: "listed", brings: [BrandCreated, BrandUpdated, BrandDeleted, ProductCreated, ProductRestocked], run: listed },
  { name: "paid", brings: [...begun, ...paidFor, CompleteOrder, OrderCompleted], run: paid },
  {
    name: "given back",
    brings: [
      ...begun,
      ...paidFor,
      CompleteOrder,
      OrderCompleted,
      OrderCancellationStarted,
      RefundPayment,
      ReturnStock,
      CloseCancellation,
      OrderCanceled,
    ],
    run: givenBack,
  },
  { name: "sold out", brings: [OrderPlaced, ValidateProducts, HoldStock, CloseOrder, OrderFailed], run: soldOut },
  { name: "unknown product", brings: [OrderPlaced, ValidateProducts, CloseOrder, OrderFailed], run: unknownProduct },
  { name: "unpaid", brings: [...begun, ...undone, OrderFailed, ProductSoldOut, ProductReopened], run: unpaid },
  { name: "cancelled", brings: [...begun, ...undone, OrderCancelRequested], run: cancelled },
  { name: "stock gone", brings: [...begun, ...paidFor, RefundPayment, CloseOrder, OrderFailed], run: stockGone },
];

/** Only one at a time: the faults of the gateway are everybody's. */
export const troubled: ReadonlyArray<Journey> = [
  { name: "cancelled in doubt", brings: [...begun, ...undone, OrderCancelRequested], run: cancelledUnknown },
  {
    name: "paid in doubt",
    brings: [...begun, ClosePayment, ExtendHold, ...paidFor, CompleteOrder],
    run: paidInDoubt,
  },
];

/** The types that a journey brings. */
export const broughtBy = ({ brings }: Journey): ReadonlyArray<string> =>
  brings.flatMap(typesOf).filter((type) => notYetSent[type] === undefined);
