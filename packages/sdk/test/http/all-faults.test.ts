import { assert, describe, it } from "@effect/vitest";
import * as Effect from "effect/Effect";
import * as HttpApi from "effect/http-api/HttpApi";
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder";
import * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint";
import * as HttpApiGroup from "effect/http-api/HttpApiGroup";
import * as Layer from "effect/Layer";
import * as Schema from "effect/Schema";
import { AllFaults, IdempotencyKey, Problem } from "@destiny/sdk/http";
import { Service } from "@destiny/sdk/service";
import { call, json, silent } from "./support.ts";

class Shop extends HttpApiGroup.make("shop").add(
  HttpApiEndpoint.post("move", "/v1/orders/:id/move", {
    params: { id: Schema.String.check(Schema.isUUID()) },
    query: { limit: Schema.FiniteFromString, since: Schema.optionalKey(Schema.Literals(["A", "B"])) },
    headers: { "idempotency-key": IdempotencyKey.Header },
    payload: Schema.Struct({ sku: Schema.NonEmptyString, lines: Schema.Array(Schema.Int) }),
    success: Schema.Struct({ handled: Schema.Int }),
  }),
  HttpApiEndpoint.get("read", "/v1/orders/:id", {
    params: { id: Schema.String.check(Schema.isUUID()) },
    query: { limit: Schema.FiniteFromString },
    success: Schema.Struct({ handled: Schema.Int }),
  }),
) {}

class Api extends HttpApi.make("api").add(Shop).annotateMerge(Problem.reportAll) {}

/** The service, and how often a handler was reached. */
const start = Effect.gen(function* () {
  let handled = 0;
  const reached = Effect.sync(() => ({ handled: ++handled }));
  const handlers = HttpApiBuilder.group(Api, "shop", (all) =>
    all.handleAll({ move: () => reached, read: () => reached }),
  );
  const { url } = yield* Service.make({
    name: "shop",
    port: 0,
    routes: HttpApiBuilder.layer(Api).pipe(Layer.provide(AllFaults.layer(Api)), Layer.provide(handlers)),
  }).pipe(Effect.provide(silent));
  return { url, handled: () => handled };
});

const fieldsOf = ({ body }: { readonly body: Record<string, unknown> }) =>
  (body["errors"] as ReadonlyArray<Problem.FieldError> | undefined)?.map(({ field }) => field);

const id = "7d6d6d4e-8f0a-4b9b-9a44-2b8a8dc4d1f1";
const wrongBody = { sku: "", lines: [1, "two"] };
const inBody = ["sku", "lines[1]"];

describe("all that is wrong with a request", () => {
  it.live("is named at once, slot after slot, and no handler is reached", () =>
    Effect.gen(function* () {
      const { handled, url } = yield* start;
      const answer = yield* call(`${url}/v1/orders/x/move?limit=many&since=C`, json(wrongBody));
      assert.deepStrictEqual([answer.status, answer.body["code"]], [400, "SERV-001"]);
      assert.strictEqual(answer.headers["content-type"], "application/problem+json");
      assert.match(String(answer.body["traceId"]), /^[0-9a-f]{32}$/);
      assert.deepStrictEqual(fieldsOf(answer), [
        "path.id",
        "header.idempotency-key",
        "query.limit",
        "query.since",
        ...inBody,
      ]);
      const read = yield* call(`${url}/v1/orders/x?limit=many`);
      assert.deepStrictEqual(fieldsOf(read), ["path.id", "query.limit"]);
      assert.strictEqual(handled(), 0);
    }),
  );

  it.live("begins wherever the first fault is, and nothing that is right is named", () =>
    Effect.gen(function* () {
      const { handled, url } = yield* start;
      const good = { path: id, key: "k", limit: "1", body: { sku: "s", lines: [1] } as object };
      const send = (of: Partial<typeof good>) => {
        const { body, key, limit, path } = { ...good, ...of };
        const { headers, ...rest } = json(body);
        return call(`${url}/v1/orders/${path}/move?limit=${limit}`, {
          ...rest,
          headers: { ...headers, ...(key === "" ? {} : { "idempotency-key": key }) },
        });
      };
      const key = "header.idempotency-key";
      assert.deepStrictEqual(fieldsOf(yield* send({ key: "", body: wrongBody })), [key, ...inBody]);
      assert.deepStrictEqual(fieldsOf(yield* send({ limit: "x", body: wrongBody })), ["query.limit", ...inBody]);
      assert.deepStrictEqual(fieldsOf(yield* send({ path: "x", limit: "x" })), ["path.id", "query.limit"]);
      assert.deepStrictEqual(fieldsOf(yield* send({ path: "x" })), ["path.id"]);
      assert.deepStrictEqual(fieldsOf(yield* send({ body: wrongBody })), inBody);
      assert.strictEqual(handled(), 0);
      assert.deepStrictEqual((yield* send({})).body, { handled: 1 });
    }),
  );

  it.live(
    "includes a body that is no JSON, or none, but not one of a foreign media type; one that is too large is 413",
    () =>
      Effect.gen(function* () {
        const { url } = yield* start;
        const send = (body: string | ReadonlyArray<string>, type = "application/json; charset=utf-8") =>
          call(`${url}/v1/orders/${id}/move?limit=1`, { method: "POST", headers: { "content-type": type }, body });
        const key = "header.idempotency-key";
        for (const body of ['{"sku": ', ""]) assert.deepStrictEqual(fieldsOf(yield* send(body)), [key, "body"]);
        assert.deepStrictEqual(fieldsOf(yield* send("<a/>", "text/xml")), [key]);
        const big = yield* send(['{"sku":"', "x".repeat(Service.defaultMaxBodyBytes), '"}']);
        assert.deepStrictEqual([big.status, big.body["code"]], [413, "SERV-413"]);
      }),
  );

  it.live("is at most so many fields", () =>
    Effect.gen(function* () {
      const { url } = yield* start;
      const lines = Array.from({ length: 2 * Problem.maxFieldErrors }, () => "x");
      const answer = yield* call(`${url}/v1/orders/x/move`, json({ sku: "s", lines }));
      assert.strictEqual(fieldsOf(answer)?.length, Problem.maxFieldErrors);
    }),
  );
});
