/** Journeys on which the gateway makes trouble: a card declined, a refund refused, an outcome that nobody knows. */
import { assert } from "@effect/vitest";
import type { SagaState } from "@destiny/sdk/saga";
import * as Effect from "effect/Effect";
import { after, eventually, key, sagaOf, standsAt, stock } from "./Journey.ts";
import { moneyBack, paidUnknown } from "./Journeys.ts";
import { Shop } from "./Shop.ts";
import { bought, endsAs, nothingLeft, outsold, pay, type Turn, turn, unwanted } from "./Words.ts";

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
  const order = yield* outsold(bought);
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
