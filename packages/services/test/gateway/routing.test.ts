import { assert, describe, it } from "@effect/vitest";
import * as Effect from "effect/Effect";
import { Token } from "@destiny/sdk/http";
import { routes } from "../../src/gateway/Routes.ts";
import * as TestTokens from "../shared/TestTokens.ts";
import * as Rig from "./Rig.ts";

const echo = Effect.fnUntraced(function* (options: Rig.Options = {}) {
  const seen: Array<{ readonly url: string; readonly headers: Record<string, unknown> }> = [];
  const { url } = yield* Rig.rig((request, response) => {
    seen.push({ url: request.url ?? "", headers: request.headers });
    response.end("upstream");
  }, options);
  return { url, seen };
});

const lastHeaders = (seen: ReadonlyArray<{ readonly headers: Record<string, unknown> }>) => seen.at(-1)?.headers ?? {};

describe("routes", () => {
  it.live("a listed path reaches its service unchanged, query included; everything else is a 404 problem", () =>
    Effect.gen(function* () {
      const { seen, url } = yield* echo();
      for (const path of ["/v1/orders", "/v1/orders/o-1?since=PENDING&x=%20", "/.well-known/jwks.json"]) {
        assert.strictEqual((yield* Rig.call(`${url}${path}`)).text, "upstream");
        assert.strictEqual(seen.at(-1)?.url, path);
      }
      for (const path of ["/", "/v1", "/v1/ordersX", "/internal/orders", "/v2/orders", "/metrics/x"]) {
        const answer = yield* Rig.call(`${url}${path}`);
        assert.deepStrictEqual([answer.status, answer.body["code"]], [404, "SERV-404"], path);
      }
      assert.strictEqual(seen.length, 3);
    }),
  );

  it.live("the gateway's own health is not the services'", () =>
    Effect.gen(function* () {
      const { url } = yield* Rig.gateway(Rig.deadPort);
      assert.deepStrictEqual((yield* Rig.call(`${url}/readyz`)).body, { status: "ready", checks: [] });
      assert.strictEqual((yield* Rig.call(`${url}/healthz`)).status, 200);
    }),
  );

  it("no prefix hides another", () => {
    for (const [prefix] of routes) {
      assert.deepStrictEqual(
        routes.filter(([other]) => prefix === other || prefix.startsWith(`${other}/`)).map(([other]) => other),
        [prefix],
      );
    }
  });
});

describe("tokens", () => {
  it.live("a token that does not pass is a 401 here; a good one and none are passed on, with nothing added", () =>
    Effect.gen(function* () {
      const privateJwk = yield* Token.generatePrivateJwk;
      const { seen, url } = yield* echo({ privateJwk });
      const tokens = yield* TestTokens.make("gateway", privateJwk);
      const withToken = (authorization: string) => Rig.call(`${url}/v1/orders`, { headers: { authorization } });
      for (const flaw of TestTokens.unacceptable) {
        const answer = yield* withToken(`Bearer ${yield* tokens.bad(flaw, "CUSTOMER")}`);
        assert.deepStrictEqual([answer.status, answer.body["code"]], [401, "SERV-006"], flaw);
        assert.strictEqual(answer.headers["www-authenticate"], 'Bearer error="invalid_token"');
      }
      assert.strictEqual((yield* withToken("Bearer")).status, 401);
      assert.deepStrictEqual(seen, []);

      const authorization = `bearer ${(yield* tokens.customer).token}`;
      assert.strictEqual((yield* withToken(authorization)).status, 200);
      assert.strictEqual(lastHeaders(seen)["authorization"], authorization);
      assert.strictEqual((yield* Rig.call(`${url}/v1/orders`)).status, 200);
      assert.isFalse(Object.keys(lastHeaders(seen)).some((name) => /user|role|authorization/.test(name)));
    }),
  );

  it.live("while no key can be had the services judge", () =>
    Effect.gen(function* () {
      const { seen, url } = yield* echo({ jwksUrl: `http://127.0.0.1:${Rig.deadPort}/keys` });
      const tokens = yield* TestTokens.make("gateway", yield* Token.generatePrivateJwk);
      const authorization = `Bearer ${(yield* tokens.customer).token}`;
      const answer = yield* Rig.call(`${url}/v1/orders`, { headers: { authorization } });
      assert.deepStrictEqual([answer.status, lastHeaders(seen)["authorization"]], [200, authorization]);
    }),
  );
});

describe("headers", () => {
  it.live("what belongs to one connection is passed on in neither direction", () =>
    Effect.gen(function* () {
      let received: Record<string, unknown> = {};
      const { url } = yield* Rig.rig((request, response) => {
        received = request.headers;
        response.writeHead(200, {
          connection: "keep-alive, x-private",
          "x-private": "1",
          "proxy-authenticate": "Basic",
          "x-public": "2",
        });
        response.end("ok");
      });
      const answer = yield* Rig.call(`${url}/v1/orders`, {
        headers: {
          connection: "close, X-Secret",
          "x-secret": "1",
          te: "trailers",
          "proxy-authorization": "Basic eA==",
          "keep-alive": "timeout=5",
          forwarded: "for=1.2.3.4",
          "x-kept": "2",
        },
      });
      assert.strictEqual(received["x-kept"], "2");
      for (const name of ["x-secret", "te", "proxy-authorization", "keep-alive", "forwarded"]) {
        assert.isUndefined(received[name], name);
      }
      assert.strictEqual(received["connection"], "keep-alive");
      assert.strictEqual(answer.headers["x-public"], "2");
      assert.isUndefined(answer.headers["x-private"]);
      assert.isUndefined(answer.headers["proxy-authenticate"]);
    }),
  );

  const forwarded = {
    "x-forwarded-for": "203.0.113.7",
    "x-forwarded-proto": "https",
    "x-forwarded-host": "shop.example",
  };

  it.live("a trusted peer's account of the caller is continued", () =>
    Effect.gen(function* () {
      const { seen, url } = yield* echo();
      yield* Rig.call(`${url}/v1/orders`, { headers: forwarded });
      const { "x-forwarded-for": chain, "x-forwarded-host": host, "x-forwarded-proto": proto } = lastHeaders(seen);
      assert.deepStrictEqual([chain, proto, host], ["203.0.113.7, 127.0.0.1", "https", "shop.example"]);
    }),
  );

  it.live("anybody else's is replaced by what the gateway saw", () =>
    Effect.gen(function* () {
      const { seen, url } = yield* echo({ trustedProxies: ["10.0.0.0/8"] });
      yield* Rig.call(`${url}/v1/orders`, { headers: forwarded });
      const { "x-forwarded-for": chain, "x-forwarded-host": host, "x-forwarded-proto": proto } = lastHeaders(seen);
      assert.deepStrictEqual([chain, proto, host], ["127.0.0.1", "http", new URL(url).host]);
    }),
  );

  it.live("the caller's trace goes on, and its request id, or one is made", () =>
    Effect.gen(function* () {
      const { seen, url } = yield* echo();
      const traceId = "0af7651916cd43dd8448eb211c80319c";
      const answer = yield* Rig.call(`${url}/v1/orders`, {
        headers: { traceparent: `00-${traceId}-b7ad6b7169203331-01`, "x-request-id": "r-1" },
      });
      const [, upstreamTrace, upstreamSpan] = String(lastHeaders(seen)["traceparent"]).split("-");
      assert.strictEqual(upstreamTrace, traceId);
      assert.notStrictEqual(upstreamSpan, "b7ad6b7169203331");
      assert.deepStrictEqual([lastHeaders(seen)["x-request-id"], answer.headers["x-request-id"]], ["r-1", "r-1"]);

      const other = yield* Rig.call(`${url}/v1/orders`);
      const [, made] = String(lastHeaders(seen)["traceparent"]).split("-");
      assert.match(String(made), /^[0-9a-f]{32}$/);
      assert.deepStrictEqual([lastHeaders(seen)["x-request-id"], other.headers["x-request-id"]], [made, made]);
    }),
  );

  it.live("several cookies stay several", () =>
    Effect.gen(function* () {
      const { url } = yield* Rig.rig((_, response) => {
        response.setHeader("set-cookie", ["a=1; Path=/; HttpOnly", "b=2; Expires=Wed, 01 Jan 2031 00:00:00 GMT"]);
        response.end("ok");
      });
      const cookies = (yield* Rig.call(`${url}/v1/orders`)).headers["set-cookie"];
      assert.deepStrictEqual(cookies, ["a=1; Path=/; HttpOnly", "b=2; Expires=Wed, 01 Jan 2031 00:00:00 GMT"]);
    }),
  );
});

describe("CORS", () => {
  const origin = "https://shop.example";

  it.live("nobody is allowed unless configured, and preflights are the service's", () =>
    Effect.gen(function* () {
      const { seen, url } = yield* echo();
      const answer = yield* Rig.call(`${url}/v1/orders`, { method: "OPTIONS", headers: { origin } });
      assert.isUndefined(answer.headers["access-control-allow-origin"]);
      assert.strictEqual(seen.length, 1);
    }),
  );

  it.live("a configured origin may read answers and problems; another may not", () =>
    Effect.gen(function* () {
      const { seen, url } = yield* echo({ corsOrigins: [origin] });
      const allowed = "access-control-allow-origin";
      const preflight = yield* Rig.call(`${url}/v1/orders`, {
        method: "OPTIONS",
        headers: {
          origin,
          "access-control-request-method": "POST",
          "access-control-request-headers": "idempotency-key",
        },
      });
      assert.deepStrictEqual([preflight.status, preflight.headers[allowed]], [204, origin]);
      assert.strictEqual(preflight.headers["access-control-allow-headers"], "idempotency-key");
      assert.strictEqual(seen.length, 0);
      assert.strictEqual((yield* Rig.call(`${url}/v1/orders`, { headers: { origin } })).headers[allowed], origin);
      const refused = yield* Rig.call(`${url}/v1/orders`, { headers: { origin, authorization: "Bearer x" } });
      assert.deepStrictEqual([refused.status, refused.headers[allowed]], [401, origin]);
      const other = yield* Rig.call(`${url}/v1/orders`, { headers: { origin: "https://evil.example" } });
      assert.isUndefined(other.headers[allowed]);
    }),
  );
});
