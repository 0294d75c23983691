import { assert, layer } from "@effect/vitest";
import * as Effect from "effect/Effect";
import { admission, isInside, userRoles } from "../shared/Admission.ts";
import { endpoints } from "../shared/Endpoints.ts";
import * as TestHttp from "../shared/TestHttp.ts";
import * as TestTokens from "../shared/TestTokens.ts";
import { walk } from "../shared/Walk.ts";
import { Shop } from "../shop/Shop.ts";

/** Outside, with the keys of the shop. */
const outside = Effect.gen(function* () {
  const { privateJwk, url } = yield* Shop;
  return { http: yield* TestHttp.make(url, []), tokens: yield* TestTokens.make("gateway", privateJwk) };
});

layer(Shop.layer(), { excludeTestServices: true, timeout: "120 seconds" })("through the gateway", (it) => {
  for (const endpoint of endpoints.filter(({ name }) => !isInside(name))) {
    const admitted = admission[endpoint.name] ?? [];
    const whom = admitted === "anybody" ? "anybody, but no token that does not pass" : `${admitted.join(", ")} alone`;
    it.effect(`${endpoint.name} admits ${whom}`, () =>
      Effect.gen(function* () {
        yield* walk(endpoint, admitted, yield* outside, true);
      }),
    );
  }

  it.effect("nobody gets to what every service has on its own port", () =>
    Effect.gen(function* () {
      const { http, tokens } = yield* outside;
      const inside = endpoints.filter(({ name }) => isInside(name));
      assert.isNotEmpty(inside);
      for (const { method, path } of [
        ...inside,
        { method: "GET", path: "/metrics/" },
        { method: "GET", path: "/v1" },
      ]) {
        for (const as of [undefined, ...(yield* Effect.forEach(userRoles, (role) => tokens.as(role)))]) {
          const answer = yield* http.send(method, path, { as });
          assert.isTrue(TestHttp.isProblem(answer, path), answer.text);
          assert.deepStrictEqual([answer.status, answer.body["code"]], [404, "SERV-404"], `${method} ${path}`);
        }
      }
    }),
  );
});
