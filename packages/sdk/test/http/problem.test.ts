import { assert, describe, it } from "@effect/vitest";
import * as Cause from "effect/Cause";
import * as Effect from "effect/Effect";
import * as FetchHttpClient from "effect/http/FetchHttpClient";
import * as HttpRouter from "effect/http/HttpRouter";
import * as HttpServerResponse from "effect/http/HttpServerResponse";
import * as HttpApi from "effect/http-api/HttpApi";
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder";
import * as HttpApiClient from "effect/http-api/HttpApiClient";
import * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint";
import * as HttpApiError from "effect/http-api/HttpApiError";
import * as HttpApiGroup from "effect/http-api/HttpApiGroup";
import * as Layer from "effect/Layer";
import * as Schema from "effect/Schema";
import { Problem } from "@destiny/sdk/http";
import { Service } from "@destiny/sdk/service";
import { call, captureLogs, json } from "./support.ts";

class Busy extends Problem.Class<Busy>()(
  "Busy",
  { code: "SHOP-429", status: 429, title: "Busy" },
  { retryAfterSeconds: Schema.Int },
) {}

const Placed = Schema.Struct({ total: Schema.Int });

class Shop extends HttpApiGroup.make("shop").add(
  HttpApiEndpoint.post("place", "/v1/orders", {
    payload: Schema.Struct({
      sku: Schema.NonEmptyString,
      lines: Schema.Array(Schema.Struct({ quantity: Schema.Int })),
    }),
    success: Placed,
  }),
  HttpApiEndpoint.get("order", "/v1/orders/:id", {
    params: { id: Schema.String.check(Schema.isUUID()) },
    query: { limit: Schema.optionalKey(Schema.FiniteFromString) },
    success: Placed,
  }),
  HttpApiEndpoint.get("busy", "/v1/busy", { success: Placed, error: [...Problem.Common, Busy] }),
  HttpApiEndpoint.get("bug", "/v1/bug", { success: Placed, error: [...Problem.Common, Busy] }),
  HttpApiEndpoint.get("unencodable", "/v1/unencodable", { success: Placed }),
  HttpApiEndpoint.get("emptyGone", "/v1/gone", { success: Placed, error: HttpApiError.GoneNoContent }),
) {}

class Api extends HttpApi.make("api").add(Shop).annotateMerge(Problem.reportAll) {}

const secret = "hunter2-do-not-leak";

const ShopLive = HttpApiBuilder.group(Api, "shop", (handlers) =>
  handlers.handleAll({
    place: ({ payload }) => Effect.succeed({ total: payload.lines.length }),
    order: () => Effect.succeed({ total: 1 }),
    busy: () => Effect.fail(new Busy({ retryAfterSeconds: 7 })),
    bug: () => Effect.die(new Error(`connection to postgres://app:${secret}@db failed`)),
    unencodable: () => Effect.succeed({ total: 0.5 }),
    emptyGone: () => Effect.fail(new HttpApiError.Gone({})),
  }),
);

class Elsewhere extends Problem.Class<Elsewhere>()("Elsewhere", {
  code: "OTHER-404",
  status: 404,
  title: "Not here",
}) {}

const decodeRow = Schema.decodeUnknownEffect(Schema.Struct({ id: Schema.Int }));

const Raw = Layer.mergeAll(
  HttpRouter.add("GET", "/raw/missing", Effect.fail(new Cause.NoSuchElementError())),
  HttpRouter.add("GET", "/raw/row", Effect.as(decodeRow({ id: "x" }), HttpServerResponse.empty())),
  HttpRouter.add("GET", "/raw/failed-problem", Effect.fail(new Elsewhere({}))),
  HttpRouter.add("GET", "/raw/died-problem", Effect.die(new Elsewhere({}))),
  HttpRouter.add("GET", "/raw/object", Effect.fail({ password: secret })),
);

const start = Effect.gen(function* () {
  const logs = captureLogs();
  const service = yield* Service.make({
    name: "shop",
    port: 0,
    routes: Layer.merge(HttpApiBuilder.layer(Api).pipe(Layer.provide(ShopLive)), Raw),
  }).pipe(Effect.provide(logs.layer));
  return { url: service.url, logs: logs.lines };
});

describe("problems over HTTP", () => {
  it.live("unreadable JSON is SERV-003", () =>
    Effect.gen(function* () {
      const { url } = yield* start;
      const answer = yield* call(`${url}/v1/orders`, { ...json(0), body: '{"sku": ' });
      assert.strictEqual(answer.status, 400);
      assert.strictEqual(answer.headers["content-type"], "application/problem+json");
      assert.strictEqual(answer.body["code"], "SERV-003");
      assert.isUndefined(answer.body["errors"]);
    }),
  );

  it.live("a wrong type is SERV-001, names every refused field, nested ones too, and no value", () =>
    Effect.gen(function* () {
      const { url } = yield* start;
      const answer = yield* call(`${url}/v1/orders`, json({ sku: 1, lines: [{ quantity: 1 }, { quantity: secret }] }));
      assert.strictEqual(answer.status, 400);
      assert.strictEqual(answer.body["code"], "SERV-001");
      const errors = answer.body["errors"] as ReadonlyArray<Problem.FieldError>;
      assert.deepStrictEqual(
        errors.map((error) => error.field),
        ["sku", "lines[1].quantity"],
      );
      assert.notInclude(answer.text, secret);
    }),
  );

  it.live("a missing body names the body, an unknown field is ignored", () =>
    Effect.gen(function* () {
      const { url } = yield* start;
      const missing = yield* call(`${url}/v1/orders`, { ...json(0), body: "" });
      assert.strictEqual(missing.status, 400);
      assert.deepStrictEqual((missing.body["errors"] as ReadonlyArray<Problem.FieldError>)[0]?.field, "body");
      const extra = yield* call(`${url}/v1/orders`, json({ sku: "s", lines: [], nobodyAsked: 1 }));
      assert.strictEqual(extra.status, 200);
    }),
  );

  it.live("a malformed UUID in the path and a malformed query are 400 and say where", () =>
    Effect.gen(function* () {
      const { url } = yield* start;
      const path = yield* call(`${url}/v1/orders/not-a-uuid`);
      assert.strictEqual(path.status, 400);
      assert.strictEqual((path.body["errors"] as ReadonlyArray<Problem.FieldError>)[0]?.field, "path.id");
      assert.strictEqual(path.body["instance"], "/v1/orders/not-a-uuid");
      const query = yield* call(`${url}/v1/orders/7d6d6d4e-8f0a-4b9b-9a44-2b8a8dc4d1f1?limit=many&token=${secret}`);
      assert.strictEqual((query.body["errors"] as ReadonlyArray<Problem.FieldError>)[0]?.field, "query.limit");
      assert.notInclude(query.text, secret);
    }),
  );

  it.live("an unknown path is 404, a wrong method 405 with Allow, a foreign media type 415", () =>
    Effect.gen(function* () {
      const { url } = yield* start;
      const unknown = yield* call(`${url}/v1/nothing`);
      assert.deepStrictEqual([unknown.status, unknown.body["code"]], [404, "SERV-404"]);
      const wrong = yield* call(`${url}/v1/orders`, { method: "DELETE" });
      assert.deepStrictEqual([wrong.status, wrong.body["code"], wrong.headers["allow"]], [405, "SERV-004", "POST"]);
      const read = yield* call(`${url}/v1/orders/x`, { method: "PUT" });
      assert.deepStrictEqual([read.status, read.headers["allow"]], [405, "GET, HEAD"]);
      const media = yield* call(`${url}/v1/orders`, {
        method: "POST",
        headers: { "content-type": "text/xml" },
        body: "<a/>",
      });
      assert.deepStrictEqual([media.status, media.body["code"]], [415, "SERV-005"]);
      assert.strictEqual(media.headers["content-type"], "application/problem+json");
    }),
  );

  it.live("a body over the limit is 413, declared or chunked, and one at the limit is not", () =>
    Effect.gen(function* () {
      const { url } = yield* start;
      const big = "x".repeat(Service.defaultMaxBodyBytes);
      const declared = yield* call(`${url}/v1/orders`, json({ sku: big, lines: [] }));
      assert.deepStrictEqual([declared.status, declared.body["code"]], [413, "SERV-413"]);
      const chunked = yield* call(`${url}/v1/orders`, { ...json(0), body: ['{"sku":"', big, '","lines":[]}'] });
      assert.deepStrictEqual([chunked.status, chunked.body["code"]], [413, "SERV-413"]);
      const frame = JSON.stringify({ sku: "", lines: [] }).length;
      const fits = yield* call(
        `${url}/v1/orders`,
        json({ sku: "x".repeat(Service.defaultMaxBodyBytes - frame), lines: [] }),
      );
      assert.strictEqual(fits.status, 200);
    }),
  );

  it.live("a defect is 500 with a trace id; its cause is in the log under it and nowhere in the answer", () =>
    Effect.gen(function* () {
      const { logs, url } = yield* start;
      const answer = yield* call(`${url}/v1/bug`);
      assert.deepStrictEqual([answer.status, answer.body["code"]], [500, "SERV-000"]);
      assert.notInclude(answer.text, "postgres");
      assert.notInclude(answer.text, "Error:");
      const line = logs.find((entry) => entry["traceId"] === answer.body["traceId"]);
      assert.strictEqual(line?.["level"], "Error");
      assert.include(String(line?.["cause"]), "connection to postgres://");
      assert.notInclude(String(line?.["cause"]), secret);
    }),
  );

  it.live("what the framework would answer with 4xx by the error's type alone is a 500", () =>
    Effect.gen(function* () {
      const { url } = yield* start;
      for (const path of ["/raw/missing", "/raw/row", "/raw/died-problem", "/raw/object", "/v1/unencodable"]) {
        const answer = yield* call(url + path);
        assert.deepStrictEqual([path, answer.status, answer.body["code"]], [path, 500, "SERV-000"]);
        assert.notInclude(answer.text, secret);
      }
      const failed = yield* call(`${url}/raw/failed-problem`);
      assert.deepStrictEqual([failed.status, failed.body["code"]], [404, "OTHER-404"]);
      assert.isString(failed.body["traceId"]);
    }),
  );

  it.live("Retry-After repeats the member, and an empty error of the framework becomes a problem", () =>
    Effect.gen(function* () {
      const { url } = yield* start;
      const busy = yield* call(`${url}/v1/busy`);
      assert.deepStrictEqual([busy.status, busy.headers["retry-after"], busy.body["retryAfterSeconds"]], [429, "7", 7]);
      const gone = yield* call(`${url}/v1/gone`);
      assert.deepStrictEqual([gone.status, gone.body["code"]], [410, "SERV-410"]);
      assert.match(String(gone.body["traceId"]), /^[0-9a-f]{32}$/);
    }),
  );

  it.live("a typed client tells the declared problems apart, those of the mapping included", () =>
    Effect.gen(function* () {
      const { url } = yield* start;
      const client = yield* HttpApiClient.make(Api, { baseUrl: url });
      const busy = yield* Effect.flip(client.shop.busy());
      assert.instanceOf(busy, Busy);
      assert.deepStrictEqual([busy.code, busy.retryAfterSeconds], ["SHOP-429", 7]);
      const bug = yield* Effect.flip(client.shop.bug());
      assert.instanceOf(bug, Problem.InternalError);
      assert.match(bug.traceId ?? "", /^[0-9a-f]{32}$/);
    }).pipe(Effect.provide(FetchHttpClient.layer)),
  );

  it.live("a problem continues the caller's trace and repeats the caller's request id", () =>
    Effect.gen(function* () {
      const { url } = yield* start;
      const traceId = "0af7651916cd43dd8448eb211c80319c";
      const answer = yield* call(`${url}/v1/nothing`, {
        headers: { traceparent: `00-${traceId}-b7ad6b7169203331-01`, "x-request-id": "req-1" },
      });
      assert.strictEqual(answer.body["traceId"], traceId);
      assert.match(
        String(answer.headers["traceparent"]),
        new RegExp(`^00-${traceId}-(?!b7ad6b7169203331)[0-9a-f]{16}-01$`),
      );
      assert.strictEqual(answer.headers["x-request-id"], "req-1");
    }),
  );
});

it("a problem round-trips through its schema, so that a typed client can tell it", () => {
  const encoded = Schema.encodeUnknownSync(Busy)(new Busy({ retryAfterSeconds: 3 }));
  const decoded = Schema.decodeUnknownSync(Busy)(encoded);
  assert.instanceOf(decoded, Busy);
  assert.deepStrictEqual([decoded.code, decoded.retryAfterSeconds], ["SHOP-429", 3]);
});
