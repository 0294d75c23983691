import { assert, describe, it } from "@effect/vitest";
import * as Deferred from "effect/Deferred";
import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import * as Fiber from "effect/Fiber";
import { ConnectionError, SqlError } from "effect/sql/SqlError";
import * as TestClock from "effect/testing/TestClock";
import { BrandId, type ProductId, Won } from "../../src/contracts/index.ts";
import * as ShopWindow from "../../src/product/ShopWindow.ts";
import { type Listed, productKey } from "../../src/product/State.ts";
import { newId } from "./Products.ts";

const listed = (id: ProductId, changes: Partial<Listed> = {}): Listed => ({
  _tag: "Product",
  id,
  brandId: BrandId.make("0190a000-0000-7000-8000-00000000b0b0"),
  name: "Shirt",
  price: Won.make(1000),
  status: "AVAILABLE",
  color: null,
  size: null,
  stockVersion: 0,
  isSoldOut: false,
  isRemoved: false,
  ...changes,
});

/** A database of one product, a window in front of it, and what was read of it. */
const shop = Effect.gen(function* () {
  const id = yield* newId;
  const reads: Array<string> = [];
  let row: Listed | undefined = listed(id);
  let before: Effect.Effect<void, SqlError> = Effect.void;
  const read = <A>(what: string, answer: (row: Listed | undefined) => A) =>
    Effect.suspend(() => {
      reads.push(what);
      const found = answer(row);
      return Effect.as(before, found);
    });
  const window = yield* ShopWindow.make({
    byId: (asked) => read("product", (found) => (found?.id === asked ? found : undefined)),
    page: ({ query }, _after, limit) =>
      read(`page ${query ?? "of all"} ${limit}`, (found) =>
        found === undefined || found.status === "HIDED" ? [] : [found],
      ),
  });
  const told = (version: number, state: Listed) => window.committed(new Map([[productKey(id), { version, state }]]));
  return {
    id,
    reads,
    page: (query?: string, limit = 20) => window.page(query === undefined ? {} : { query }, undefined, limit),
    product: (asked = id) => window.byId(asked),
    told,
    /** As this process commits a change, or, without a version, as another one does. */
    change: (changes: Partial<Listed>, version?: number) => {
      row = listed(id, changes);
      if (version !== undefined) told(version, row);
    },
    /** Every read ends so. */
    reading: (effect: Effect.Effect<void, SqlError>) => void (before = effect),
  };
});

const broken = new SqlError({ reason: new ConnectionError({ cause: "gone" }) });

describe("ShopWindow", () => {
  it.effect("a product and each page are read once in their age, and are never older", () =>
    Effect.gen(function* () {
      const { change, page, product, reads } = yield* shop;
      for (let look = 0; look < 3; look += 1) {
        yield* product();
        yield* page();
        yield* page("shirt");
        yield* page("shirt", 5);
      }
      assert.deepStrictEqual(reads, ["product", "page of all 20", "page shirt 20", "page shirt 5"]);
      change({ price: Won.make(2000) });
      yield* TestClock.adjust(ShopWindow.maxAgeMillis - 1);
      assert.strictEqual((yield* product())?.price, 1000);
      yield* TestClock.adjust(1);
      assert.strictEqual((yield* product())?.price, 2000);
      assert.strictEqual((yield* page())[0]?.price, 2000);
    }),
  );

  it.effect("the age counts from when the read began, however long it took", () =>
    Effect.gen(function* () {
      const { product, reading, reads } = yield* shop;
      reading(Effect.sleep(400));
      const first = yield* Effect.forkChild(product(), { startImmediately: true });
      yield* TestClock.adjust(400);
      yield* Fiber.join(first);
      reading(Effect.void);
      yield* TestClock.adjust(99);
      yield* product();
      assert.lengthOf(reads, 1);
      yield* TestClock.adjust(1);
      yield* product();
      assert.lengthOf(reads, 2);
    }),
  );

  it.effect("what this process commits is seen at once, alone and on every page", () =>
    Effect.gen(function* () {
      const { change, page, product } = yield* shop;
      for (const [version, won] of [2000, 3000, 4000].entries()) {
        const price = Won.make(won);
        yield* Effect.all([product(), page(), page("shirt")]);
        change({ price }, version + 1);
        const seen = [yield* product(), ...(yield* page()), ...(yield* page("shirt"))];
        assert.deepStrictEqual(
          seen.map((found) => found?.price),
          [price, price, price],
        );
      }
    }),
  );

  it.effect("a product that was hidden here is shown from no page, and comes back at once", () =>
    Effect.gen(function* () {
      const { change, page, product } = yield* shop;
      yield* Effect.all([product(), page(), page("shirt")]);
      change({ status: "HIDED" }, 2);
      assert.strictEqual((yield* product())?.status, "HIDED");
      assert.deepStrictEqual([yield* page(), yield* page("shirt")], [[], []]);
      change({}, 3);
      assert.strictEqual((yield* product())?.status, "AVAILABLE");
      assert.lengthOf(yield* page(), 1);
    }),
  );

  it.effect("a read that began before the commit answers who asked then, and nobody later", () =>
    Effect.gen(function* () {
      const { change, page, product, reading } = yield* shop;
      const done = yield* Deferred.make<void>();
      reading(Deferred.await(done));
      const early = yield* Effect.forkChild(Effect.all([product(), page()], { concurrency: "unbounded" }), {
        startImmediately: true,
      });
      reading(Effect.void);
      change({ status: "HIDED" }, 2);
      const seen = yield* product();
      yield* Deferred.succeed(done, undefined);
      assert.strictEqual((yield* Fiber.join(early))[0]?.status, "AVAILABLE");
      assert.strictEqual(seen?.status, "HIDED");
      assert.strictEqual((yield* product())?.status, "HIDED");
      assert.deepStrictEqual(yield* page(), []);
    }),
  );

  it.effect("a version that is known already is no change: orders that read a product drop nothing", () =>
    Effect.gen(function* () {
      const { change, id, page, product, reads, told } = yield* shop;
      change({ price: Won.make(2000) }, 5);
      yield* Effect.all([product(), page()]);
      told(5, listed(id));
      told(4, listed(id));
      yield* Effect.all([product(), page()]);
      assert.lengthOf(reads, 2);
    }),
  );

  it.effect("looks at once share one read", () =>
    Effect.gen(function* () {
      const { page, product, reading, reads } = yield* shop;
      reading(Effect.sleep(10));
      const looks = yield* Effect.forkChild(
        Effect.all([product(), page(), product(), page(), product(), page()], { concurrency: "unbounded" }),
        { startImmediately: true },
      );
      yield* TestClock.adjust(10);
      yield* Fiber.join(looks);
      assert.deepStrictEqual(reads.toSorted(), ["page of all 20", "product"]);
    }),
  );

  it.effect("neither a failure nor absence is kept", () =>
    Effect.gen(function* () {
      const { page, product, reading, reads } = yield* shop;
      reading(Effect.fail(broken));
      assert.isTrue(Exit.isFailure(yield* Effect.exit(product())));
      assert.isTrue(Exit.isFailure(yield* Effect.exit(page())));
      reading(Effect.void);
      assert.isDefined(yield* product());
      assert.lengthOf(yield* page(), 1);
      const unknown = yield* newId;
      reads.length = 0;
      assert.deepStrictEqual([yield* product(unknown), yield* product(unknown)], [undefined, undefined]);
      assert.lengthOf(reads, 2);
    }),
  );

  it.effect("beyond its capacity the page that nobody looked at goes first", () =>
    Effect.gen(function* () {
      const { page, reads } = yield* shop;
      yield* page("kept");
      yield* page("gone");
      for (let index = 2; index < ShopWindow.maxPages; index += 1) yield* page(`word ${index}`);
      yield* page("kept");
      yield* page("one more");
      reads.length = 0;
      yield* page("kept");
      yield* page("gone");
      assert.deepStrictEqual(reads, ["page gone 20"]);
    }),
  );
});
