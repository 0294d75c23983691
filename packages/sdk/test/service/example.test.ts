import { assert, it } from "@effect/vitest";
import * as Effect from "effect/Effect";
import * as HttpApi from "effect/http-api/HttpApi";
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder";
import * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint";
import * as HttpApiGroup from "effect/http-api/HttpApiGroup";
import * as HttpApiSchema from "effect/http-api/HttpApiSchema";
import * as Layer from "effect/Layer";
import * as Redacted from "effect/Redacted";
import * as Schema from "effect/Schema";
import { Auth, IdempotencyKey, Problem, Token, TokenVerifier } from "@destiny/sdk/http";
import { Service } from "@destiny/sdk/service";
import { silent } from "../http/support.ts";

// -- the contract
class SoldOut extends Problem.Class<SoldOut>()(
  "SoldOut",
  { code: "STOCK-001", status: 409, title: "Sold out" },
  { left: Schema.Int },
) {}

const Order = Schema.Struct({ id: Schema.String, quantity: Schema.Int });

class Orders extends HttpApiGroup.make("orders")
  .add(
    HttpApiEndpoint.post("place", "/v1/orders", {
      headers: { "idempotency-key": IdempotencyKey.Header },
      payload: Schema.Struct({ sku: Schema.NonEmptyString, quantity: Schema.Int.check(Schema.isGreaterThan(0)) }),
      success: Order.pipe(HttpApiSchema.status(201)),
      error: SoldOut,
    }).annotate(Auth.Roles, ["CUSTOMER"]),
  )
  .middleware(Auth.Bearer) {}

class Api extends HttpApi.make("shop").add(Orders) {}

// -- the handlers
const OrdersLive = HttpApiBuilder.group(Api, "orders", (handlers) =>
  handlers.handle(
    "place",
    Effect.fnUntraced(function* ({ headers, payload }) {
      const { userId } = yield* Auth.CurrentPrincipal;
      const { inputId } = yield* IdempotencyKey.identify({ userId, key: headers["idempotency-key"] });
      if (payload.quantity > 3) return yield* new SoldOut({ left: 3, detail: `3 of ${payload.sku} are left` });
      return { id: inputId, quantity: payload.quantity };
    }),
  ),
);

// -- the service
const shop = (verifier: Layer.Layer<TokenVerifier.TokenVerifier>) =>
  Service.make({
    name: "shop",
    port: 0,
    routes: HttpApiBuilder.layer(Api).pipe(
      Layer.provide(OrdersLive),
      Layer.provide(Auth.layer),
      Layer.provide(verifier),
    ),
  });

it.live("an authed endpoint answers over HTTP, and its problem carries code, trace and members", () =>
  Effect.gen(function* () {
    const names = { issuer: "https://shop.test", audience: "shop" };
    const signer = yield* Token.makeSigner({ ...names, privateJwk: yield* Token.generatePrivateJwk });
    const { url } = yield* shop(TokenVerifier.TokenVerifier.layerJwks({ ...names, jwks: signer.jwks })).pipe(
      Effect.provide(silent),
    );
    const { token } = yield* signer.access({ userId: "u-1", role: "CUSTOMER" });

    const place = (quantity: number, key: string) =>
      Effect.promise(async () => {
        const response = await fetch(`${url}/v1/orders`, {
          method: "POST",
          headers: {
            authorization: `Bearer ${Redacted.value(token)}`,
            "content-type": "application/json",
            "idempotency-key": key,
          },
          body: JSON.stringify({ sku: "s-1", quantity }),
        });
        return { response, body: (await response.json()) as Record<string, unknown> };
      });

    const placed = yield* place(2, '"k-1"');
    assert.strictEqual(placed.response.status, 201);
    assert.match(String(placed.body["id"]), /^http:/);
    assert.strictEqual((yield* place(1, "k-1")).body["id"], placed.body["id"], "quoted and bare are one key");
    assert.notStrictEqual((yield* place(2, "k-2")).body["id"], placed.body["id"]);

    const refused = yield* place(9, "k-3");
    assert.strictEqual(refused.response.status, 409);
    assert.strictEqual(refused.response.headers.get("content-type"), "application/problem+json");
    const { traceId, ...problem } = refused.body;
    assert.deepStrictEqual(problem, {
      type: "urn:problem:STOCK-001",
      title: "Sold out",
      status: 409,
      detail: "3 of s-1 are left",
      instance: "/v1/orders",
      code: "STOCK-001",
      left: 3,
    });
    assert.strictEqual(refused.response.headers.get("traceparent")?.split("-")[1], traceId);
  }),
);
