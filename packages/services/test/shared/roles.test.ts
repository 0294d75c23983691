import { assert, describe, it, layer } from "@effect/vitest";
import * as Effect from "effect/Effect";
import { services } from "../../src/catalogue.ts";
import * as Brand from "../../src/brand/layer.ts";
import * as Coupon from "../../src/coupon/layer.ts";
import * as Notification from "../../src/notification/layer.ts";
import * as Order from "../../src/order/layer.ts";
import * as Payment from "../../src/payment/layer.ts";
import * as Product from "../../src/product/layer.ts";
import * as Saga from "../../src/saga/layer.ts";
import * as Stock from "../../src/stock/layer.ts";
import * as User from "../../src/user/layer.ts";
import { admission } from "./Admission.ts";
import { apis, endpoints, endpointsOf } from "./Endpoints.ts";
import * as ServiceTest from "./ServiceTest.ts";
import { walk } from "./Walk.ts";

const settings = { TOSS_BASE_URL: "http://127.0.0.1:9", TOSS_SECRET_KEY: "test_sk_nobody" };

const rooms = {
  user: ServiceTest.layer("user", User.layer),
  product: ServiceTest.layer("product", Product.layer),
  stock: ServiceTest.layer("stock", Stock.layer),
  order: ServiceTest.layer("order", Order.layer),
  brand: ServiceTest.layer("brand", Brand.layer),
  payment: ServiceTest.layer("payment", Payment.layer, { settings }),
  notification: ServiceTest.layer("notification", Notification.layer),
  coupon: ServiceTest.layer("coupon", Coupon.layer),
  saga: ServiceTest.layer("saga", Saga.layer),
} as const;

describe("the contracts", () => {
  it("belong to services of the catalogue that are walked here", () => {
    const walked = Object.keys(rooms);
    assert.sameMembers(
      apis.map(({ identifier }) => identifier),
      walked,
    );
    assert.includeMembers(
      services.map(({ name }) => name as string),
      walked,
    );
  });

  it("name the roles of every endpoint as they are meant, or leave it open on purpose", () => {
    const named = endpoints.map(({ isGuarded, name, roles }) => [name, isGuarded ? roles : "anybody"] as const);
    assert.deepStrictEqual(Object.fromEntries(named), { ...admission });
  });
});

for (const api of apis) {
  const room = rooms[api.identifier as keyof typeof rooms];
  layer(room, { excludeTestServices: true })(`the ${api.identifier} service`, (it) => {
    it.effect("describes every endpoint, and nothing else, at /openapi.json", () =>
      Effect.gen(function* () {
        const { http } = yield* ServiceTest.ServiceTest;
        const { body, status } = yield* http.get("/openapi.json");
        assert.strictEqual(status, 200);
        const described = Object.entries(body["paths"] as Record<string, object>).flatMap(([path, operations]) =>
          Object.keys(operations).map((method) => `${method.toUpperCase()} ${path.replaceAll(/\{(\w+)\}/g, ":$1")}`),
        );
        assert.sameMembers(
          described,
          endpointsOf(api).map(({ name }) => name),
        );
      }),
    );

    for (const endpoint of endpointsOf(api)) {
      const admitted = admission[endpoint.name] ?? [];
      it.effect(
        `${endpoint.name} admits ${admitted === "anybody" ? admitted : `${admitted.join(", ")}, and nobody else`}`,
        () =>
          Effect.gen(function* () {
            yield* walk(endpoint, admitted, yield* ServiceTest.ServiceTest, false);
          }),
      );
    }
  });
}
