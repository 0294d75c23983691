import { assert, describe, layer } from "@effect/vitest";
import * as Effect from "effect/Effect";
import { after, authorise, confirm, key, order, payable, place, stock } from "./Journey.ts";
import { Shop } from "./Shop.ts";

const windows = {
  DESTINY_PAYMENT_WINDOW: "3 seconds",
  DESTINY_HOLD_LIFETIME: "20 seconds",
  TOSS_TIMEOUT_MILLIS: "800",
};

describe("PlaceOrder over the whole shop", () => {
  layer(Shop.layer(windows), { excludeTestServices: true, timeout: "120 seconds" })("one order", (it) => {
    it.effect("is paid once and completed, its units claimed, its money captured", () =>
      Effect.gen(function* () {
        const { product, shopper, toss } = yield* Shop;
        const [productId, buyer] = [yield* product(5, 1500), yield* shopper];
        const { amount, orderId } = yield* payable(buyer, productId, 2);
        assert.strictEqual(amount, 3000);
        assert.deepStrictEqual(yield* stock(productId), [5, 2, 0]);
        const paymentKey = yield* authorise(orderId, amount);
        const paid = yield* confirm(buyer, { orderId, amount, paymentKey });
        assert.deepStrictEqual([paid.status, paid.body["status"]], [200, "CAPTURED"]);
        assert.strictEqual((yield* after(buyer, orderId, "WAITING_PAYMENT"))["status"], "COMPLETED");
        assert.deepStrictEqual(yield* stock(productId), [5, 0, 2]);
        assert.strictEqual(toss.captures().filter((one) => one.orderId === orderId).length, 1);
      }),
    );

    it.effect("a double click, with one key or with two, captures once and never harms the order", () =>
      Effect.gen(function* () {
        const { product, shopper, toss } = yield* Shop;
        const [productId, buyer] = [yield* product(5), yield* shopper];
        const { amount, orderId } = yield* payable(buyer, productId);
        const paymentKey = yield* authorise(orderId, amount);
        const same = key();
        const clicks = yield* Effect.all(
          [same, same, key()].map((headers) => confirm(buyer, { orderId, amount, paymentKey }, headers)),
          { concurrency: "unbounded" },
        );
        for (const click of clicks) assert.include([200, 202, 409], click.status, JSON.stringify(click.body));
        assert.strictEqual((yield* after(buyer, orderId, "WAITING_PAYMENT"))["status"], "COMPLETED");
        const again = yield* confirm(buyer, { orderId, amount, paymentKey });
        assert.deepStrictEqual([again.status, again.body["status"]], [200, "CAPTURED"]);
        assert.strictEqual(toss.captures().filter((one) => one.orderId === orderId).length, 1);
      }),
    );

    it.effect("that finds nothing left fails as SOLD_OUT, and says which product", () =>
      Effect.gen(function* () {
        const { product, shopper } = yield* Shop;
        const [productId, buyer] = [yield* product(1), yield* shopper];
        const failed = yield* after(buyer, yield* place(buyer, productId, 2), "PENDING");
        assert.deepStrictEqual([failed["status"], failed["failureReason"]], ["FAILED", "SOLD_OUT"]);
        assert.include(String(failed["failureDetail"]), productId);
        assert.deepStrictEqual(yield* stock(productId), [1, 0, 0]);
      }),
    );

    it.effect("of an unknown product fails as INVALID, and holds nothing", () =>
      Effect.gen(function* () {
        const { product, shopper } = yield* Shop;
        const [known, buyer] = [yield* product(1), yield* shopper];
        const unknown = "01a20cde-9405-786e-8313-a1dfd1756999";
        const body = { ...order(known), items: [...order(known).items, ...order(unknown).items] };
        const placed = yield* buyer.call("POST", "/v1/orders", { body, headers: key() });
        const failed = yield* after(buyer, String(placed.body["id"]), "PENDING");
        assert.deepStrictEqual([failed["status"], failed["failureReason"]], ["FAILED", "INVALID"]);
        assert.include(String(failed["failureDetail"]), unknown);
        assert.deepStrictEqual(yield* stock(known), [1, 0, 0]);
      }),
    );

    it.effect("that nobody pays ends with the window: units free again, and a late confirm is refused", () =>
      Effect.gen(function* () {
        const { product, shopper, toss } = yield* Shop;
        const [productId, buyer] = [yield* product(3), yield* shopper];
        const { amount, orderId } = yield* payable(buyer, productId);
        const failed = yield* after(buyer, orderId, "WAITING_PAYMENT");
        assert.deepStrictEqual([failed["status"], failed["failureReason"]], ["FAILED", "PAYMENT_EXPIRED"]);
        assert.deepStrictEqual(yield* stock(productId), [3, 0, 0]);
        const late = yield* confirm(buyer, { orderId, amount, paymentKey: yield* authorise(orderId, amount) });
        assert.deepStrictEqual([late.status, late.body["code"]], [409, "PAYM-113"]);
        assert.strictEqual(toss.captures().filter((one) => one.orderId === orderId).length, 0);
      }),
    );

    it.effect("that is cancelled while it waits for payment is undone and CANCELED", () =>
      Effect.gen(function* () {
        const { product, shopper } = yield* Shop;
        const [productId, buyer] = [yield* product(3), yield* shopper];
        const { orderId } = yield* payable(buyer, productId);
        const asked = yield* buyer.call("PATCH", `/v1/orders/${orderId}/cancel`, { body: { message: "too late" } });
        assert.strictEqual(asked.status, 202, JSON.stringify(asked.body));
        assert.strictEqual((yield* after(buyer, orderId, "WAITING_PAYMENT"))["status"], "CANCELED");
        assert.deepStrictEqual(yield* stock(productId), [3, 0, 0]);
      }),
    );

    it.effect("is not harmed by a declined card: another try completes it", () =>
      Effect.gen(function* () {
        const { product, shopper, toss } = yield* Shop;
        const [productId, buyer] = [yield* product(3), yield* shopper];
        const { amount, orderId } = yield* payable(buyer, productId);
        toss.faults.put({ rules: [{ kind: "error", code: "REJECT_CARD_PAYMENT", operations: ["confirm"], count: 1 }] });
        const declined = yield* confirm(buyer, { orderId, amount, paymentKey: yield* authorise(orderId, amount) });
        assert.deepStrictEqual([declined.status, declined.body["vendorCode"]], [402, "REJECT_CARD_PAYMENT"]);
        const paid = yield* confirm(buyer, { orderId, amount, paymentKey: yield* authorise(orderId, amount) });
        assert.strictEqual(paid.status, 200, JSON.stringify(paid.body));
        assert.strictEqual((yield* after(buyer, orderId, "WAITING_PAYMENT"))["status"], "COMPLETED");
      }),
    );

    it.effect("whose approval got lost is asked about, and completed with one capture", () =>
      Effect.gen(function* () {
        const { product, shopper, toss } = yield* Shop;
        const [productId, buyer] = [yield* product(3), yield* shopper];
        const { amount, orderId } = yield* payable(buyer, productId);
        toss.faults.put({ rules: [{ kind: "approveThenReset", operations: ["confirm"], count: 1 }] });
        const unknown = yield* confirm(buyer, { orderId, amount, paymentKey: yield* authorise(orderId, amount) });
        assert.deepStrictEqual([unknown.status, unknown.body["status"]], [202, "CONFIRMING"]);
        assert.strictEqual((yield* after(buyer, orderId, "WAITING_PAYMENT"))["status"], "COMPLETED");
        assert.strictEqual(toss.captures().filter((one) => one.orderId === orderId).length, 1);
      }),
    );

    it.effect("that is cancelled while an approval is unknown is voided at the gateway, then CANCELED", () =>
      Effect.gen(function* () {
        const { product, shopper, toss } = yield* Shop;
        const [productId, buyer] = [yield* product(3), yield* shopper];
        const { amount, orderId } = yield* payable(buyer, productId);
        toss.faults.put({
          rules: [
            { kind: "approveThenHang", operations: ["confirm"], count: 1 },
            { kind: "hang", operations: ["inquire"], durationMillis: 2000 },
          ],
        });
        yield* Effect.forkChild(confirm(buyer, { orderId, amount, paymentKey: yield* authorise(orderId, amount) }), {
          startImmediately: true,
        });
        for (let look = 0; look < 200 && toss.captures().every((one) => one.orderId !== orderId); look++) {
          yield* Effect.sleep("10 millis");
        }
        yield* buyer.call("PATCH", `/v1/orders/${orderId}/cancel`, { body: {} });
        assert.strictEqual((yield* after(buyer, orderId, "WAITING_PAYMENT"))["status"], "CANCELED");
        assert.deepStrictEqual(
          toss
            .captures()
            .filter((one) => one.orderId === orderId)
            .map((one) => one.kind),
          ["captured", "canceled"],
        );
        assert.deepStrictEqual(yield* stock(productId), [3, 0, 0]);
      }),
    );

    it.effect("wrong amounts, other people's orders and other gateways are refused before any money moves", () =>
      Effect.gen(function* () {
        const { product, shopper, toss } = yield* Shop;
        const [productId, buyer, stranger] = [yield* product(3), yield* shopper, yield* shopper];
        const { amount, orderId } = yield* payable(buyer, productId);
        const paymentKey = yield* authorise(orderId, amount);
        const cheap = yield* confirm(buyer, { orderId, amount: amount - 1, paymentKey });
        assert.deepStrictEqual([cheap.status, cheap.body["code"]], [400, "PAYM-111"]);
        const foreign = yield* confirm(stranger, { orderId, amount, paymentKey });
        assert.deepStrictEqual([foreign.status, foreign.body["code"]], [404, "PAYM-107"]);
        const elsewhere = yield* buyer.call("POST", "/v1/payments/confirm", {
          body: { orderId, amount, paymentKey, provider: "PORTONE" },
          headers: key(),
        });
        assert.deepStrictEqual([elsewhere.status, elsewhere.body["code"]], [400, "PAYM-110"]);
        for (const path of [`/v1/orders/${orderId}`, `/v1/payments/${orderId}`]) {
          assert.strictEqual((yield* stranger.call("GET", path)).status, 404);
        }
        assert.strictEqual(toss.captures().filter((one) => one.orderId === orderId).length, 0);
      }),
    );

    it.effect("after all of that the audit finds nothing", () =>
      Effect.gen(function* () {
        const shop = yield* Shop;
        const result = yield* shop.verify;
        assert.isTrue(result.quiescent, result.moving.join("; "));
        assert.deepStrictEqual(
          result.invariants.flatMap(({ checked, id, violations }) =>
            checked === 0 || violations.length > 0 ? [{ id, checked, violations }] : [],
          ),
          [],
        );
      }),
    );
  });
});
