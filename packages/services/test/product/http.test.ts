import { assert, layer } from "@effect/vitest";
import * as Effect from "effect/Effect";
import { ServiceTest } from "../shared/ServiceTest.ts";
import { type Answer, fieldsOf, itemsOf, nextOf } from "../shared/TestHttp.ts";
import * as Products from "./Products.ts";

layer(Products.service, { excludeTestServices: true })("reading products", (it) => {
  it.effect("a product is told without its internals, to anybody; a sold out one too, a hidden one is not listed", () =>
    Effect.gen(function* () {
      const { http } = yield* ServiceTest;
      const available = yield* Products.sold();
      const soldOut = yield* Products.sold("OUT_OF_STOCK");
      const hidden = yield* Products.sold("HIDED");
      const got = yield* http.get(`/v1/products/${available.id}`);
      assert.deepStrictEqual([got.status, got.body], [200, available]);
      const listed = itemsOf(yield* http.get("/v1/products?limit=100")).map(({ id }) => id);
      assert.includeMembers(listed, [available.id, soldOut.id]);
      assert.notInclude(listed, hidden.id);
    }),
  );

  it.effect("an unknown product and a hidden one are 404, what is no id is 400", () =>
    Effect.gen(function* () {
      const { http } = yield* ServiceTest;
      const hidden = yield* Products.sold("HIDED");
      for (const id of [yield* Products.newId, hidden.id]) {
        const answer = yield* http.get(`/v1/products/${id}`);
        assert.deepStrictEqual([answer.status, answer.body["code"]], [404, "PROD-001"]);
      }
      const malformed = yield* http.get("/v1/products/1");
      assert.deepStrictEqual([malformed.status, fieldsOf(malformed)], [400, ["path.id"]]);
    }),
  );

  it.effect("cursors walk over all products, each once, in order, also when some are added meanwhile", () =>
    Effect.gen(function* () {
      const { http } = yield* ServiceTest;
      const products = yield* Effect.replicateEffect(Products.sold(), 7);
      const seen: Array<string> = [];
      let cursor: string | undefined = "";
      let added = "";
      while (cursor !== undefined) {
        const page: Answer = yield* http.get(`/v1/products?limit=3&${cursor}`);
        assert.isAtMost(itemsOf(page).length, 3);
        seen.push(...itemsOf(page).map(({ id }) => String(id)));
        cursor = nextOf(page);
        if (added === "") added = (yield* Products.sold()).id;
      }
      assert.deepStrictEqual(
        seen,
        seen.toSorted((a, b) => (a < b ? -1 : 1)),
      );
      assert.strictEqual(new Set(seen).size, seen.length);
      assert.includeMembers(seen, [...products.map(({ id }) => id), added]);
    }),
  );

  it.effect("a limit outside of 1 to 100 and a cursor of somewhere else are 400; the default page has 20", () =>
    Effect.gen(function* () {
      const { http } = yield* ServiceTest;
      yield* Effect.replicateEffect(Products.sold(), 21);
      assert.lengthOf(itemsOf(yield* http.get("/v1/products")), 20);
      assert.lengthOf(itemsOf(yield* http.get("/v1/products?limit=1")), 1);
      const other = Buffer.from(JSON.stringify({ at: 1 })).toString("base64url");
      for (const query of [
        "limit=0",
        "limit=101",
        "limit=-1",
        "limit=x",
        "cursor=%00",
        "cursor=abc",
        `cursor=${other}`,
      ]) {
        const answer = yield* http.get(`/v1/products?${query}`);
        assert.strictEqual(answer.status, 400, query);
        assert.isTrue(
          fieldsOf(answer).every((field) => field.startsWith(`query.${query.split("=")[0]}`)),
          query,
        );
      }
    }),
  );
});
