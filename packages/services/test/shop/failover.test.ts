import { assert, layer } from "@effect/vitest";
import { PortOne } from "@destiny/sdk/payment";
import * as Effect from "effect/Effect";
import { after, authorise, confirm, key, payable } from "./Journey.ts";
import { type Reply, Shop, type Shopper } from "./Shop.ts";

const settings = {
  DESTINY_PAYMENT_WINDOW: "60 seconds",
  DESTINY_HOLD_LIFETIME: "90 seconds",
  DESTINY_PAYMENT_SETTLE: "3 seconds",
  DESTINY_PAYMENT_TIMEOUT: "500 millis",
  // Toss, then PortOne, then Bootpay.
  DESTINY_PAYMENT_WEIGHTS: "toss=999999,portone=1,bootpay=0.001",
};

const authoriseAtPortOne = Effect.fnUntraced(function* (orderId: string, amount: number) {
  const { portOne } = yield* Shop;
  const payment = portOne.createPayment({ orderId, amount });
  return payment === undefined
    ? assert.fail("the simulator is full")
    : PortOne.paymentKey(payment.paymentId, payment.paymentToken);
});

const payAtPortOne = Effect.fnUntraced(function* (shopper: Shopper, orderId: string, amount: number) {
  const paymentKey = yield* authoriseAtPortOne(orderId, amount);
  const body = { orderId, amount, paymentKey, provider: "PORTONE" };
  return yield* shopper.call("POST", "/v1/payments/confirm", { body, headers: key() });
});

const leave = (shopper: Shopper, orderId: string, provider: string): Effect.Effect<Reply> =>
  shopper.call("POST", `/v1/payments/${orderId}/reissue`, { body: { provider } });

/** Asks again as often as the shop says that the outcome is not known yet. */
const leaveWhenSettled = Effect.fnUntraced(function* (shopper: Shopper, orderId: string, provider: string) {
  for (let round = 0; round < 20; round++) {
    const answer = yield* leave(shopper, orderId, provider);
    if (answer.body["code"] !== "PAYM-117") return { answer, rounds: round };
    assert.strictEqual(answer.headers.get("retry-after"), "1");
    yield* Effect.sleep("500 millis");
  }
  return assert.fail(`${orderId} never leaves ${provider}`);
});

layer(Shop.layer(settings), { excludeTestServices: true, timeout: "120 seconds" })(
  "A shop with three gateways",
  (it) => {
    it.effect(
      "one approves and hangs, inquiry included: the shopper pays at the next, and the first approval is voided",
      () =>
        Effect.gen(function* () {
          const shop = yield* Shop;
          const buyer = yield* shop.shopper;
          const operator = yield* shop.operator;
          const { amount, orderId } = yield* payable(buyer, yield* shop.product(5), 2);
          shop.toss.faults.put({
            rules: [
              { kind: "approveThenHang", operations: ["confirm"] },
              { kind: "hang", operations: ["inquire"] },
            ],
          });
          const paymentKey = yield* authorise(orderId, amount);
          const confirmed = yield* confirm(buyer, { orderId, amount, paymentKey });
          assert.deepStrictEqual([confirmed.status, confirmed.body["status"]], [202, "CONFIRMING"]);

          const { answer, rounds } = yield* leaveWhenSettled(buyer, orderId, "TOSSPAYMENTS");
          assert.isAbove(rounds, 0, "not before the settle window is over");
          assert.deepStrictEqual(
            [answer.status, answer.body["provider"], answer.body["status"]],
            [200, "PORTONE", "OPEN"],
          );
          const again = yield* confirm(buyer, { orderId, amount, paymentKey });
          assert.strictEqual(again.body["code"], "PAYM-110", "the key of the gateway that was left pays nothing");

          const paid = yield* payAtPortOne(buyer, orderId, amount);
          assert.deepStrictEqual([paid.status, paid.body["status"]], [200, "CAPTURED"]);
          assert.strictEqual((yield* after(buyer, orderId, "WAITING_PAYMENT"))["status"], "COMPLETED");

          const route = (yield* operator.call("GET", `/v1/payments/${orderId}/route`)).body as unknown as {
            readonly routes: ReadonlyArray<{
              readonly provider: string;
              readonly why: string;
              readonly considered: [];
            }>;
            readonly attempts: ReadonlyArray<{ readonly status: string }>;
          };
          assert.deepStrictEqual(
            route.routes.map(({ considered, provider, why }) => [provider, why, considered.length]),
            [
              ["TOSSPAYMENTS", "opened", 3],
              ["PORTONE", "unknown", 3],
            ],
          );
          assert.deepStrictEqual(
            route.attempts.map(({ status }) => status),
            ["abandoned", "captured"],
          );
          const { items } = (yield* operator.call("GET", "/v1/payments/gateways/health")).body as unknown as {
            readonly items: ReadonlyArray<{
              readonly provider: string;
              readonly inquire: unknown;
              readonly cancel: unknown;
            }>;
          };
          assert.deepStrictEqual(
            items.map(({ provider }) => provider),
            ["TOSSPAYMENTS", "PORTONE", "BOOTPAY"],
          );
          assert.isNotNull(items[0]?.inquire);
          assert.isNull(items[2]?.inquire);

          shop.toss.faults.clear();
          // At once: the audit itself waits until the late approval is seen and given back.
          const clean = yield* shop.verify;
          assert.isTrue(clean.ok, JSON.stringify(clean));
          assert.include(
            clean.invariants.map(({ id }) => id),
            "I11",
          );
          const payment = shop.database("payment");
          const rows = yield* payment<{ readonly status: string }>`
          SELECT status FROM payment_attempt WHERE reference = ${orderId} ORDER BY no`;
          assert.deepStrictEqual(
            rows.map(({ status }) => status),
            ["voided", "captured"],
          );
          assert.deepStrictEqual(
            shop.toss.captures().map(({ kind }) => kind),
            ["captured", "canceled"],
          );

          // One corrupted row of each kind that I11 is about; the last step, because it stays.
          const first = payment`reference = ${orderId} AND no = 1`;
          const i11 = Effect.map(shop.verify, ({ invariants }) => invariants.find(({ id }) => id === "I11"));
          yield* payment`UPDATE payment_attempt SET settled_at = observed_at + interval '2 minutes' WHERE ${first}`;
          assert.deepStrictEqual(
            (yield* i11)?.violations.map(({ id }) => id),
            [`${orderId}/1`],
            "a void that took too long",
          );
          yield* payment`UPDATE payment_attempt SET status = 'abandoned', settled_at = NULL WHERE ${first}`;
          assert.deepStrictEqual(
            (yield* i11)?.violations.map(({ id }) => id),
            [`${orderId}/1`],
            "a guard that was dropped",
          );
        }).pipe(Effect.orDie),
    );

    it.effect("a confirm that was turned away unread sends the shopper on at once; a refused card does not", () =>
      Effect.gen(function* () {
        const shop = yield* Shop;
        const buyer = yield* shop.shopper;
        const { amount, orderId } = yield* payable(buyer, yield* shop.product(5), 1);
        shop.toss.faults.put({
          rules: [{ kind: "error", code: "REJECT_CARD_PAYMENT", operations: ["confirm"], count: 1 }],
        });
        const refused = yield* confirm(buyer, { orderId, amount, paymentKey: yield* authorise(orderId, amount) });
        assert.deepStrictEqual([refused.status, refused.body["code"]], [402, "PAYM-102"]);
        const stays = yield* leave(buyer, orderId, "TOSSPAYMENTS");
        assert.deepStrictEqual([stays.status, stays.body["code"]], [409, "PAYM-116"]);

        shop.toss.faults.put({ rules: [{ kind: "tooManyRequests", retryAfterSeconds: 1, operations: ["confirm"] }] });
        const moved = yield* confirm(buyer, { orderId, amount, paymentKey: yield* authorise(orderId, amount) });
        shop.toss.faults.clear();
        assert.deepStrictEqual(
          [moved.status, moved.body["code"], moved.body["provider"]],
          [409, "PAYM-115", "PORTONE"],
        );
        assert.strictEqual((yield* payAtPortOne(buyer, orderId, amount)).status, 200);
        assert.strictEqual((yield* after(buyer, orderId, "WAITING_PAYMENT"))["status"], "COMPLETED");
        const other = yield* shop.shopper;
        assert.strictEqual((yield* leave(other, orderId, "PORTONE")).status, 404, "somebody else's order");
      }),
    );
  },
);
