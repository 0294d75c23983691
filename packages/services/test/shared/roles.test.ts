import { assert, describe, it, layer } from "@effect/vitest";
import * as Effect from "effect/Effect";
import { services } from "../../src/catalogue.ts";
import { admission } from "./Admission.ts";
import { apis, endpoints, endpointsOf } from "./Endpoints.ts";
import { roomOf, rooms } from "./Rooms.ts";
import * as ServiceTest from "./ServiceTest.ts";
import { walk } from "./Walk.ts";

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
  layer(roomOf(api.identifier), { excludeTestServices: true })(`the ${api.identifier} service`, (it) => {
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
