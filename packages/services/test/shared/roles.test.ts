import { assert, describe, it, layer } from "@effect/vitest";
import { Auth } from "@destiny/sdk/http";
import * as Context from "effect/Context";
import * as Effect from "effect/Effect";
import * as HttpApi from "effect/http-api/HttpApi";
import { services } from "../../src/catalogue.ts";
import * as contracts from "../../src/contracts/index.ts";
import * as Brand from "../../src/brand/layer.ts";
import * as Coupon from "../../src/coupon/layer.ts";
import * as Notification from "../../src/notification/layer.ts";
import * as Order from "../../src/order/layer.ts";
import * as Payment from "../../src/payment/layer.ts";
import * as Product from "../../src/product/layer.ts";
import * as Saga from "../../src/saga/layer.ts";
import * as Stock from "../../src/stock/layer.ts";
import * as User from "../../src/user/layer.ts";
import * as ServiceTest from "./ServiceTest.ts";
import { unacceptable } from "./TestTokens.ts";

/** Endpoints that ask nobody who they are. A new one must be added here on purpose. */
const open: ReadonlySet<string> = new Set([
  "POST /v1/auths/signup/user",
  "POST /v1/auths/signup/master",
  "POST /v1/auths/login",
  "POST /v1/auths/reissue",
  "GET /v1/products",
  "GET /v1/products/:id",
  "GET /v1/stocks/:productId",
  "GET /v1/brands",
  "GET /v1/brands/:brandId",
]);

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

interface Endpoint {
  readonly name: string;
  readonly method: string;
  readonly path: string;
  readonly isGuarded: boolean;
  readonly roles: ReadonlyArray<string>;
}

const endpointsOf = (api: HttpApi.Top): ReadonlyArray<Endpoint> => {
  const endpoints: Array<Endpoint> = [];
  HttpApi.reflect(api, {
    onGroup: () => undefined,
    onEndpoint: ({ endpoint, mergedAnnotations, middleware }) => {
      endpoints.push({
        name: `${endpoint.method} ${endpoint.path}`,
        method: endpoint.method,
        // Some UUID in every place: who may call is asked before what is called for.
        path: endpoint.path.replaceAll(/:\w+/g, "0190a000-0000-7000-8000-000000000000"),
        isGuarded: [...middleware].some((one) => one.key === Auth.Bearer.key),
        roles: Context.getOrUndefined(mergedAnnotations, Auth.Roles) ?? [],
      });
    },
  });
  return endpoints;
};

const apis = Object.values(contracts).filter((one): one is typeof one & HttpApi.Top => HttpApi.isHttpApi(one));
const userRoles = ["CUSTOMER", "PARTNER", "MASTER"] as const;

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

  it("name the roles of every endpoint, or leave it open on purpose", () => {
    const endpoints = apis.flatMap(endpointsOf);
    assert.deepStrictEqual(new Set(endpoints.filter(({ isGuarded }) => !isGuarded).map(({ name }) => name)), open);
    for (const { isGuarded, name, roles } of endpoints) assert.strictEqual(roles.length > 0, isGuarded, name);
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

    for (const { isGuarded, method, name, path, roles } of endpointsOf(api)) {
      const send = Effect.fnUntraced(function* (as: string | undefined) {
        const { http } = yield* ServiceTest.ServiceTest;
        const { body, headers, status } = yield* http.send(method, path, {
          as,
          ...(method === "GET" ? {} : { body: {} }),
        });
        return { status, code: body["code"], challenge: headers["www-authenticate"] };
      });

      if (!isGuarded) {
        it.effect(`${name} asks nobody who they are`, () =>
          Effect.gen(function* () {
            const { tokens } = yield* ServiceTest.ServiceTest;
            const without = yield* send(undefined);
            assert.notInclude([401, 403], without.status);
            assert.deepStrictEqual(yield* send(yield* tokens.bad("forged", "CUSTOMER")), without);
          }),
        );
        continue;
      }

      it.effect(`${name} admits ${roles.join(", ")} with an access token, and nobody else`, () =>
        Effect.gen(function* () {
          const { tokens } = yield* ServiceTest.ServiceTest;
          const without = yield* send(undefined);
          assert.deepStrictEqual(without, { status: 401, code: "SERV-006", challenge: "Bearer" });
          for (const role of userRoles) {
            for (const flaw of unacceptable) {
              const refused = yield* send(yield* tokens.bad(flaw, role));
              assert.deepStrictEqual([refused.status, refused.code], [401, "SERV-006"], `${role} ${flaw}`);
            }
            const { code, status } = yield* send((yield* tokens.as(role)).token);
            if (roles.includes(role)) assert.notInclude([401, 403], status, role);
            else assert.deepStrictEqual([status, code], [403, "SERV-007"], role);
          }
        }),
      );
    }
  });
}
