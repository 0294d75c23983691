import { assert, layer } from "@effect/vitest";
import * as Effect from "effect/Effect";
import { ServiceTest } from "../shared/ServiceTest.ts";
import { fieldsOf, itemsOf, nextOf } from "../shared/TestHttp.ts";
import * as Products from "./Products.ts";

const named = (name: string) => Products.sold("AVAILABLE", 1000, name);

const search = Effect.fnUntraced(function* (typed: string, more = "") {
  const { http } = yield* ServiceTest;
  return yield* http.get(`/v1/products?limit=100&query=${encodeURIComponent(typed)}${more}`);
});

const found = (typed: string) => Effect.map(search(typed), (answer) => itemsOf(answer).map(({ id }) => String(id)));

/** In the order in which products are listed. */
const ids = (...products: ReadonlyArray<{ readonly id: string }>) => products.map(({ id }) => id).toSorted();

layer(Products.service, { excludeTestServices: true })("searching products", (it) => {
  it.effect("finds names in Korean and English by the beginnings of their words, in any order and case", () =>
    Effect.gen(function* () {
      const jacket = yield* named("Vintage Denim Jacket 7");
      const shirt = yield* named("Vintage Linen Shirt 8");
      const korean = yield* named("빈티지 데님 재킷 9");
      assert.deepStrictEqual(yield* found("vintage"), ids(jacket, shirt));
      assert.deepStrictEqual(yield* found("JACK  denim"), [jacket.id]);
      assert.deepStrictEqual(yield* found("재킷"), [korean.id]);
      assert.deepStrictEqual(yield* found("빈티 데님"), [korean.id]);
      assert.deepStrictEqual(yield* found("intage"), [], "the middle of a word is no word");
      assert.deepStrictEqual(yield* found("denim shirt"), [], "all words have to be there");
    }),
  );

  it.effect("what is typed is words, never a query: operators and quotes find nothing of their own", () =>
    Effect.gen(function* () {
      const coat = yield* named("Wool Coat 1");
      assert.deepStrictEqual(yield* found("!coat"), [coat.id]);
      assert.deepStrictEqual(yield* found("coat | shoes"), []);
      assert.deepStrictEqual(yield* found(`'coat' & (wool)`), [coat.id]);
      for (const typed of ["%", "'", "&|!<->", "\\"]) assert.deepStrictEqual(yield* found(typed), [], typed);
    }),
  );

  it.effect("hidden products are not found, sold out ones are, and pages go on where they ended", () =>
    Effect.gen(function* () {
      const { http } = yield* ServiceTest;
      const caps = [yield* named("Cap 1"), yield* Products.sold("OUT_OF_STOCK", 1, "Cap 2"), yield* named("Cap 3")];
      yield* Products.sold("HIDED", 1, "Cap 4");
      yield* named("Hat 5");
      const first = yield* http.get("/v1/products?query=cap&limit=2");
      const second = yield* http.get(`/v1/products?query=cap&limit=2&${nextOf(first)}`);
      assert.deepStrictEqual(
        [...itemsOf(first), ...itemsOf(second)].map(({ id }) => String(id)),
        ids(...caps),
      );
      assert.strictEqual(nextOf(second), undefined);
    }),
  );

  it.effect("nothing typed, and more than a name could hold, is 400", () =>
    Effect.gen(function* () {
      for (const typed of ["", "x".repeat(101)]) {
        const answer = yield* search(typed);
        assert.deepStrictEqual([answer.status, fieldsOf(answer)], [400, ["query.query"]]);
      }
    }),
  );
});
