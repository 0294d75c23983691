import { assert, describe, layer } from "@effect/vitest";
import * as Effect from "effect/Effect";
import * as Fiber from "effect/Fiber";
import { authorise, key, order, stock } from "./Journey.ts";
import { type Reply, Shop, type Shopper } from "./Shop.ts";

const windows = {
  DESTINY_PAYMENT_WINDOW: "20 seconds",
  DESTINY_HOLD_LIFETIME: "60 seconds",
  TOSS_TIMEOUT_MILLIS: "800",
};

/** Repeats a request under its own key until somebody answers: what a client does while a service is away. */
const insist = (request: Effect.Effect<Reply>): Effect.Effect<Reply> =>
  Effect.gen(function* () {
    for (let attempt = 0; attempt < 400; attempt++) {
      const reply = yield* Effect.catchCause(request, () => Effect.succeed(undefined));
      if (reply !== undefined && reply.status < 500) return reply;
      yield* Effect.sleep("50 millis");
    }
    return assert.fail("nobody ever answered");
  });

const terminal = new Set(["COMPLETED", "FAILED", "CANCELED"]);

/** Orders, pays and follows the order to its end, whatever dies meanwhile; then takes it back if asked to. */
const shop = Effect.fnUntraced(function* (shopper: Shopper, productId: string, thenCancel = false) {
  const headers = key();
  const body = order(productId);
  const placed = yield* insist(shopper.call("POST", "/v1/orders", { body, headers }));
  assert.strictEqual(placed.status, 201, JSON.stringify(placed.body));
  const orderId = String(placed.body["id"]);
  const look = insist(shopper.call("GET", `/v1/orders/${orderId}`));
  const until = (holds: (status: string) => boolean) =>
    Effect.gen(function* () {
      for (;;) {
        const { body: seen } = yield* look;
        if (holds(String(seen["status"]))) return seen;
        yield* Effect.sleep("30 millis");
      }
    });
  const payable = yield* until((status) => status !== "PENDING");
  if (payable["status"] === "WAITING_PAYMENT") {
    const amount = Number(payable["finalAmount"]);
    const paymentKey = yield* authorise(orderId, amount);
    const confirmKey = key();
    yield* insist(
      shopper.call("POST", "/v1/payments/confirm", {
        body: { orderId, amount, paymentKey, provider: "TOSSPAYMENTS" },
        headers: confirmKey,
      }),
    );
  }
  const ended = yield* until((status) => terminal.has(status));
  if (thenCancel && ended["status"] === "COMPLETED") {
    const path = `/v1/orders/${orderId}/cancel`;
    yield* insist(shopper.call("PATCH", path, { body: { message: "too many" } }));
    return String((yield* until((status) => status === "CANCELED" || status === "CANCEL_FAILED"))["status"]);
  }
  const again = yield* insist(shopper.call("POST", "/v1/orders", { body, headers }));
  assert.strictEqual(again.body["id"], orderId, "the same key is the same order, also after crashes");
  return String(ended["status"]);
});

/** Shoppers who come one after another, so that each crash meets orders at every step. */
const crowd = Effect.fnUntraced(function* <A, R>(
  size: number,
  visit: (shopper: Shopper) => Effect.Effect<A, never, R>,
) {
  const { shopper } = yield* Shop;
  const shoppers = yield* Effect.forEach(
    Array.from({ length: size }, (_, index) => index),
    () => shopper,
  );
  return yield* Effect.forkChild(
    Effect.forEach(shoppers, (one, index) => Effect.andThen(Effect.sleep(index * 60), visit(one)), {
      concurrency: "unbounded",
    }),
    { startImmediately: true },
  );
});

const killings = Effect.gen(function* () {
  const { kill, restart } = yield* Shop;
  for (const millis of [400, 700, 300]) {
    yield* Effect.sleep(millis);
    yield* kill;
    yield* restart;
  }
});

const clean = Effect.gen(function* () {
  const result = yield* (yield* Shop).verify;
  assert.isTrue(result.quiescent, result.moving.join("; "));
  assert.deepStrictEqual(
    result.invariants.flatMap(({ id, violations }) => (violations.length > 0 ? [{ id, violations }] : [])),
    [],
  );
});

describe("kill -9", () => {
  layer(Shop.layer(windows), { excludeTestServices: true, timeout: "170 seconds" })(
    "of all services, again and again",
    (it) => {
      it.effect("loses no order and no won: every order ends, every sale is paid and claimed once", () =>
        Effect.gen(function* () {
          const { product, toss } = yield* Shop;
          const productId = yield* product(30);
          const running = yield* crowd(40, (one) => shop(one, productId));
          yield* killings;
          const ends = yield* Fiber.join(running);
          assert.strictEqual(ends.filter((status) => status === "COMPLETED").length, 30, ends.join(" "));
          assert.deepStrictEqual(yield* stock(productId), [30, 0, 30]);
          const captured = toss.captures().filter(({ kind }) => kind === "captured").length;
          const canceled = toss.captures().filter(({ kind }) => kind === "canceled").length;
          assert.strictEqual(captured - canceled, 30);
          yield* clean;
        }),
      );

      it.effect("and takes every sale back once: no won is kept, and all units are free again", () =>
        Effect.gen(function* () {
          const { product } = yield* Shop;
          const productId = yield* product(20);
          const running = yield* crowd(20, (one) => shop(one, productId, true));
          yield* killings;
          const ends = yield* Fiber.join(running);
          assert.deepStrictEqual([...new Set(ends)], ["CANCELED"]);
          assert.deepStrictEqual(yield* stock(productId), [20, 0, 0]);
          yield* clean;
        }),
      );
    },
  );
});
