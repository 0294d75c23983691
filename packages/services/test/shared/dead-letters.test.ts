import { assert, layer } from "@effect/vitest";
import { Ids } from "@destiny/sdk/message";
import * as Effect from "effect/Effect";
import {
  CouponId,
  OrderCompleted,
  OrderId,
  OrderPlaced,
  ProductId,
  ReturnCoupon,
  UserId,
  ValidateProducts,
  Won,
} from "../../src/contracts/index.ts";
import * as Coupon from "../../src/coupon/layer.ts";
import * as Product from "../../src/product/layer.ts";
import * as Saga from "../../src/saga/layer.ts";
import * as User from "../../src/user/layer.ts";
import { recipient } from "./Sales.ts";
import * as ServiceTest from "./ServiceTest.ts";
import { itemsOf } from "./TestHttp.ts";
import type { TestBus } from "./TestBus.ts";

const couponId = CouponId.make("0190a000-0000-7000-8000-00000000c0c0");
const productId = ProductId.make("0190a000-0000-7000-8000-00000000d0d0");
const userId = UserId.make("0190a000-0000-7000-8000-00000000a0a0");
const unreadable = { data: { orderId: 7 } };

/** Services, and a message that each takes but cannot read: it is set aside. */
const rooms = [
  [
    "product",
    ServiceTest.layer("product", Product.layer),
    (bus: TestBus, orderId: OrderId) => bus.envelope(ValidateProducts, { orderId, lines: [] }, unreadable),
  ],
  [
    "user",
    ServiceTest.layer("user", User.layer),
    (bus: TestBus, orderId: OrderId) =>
      bus.envelope(OrderCompleted, { orderId, userId, lines: [], amount: Won.make(1), recipient, at: 0 }, unreadable),
  ],
  [
    "saga",
    ServiceTest.layer("saga", Saga.layer),
    (bus: TestBus, orderId: OrderId) =>
      bus.envelope(OrderPlaced, { orderId, userId, couponId: null, lines: [{ productId, quantity: 1 }] }, unreadable),
  ],
  [
    "coupon",
    ServiceTest.layer("coupon", Coupon.layer),
    (bus: TestBus, orderId: OrderId) => bus.envelope(ReturnCoupon, { orderId, couponId }, unreadable),
  ],
] as const;

for (const [name, room, poison] of rooms) {
  layer(room, { excludeTestServices: true })(`the dead letters of the ${name} service`, (it) => {
    it.effect(
      "a message that cannot be read is shown with what it says, stays after a retry, and goes when dropped",
      () =>
        Effect.gen(function* () {
          const { bus, http, tokens } = yield* ServiceTest.ServiceTest;
          const as = yield* tokens.master;
          const message = yield* poison(bus, OrderId.make(yield* Ids.fresh));
          yield* bus.publish(message);
          yield* bus.settled;
          const at = `/v1/dead-letters/${message.id}`;
          const shown = yield* http.get(at, { as });
          assert.deepInclude(shown.body, { status: "parked", type: message.type, ...unreadable });
          if (name === "saga") {
            const outside = yield* http.get("/v1/sagas/dlq", { as });
            assert.deepStrictEqual(
              itemsOf(outside).map(({ id }) => id),
              [message.id],
            );
          }
          const retried = yield* http.post(`${at}/retry`, { as, body: {} });
          assert.deepInclude(retried.body, { applied: 0, waiting: 1 });
          const dropped = yield* http.post(`${at}/drop`, { as, body: {} });
          assert.deepInclude(dropped.body, { waiting: 0, reason: null });
          const parked = yield* http.get("/v1/dead-letters?status=parked", { as });
          assert.deepStrictEqual(parked.body["items"], []);
        }),
    );
  });
}
