import { assert, layer } from "@effect/vitest";
import * as Effect from "effect/Effect";
import { BrandId, Won } from "../../src/contracts/index.ts";
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

  it.effect("each filter leaves what fits it, together they leave what fits all, and pages go on within them", () =>
    Effect.gen(function* () {
      const { http } = yield* ServiceTest;
      const brandId = BrandId.make("0190a000-0000-7000-8000-00000000f11e");
      const base = yield* Products.variant(yield* named("Sock 1"), { brandId, color: "red", size: "M" });
      const dear = yield* Products.variant(base, { price: Won.make(3000) });
      const blue = yield* Products.variant(base, { color: "blue" });
      const large = yield* Products.variant(base, { size: "L", name: "Wool sock 2" });
      yield* Products.variant(base, { status: "HIDED" });
      const fitting = (filter: string) =>
        Effect.map(http.get(`/v1/products?brandId=${brandId}&${filter}`), (answer) =>
          itemsOf(answer).map(({ id }) => id),
        );
      assert.deepStrictEqual(yield* fitting(""), ids(base, dear, blue, large));
      assert.deepStrictEqual(yield* fitting("minPrice=3000"), [dear.id]);
      assert.deepStrictEqual(yield* fitting("maxPrice=2999"), ids(base, blue, large));
      assert.deepStrictEqual(yield* fitting("minPrice=1001&maxPrice=2999"), []);
      assert.deepStrictEqual(yield* fitting("color=blue"), [blue.id]);
      assert.deepStrictEqual(yield* fitting("color=BLUE"), [], "traits are taken as they are");
      assert.deepStrictEqual(yield* fitting("size=L&query=wool"), [large.id]);
      assert.deepStrictEqual(yield* fitting("size=M&query=wool"), []);
      assert.deepStrictEqual(yield* fitting("size=M&color=red&maxPrice=1000"), [base.id]);
      const first = yield* http.get(`/v1/products?brandId=${brandId}&color=red&limit=2`);
      const second = yield* http.get(`/v1/products?brandId=${brandId}&color=red&limit=2&${nextOf(first)}`);
      const pages = [...itemsOf(first), ...itemsOf(second)].map(({ id }) => String(id));
      assert.deepStrictEqual([pages, nextOf(second)], [ids(base, dear, large), undefined]);
      assert.deepStrictEqual(itemsOf(yield* http.get(`/v1/products?brandId=${yield* Products.newId}`)), []);
    }),
  );

  it.effect("a filter that cannot fit anything by its form is 400 and names every one", () =>
    Effect.gen(function* () {
      const { http } = yield* ServiceTest;
      const wrong = { brandId: "b", minPrice: "-1", maxPrice: "1.5", color: "", size: "x".repeat(51), limit: "0" };
      const answer = yield* http.get(`/v1/products?${String(new URLSearchParams(wrong))}`);
      assert.strictEqual(answer.status, 400);
      assert.sameMembers(
        [...fieldsOf(answer)],
        Object.keys(wrong).map((name) => `query.${name}`),
      );
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
