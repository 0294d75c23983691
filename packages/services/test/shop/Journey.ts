/** What shoppers do, in the words of the tests. */
import { assert } from "@effect/vitest";
import type { SagaState } from "@destiny/sdk/saga";
import * as Effect from "effect/Effect";
import { type Reply, Shop, type Shopper } from "./Shop.ts";

let keys = 0;
export const key = (): Record<string, string> => ({ "idempotency-key": `key-${++keys}` });

const recipient = { recipientName: "Kim", recipientPhone: "010-1234-5678", zipcode: "04524", address1: "Seoul" };

export const order = (productId: string, quantity = 1) => ({ ...recipient, items: [{ productId, quantity }] });

export const place = Effect.fnUntraced(function* (
  shopper: Shopper,
  productId: string,
  quantity = 1,
  couponId?: string,
) {
  const body = { ...order(productId, quantity), ...(couponId === undefined ? {} : { couponId }) };
  const placed = yield* shopper.call("POST", "/v1/orders", { body, headers: key() });
  assert.strictEqual(placed.status, 201, JSON.stringify(placed.body));
  return String(placed.body["id"]);
});

/** Waits until the order leaves a state. */
export const after = Effect.fnUntraced(function* (shopper: Shopper, orderId: string, since: string) {
  for (let round = 0; round < 6; round++) {
    const seen = yield* shopper.call("GET", `/v1/orders/${orderId}?since=${since}`, { headers: { prefer: "wait=5" } });
    if (seen.body["status"] !== since) return seen.body;
  }
  return assert.fail(`order ${orderId} is still ${since}`);
});

export const payable = Effect.fnUntraced(function* (
  shopper: Shopper,
  productId: string,
  quantity = 1,
  couponId?: string,
) {
  const orderId = yield* place(shopper, productId, quantity, couponId);
  const seen = yield* after(shopper, orderId, "PENDING");
  assert.strictEqual(seen["status"], "WAITING_PAYMENT", JSON.stringify(seen));
  return { orderId, amount: Number(seen["finalAmount"]) };
});

/** The browser step at the gateway. */
export const authorise = Effect.fnUntraced(function* (orderId: string, amount: number) {
  const { toss } = yield* Shop;
  const payment = toss.createPayment({ orderId, amount });
  return payment === undefined ? assert.fail("the simulator is full") : payment.paymentKey;
});

export const confirm = (
  shopper: Shopper,
  payment: { readonly orderId: string; readonly amount: number; readonly paymentKey: string },
  headers = key(),
): Effect.Effect<Reply> =>
  shopper.call("POST", "/v1/payments/confirm", { body: { ...payment, provider: "TOSSPAYMENTS" }, headers });

const looks = 3000;

/** Until something holds that no request can wait for. */
export const eventually = Effect.fnUntraced(function* (what: string, holds: Effect.Effect<boolean, never, Shop>) {
  for (let look = 0; look < looks; look++) {
    if (yield* holds) return;
    yield* Effect.sleep("10 millis");
  }
  return assert.fail(`never: ${what}`);
});

/** The saga that places an order. */
export const sagaOf = (orderId: string): string => `place-order/${orderId}`;

/** Until the order's saga stands there. */
export const standsAt = Effect.fnUntraced(function* (
  orderId: string,
  situation: SagaState.Situation,
  step: string | null,
) {
  const { database } = yield* Shop;
  const look = database("saga")`
    SELECT 1 FROM saga WHERE id = ${sagaOf(orderId)} AND state ->> 'situation' = ${situation}
      AND step IS NOT DISTINCT FROM ${step}`;
  yield* eventually(
    `${orderId} is ${situation} at ${String(step)}`,
    Effect.map(Effect.orDie(look), (rows) => rows.length > 0),
  );
});

/** What the ledger says of a product: total, held, claimed. */
export const stock = Effect.fnUntraced(function* (productId: string) {
  const { database } = yield* Shop;
  const rows = yield* Effect.orDie(
    database("stock")<{ readonly total: number; readonly held: number; readonly claimed: number }>`
      SELECT total, held, claimed FROM stock WHERE sku = ${productId}`,
  );
  const [row] = rows;
  return row === undefined ? undefined : [row.total, row.held, row.claimed];
});
