/** What happens to one order, in the words of the journeys that take the branches of its saga. */
import { assert } from "@effect/vitest";
import type { SagaState } from "@destiny/sdk/saga";
import * as Effect from "effect/Effect";
import { after, authorise, confirm, eventually, payable, sagaOf, stock } from "./Journey.ts";
import { ended, onSale } from "./Journeys.ts";
import { Shop, type Shopper } from "./Shop.ts";

export interface Turn {
  readonly name: string;
  readonly run: Effect.Effect<void, never, Shop>;
}

export interface Bought {
  readonly buyer: Shopper;
  readonly orderId: string;
  readonly amount: number;
  readonly productId: string;
}

/** Until the order's saga has taken an input of that kind. */
export const took = Effect.fnUntraced(function* (orderId: string, kind: SagaState.SagaInput["_tag"]) {
  const { database } = yield* Shop;
  const look = database("saga")`SELECT 1 FROM saga_journal WHERE saga_id = ${sagaOf(orderId)} AND kind = ${kind}`;
  yield* eventually(
    `the saga of ${orderId} takes ${kind}`,
    Effect.map(Effect.orDie(look), (rows) => rows.length > 0),
  );
});

/** The customer asks to cancel, and the saga hears of it. */
export const unwanted = Effect.fnUntraced(function* ({ buyer, orderId }: Pick<Bought, "buyer" | "orderId">) {
  const asked = yield* buyer.call("PATCH", `/v1/orders/${orderId}/cancel`, { body: {} });
  assert.strictEqual(asked.status, 202, JSON.stringify(asked.body));
  yield* took(orderId, "Cancel");
});

export const bought = Effect.gen(function* () {
  const { buyer, productId } = yield* onSale(3);
  return { buyer, productId, ...(yield* payable(buyer, productId, 2)) } satisfies Bought;
});

export const pay = Effect.fnUntraced(function* ({ amount, buyer, orderId }: Bought) {
  return yield* confirm(buyer, { orderId, amount, paymentKey: yield* authorise(orderId, amount) });
});

const terminal: ReadonlySet<unknown> = new Set(["COMPLETED", "FAILED", "CANCELED", "CANCEL_FAILED"]);

export const endsAs = Effect.fnUntraced(function* (
  { buyer, orderId }: Pick<Bought, "buyer" | "orderId">,
  ...expected: readonly [status: string, reason?: string]
) {
  let seen = yield* after(buyer, orderId, "PENDING");
  while (!terminal.has(seen["status"])) seen = yield* after(buyer, orderId, String(seen["status"]));
  const [status, reason = null] = expected;
  assert.deepStrictEqual(ended(seen), [status, reason], JSON.stringify(seen));
});

/** All units are back on sale, and no gateway holds a won. */
export const nothingLeft = Effect.fnUntraced(function* ({ orderId, productId }: Pick<Bought, "orderId" | "productId">) {
  const { toss } = yield* Shop;
  assert.deepStrictEqual((yield* stock(productId))?.slice(1), [0, 0], "held and claimed units");
  const net = toss
    .captures()
    .filter((one) => one.orderId === orderId)
    .reduce((sum, { amount, kind }) => sum + (kind === "captured" ? amount : -amount), 0);
  assert.strictEqual(net, 0);
});

export const turn = (name: string, run: Effect.Effect<void, never, Shop>): Turn => ({ name, run });

/** Paid, but the units went to somebody else: the hold's time is moved, as a clock that is ahead would. */
export const outsold = Effect.fnUntraced(function* <A extends Bought>(ordered: Effect.Effect<A, never, Shop>) {
  const { database } = yield* Shop;
  const order = yield* ordered;
  yield* Effect.orDie(
    database(
      "stock",
    )`UPDATE reservation SET until = now() - interval '1 second', version = version + 1 WHERE order_id = ${order.orderId}`,
  );
  yield* eventually(
    "the hold expires",
    Effect.map(stock(order.productId), (row) => row?.[1] === 0),
  );
  const other = yield* (yield* Shop).shopper;
  yield* payable(other, order.productId, 2);
  return order;
});
