import { assert, layer } from "@effect/vitest";
import { Ids } from "@destiny/sdk/message";
import * as Effect from "effect/Effect";
import { CouponId, OrderId, ReturnCoupon, ValidateProducts } from "../../src/contracts/index.ts";
import * as Coupon from "../../src/coupon/layer.ts";
import * as Product from "../../src/product/layer.ts";
import * as ServiceTest from "./ServiceTest.ts";
import type { TestBus } from "./TestBus.ts";

const couponId = CouponId.make("0190a000-0000-7000-8000-00000000c0c0");
const unreadable = { data: { orderId: 7 } };

/** Services whose machine finds no poison in what it can read: only what cannot be read is set aside. */
const rooms = [
  [
    "product",
    ServiceTest.layer("product", Product.layer),
    (bus: TestBus, orderId: OrderId) => bus.envelope(ValidateProducts, { orderId, lines: [] }, unreadable),
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
