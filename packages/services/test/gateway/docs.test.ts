import { assert, describe, it } from "@effect/vitest";
import * as Effect from "effect/Effect";
import * as HttpApi from "effect/http-api/HttpApi";
import * as contracts from "../../src/contracts/index.ts";
import * as ApiDocs from "../../src/gateway/ApiDocs.ts";
import { routes } from "../../src/gateway/Routes.ts";
import * as Rig from "./Rig.ts";

interface Endpoint {
  readonly service: string;
  readonly method: string;
  readonly path: string;
}

const apis = Object.values(contracts).filter((one): one is typeof one & HttpApi.Top => HttpApi.isHttpApi(one));

const endpoints = apis.flatMap((api) => {
  const found: Array<Endpoint> = [];
  HttpApi.reflect(api, {
    onGroup: () => undefined,
    onEndpoint: ({ endpoint: { method, path } }) => {
      const template = path.replaceAll(/:(\w+)/g, "{$1}");
      found.push({ service: api.identifier, method: method.toLowerCase(), path: template });
    },
  });
  return found;
});

const { components, paths } = ApiDocs.document();
const described = Object.entries(paths).flatMap(([path, operations]) =>
  Object.entries(operations).map(([method, { operationId, tags }]) => ({
    path,
    method,
    operationId,
    service: tags[0],
  })),
);

describe("the shop's description", () => {
  it("has every endpoint that the gateway lets through, of the service that it is routed to, and no other", () => {
    const routed = endpoints.filter(({ path, service }) =>
      routes.some(([prefix, owner]) => owner === service && (path === prefix || path.startsWith(`${prefix}/`))),
    );
    assert.isAbove(routed.length, 40);
    assert.sameDeepMembers(
      described.map(({ method, path, service }) => ({ method, path, service })),
      routed,
    );
    assert.notInclude(Object.keys(paths), "/v1/dead-letters");
  });

  it("leaves out nothing but what is the services' own business", () => {
    const inside = endpoints.filter(({ path }) => !(path in paths)).map(({ path }) => path);
    assert.deepStrictEqual(
      new Set(inside.map((path) => path.split("/").slice(0, 3).join("/"))),
      new Set(["/v1/dead-letters"]),
    );
  });

  it("calls no two operations the same, and refers to nothing that is not there", () => {
    const ids = described.map(({ operationId }) => operationId);
    assert.strictEqual(new Set(ids).size, ids.length);
    const references = [...JSON.stringify({ paths, components }).matchAll(/"#\/components\/schemas\/([^"]+)"/g)];
    assert.isAbove(references.length, 0);
    for (const [, name] of references) assert.property(components.schemas, name ?? "");
  });

  it.live("is served to anybody, as JSON and as a page without scripts", () =>
    Effect.gen(function* () {
      const { url } = yield* Rig.gateway(Rig.deadPort);
      const get = (path: string) =>
        Effect.promise(async () => {
          const response = await fetch(`${url}${path}`);
          return { status: response.status, type: response.headers.get("content-type"), text: await response.text() };
        });
      const json = yield* get("/openapi.json");
      assert.deepStrictEqual([json.status, json.type], [200, "application/json"]);
      assert.deepStrictEqual(JSON.parse(json.text), JSON.parse(JSON.stringify(ApiDocs.document())));
      const page = yield* get("/docs");
      assert.deepStrictEqual([page.status, page.type], [200, "text/html; charset=utf-8"]);
      assert.include(page.text, "<code>POST /v1/brands</code>");
      assert.notInclude(page.text, "<script");
    }),
  );
});
