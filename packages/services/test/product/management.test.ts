import { assert, layer } from "@effect/vitest";
import { Ids } from "@destiny/sdk/message";
import * as Effect from "effect/Effect";
import * as SqlClient from "effect/sql/SqlClient";
import {
  BrandCreated,
  BrandDeleted,
  BrandId,
  BrandUpdated,
  OrderId,
  ProductCreated,
  ProductId,
  ProductReopened,
  ProductRestocked,
  ProductSoldOut,
  ValidateProducts,
} from "../../src/contracts/index.ts";
import { ServiceTest } from "../shared/ServiceTest.ts";
import { type Answer, fieldsOf, itemsOf } from "../shared/TestHttp.ts";
import type { Shopper } from "../shared/TestTokens.ts";
import * as Products from "./Products.ts";

const refused = ({ body, status }: Answer) => [status, body["code"]];

const tell = Effect.fnUntraced(function* (
  event: typeof BrandCreated | typeof BrandUpdated | typeof BrandDeleted,
  brandId: BrandId,
  { userId: managerId }: Shopper,
  version: number,
) {
  const { bus } = yield* ServiceTest;
  yield* bus.publish(yield* bus.envelope(event, { brandId, managerId, brandName: "Brand", version }));
  yield* bus.settled;
});

/** A brand as its context tells of it. */
const brand = Effect.gen(function* () {
  const manager = yield* (yield* ServiceTest).tokens.partner;
  const id = BrandId.make(yield* Ids.fresh);
  yield* tell(BrandCreated, id, manager, 1);
  return { id, manager };
});

const create = Effect.fnUntraced(function* (brandId: BrandId, as: Shopper, more: object = {}) {
  const { http } = yield* ServiceTest;
  return yield* http.post("/v1/products", { as, body: { brandId, name: "Shirt", price: 1000, quantity: 5, ...more } });
});

const idOf = ({ body }: Answer): ProductId => ProductId.make(String(body["id"]));

const change = Effect.fnUntraced(function* (id: ProductId, as: Shopper, body: object) {
  return yield* (yield* ServiceTest).http.patch(`/v1/products/${id}`, { as, body });
});

const remove = Effect.fnUntraced(function* (id: ProductId, as: Shopper) {
  return yield* (yield* ServiceTest).http.send("DELETE", `/v1/products/${id}`, { as });
});

const restock = Effect.fnUntraced(function* (id: ProductId, as: Shopper, quantity: number, key?: string) {
  const { http } = yield* ServiceTest;
  return yield* http.post(`/v1/products/${id}/restock`, { as, key: key ?? (yield* Ids.fresh), body: { quantity } });
});

const statusOf = Effect.fnUntraced(function* (id: ProductId) {
  const { body, status } = yield* (yield* ServiceTest).http.get(`/v1/products/${id}`);
  return status === 200 ? body["status"] : status;
});

layer(Products.service, { excludeTestServices: true })("listing products", (it) => {
  it.effect("a brand's manager lists a product, anybody finds it, and stock is told its first units once", () =>
    Effect.gen(function* () {
      const { bus, http } = yield* ServiceTest;
      const { id: brandId, manager } = yield* brand;
      const answer = yield* create(brandId, manager, { color: "검정", size: null });
      const id = idOf(answer);
      const shown = { id, brandId, name: "Shirt", price: 1000, status: "AVAILABLE", color: "검정", size: null };
      assert.deepStrictEqual([answer.status, answer.body], [201, shown]);
      assert.strictEqual(answer.headers["location"], `/v1/products/${id}`);
      assert.deepStrictEqual((yield* http.get(`/v1/products/${id}`)).body, shown);
      yield* change(id, manager, { price: 2000 });
      yield* bus.settled;
      assert.deepStrictEqual(
        (yield* bus.said(ProductCreated, id)).map(({ payload }) => payload),
        [{ productId: id, brandId, quantity: 5 }],
      );
    }),
  );

  it.effect("only the brand's manager and a MASTER, and only for a brand that there is", () =>
    Effect.gen(function* () {
      const { tokens } = yield* ServiceTest;
      const { id: brandId, manager } = yield* brand;
      const [stranger, master] = [yield* tokens.partner, yield* tokens.master];
      assert.deepStrictEqual(refused(yield* create(brandId, stranger)), [403, "SERV-007"]);
      const id = idOf(yield* create(brandId, master));
      for (const answer of [yield* change(id, stranger, { price: 1 }), yield* remove(id, stranger)]) {
        assert.deepStrictEqual(refused(answer), [403, "SERV-007"]);
      }
      assert.strictEqual((yield* change(id, manager, { price: 1 })).body["price"], 1);
      const unknown = BrandId.make(yield* Ids.fresh);
      for (const as of [manager, master])
        assert.deepStrictEqual(refused(yield* create(unknown, as)), [404, "PROD-002"]);
    }),
  );

  it.effect("who manages a brand is what its newest event says, and nobody does once it is gone", () =>
    Effect.gen(function* () {
      const { tokens } = yield* ServiceTest;
      const { id: brandId, manager } = yield* brand;
      const heir = yield* tokens.partner;
      yield* tell(BrandUpdated, brandId, heir, 3);
      yield* tell(BrandUpdated, brandId, manager, 2);
      assert.strictEqual((yield* create(brandId, manager)).status, 403);
      const id = idOf(yield* create(brandId, heir));
      yield* tell(BrandDeleted, brandId, heir, 4);
      assert.strictEqual((yield* create(brandId, heir, { name: "Other" })).status, 404);
      assert.strictEqual((yield* change(id, heir, { price: 5 })).status, 403);
      assert.strictEqual((yield* remove(id, yield* tokens.master)).status, 204);
    }),
  );

  it.effect("a brand has no two products of one name; another brand has, and a name that is given up is free", () =>
    Effect.gen(function* () {
      const [first, second] = [yield* brand, yield* brand];
      const shirt = idOf(yield* create(first.id, first.manager));
      assert.deepStrictEqual(refused(yield* create(first.id, first.manager)), [409, "PROD-003"]);
      assert.strictEqual((yield* create(second.id, second.manager)).status, 201);
      const coat = idOf(yield* create(first.id, first.manager, { name: "Coat" }));
      assert.deepStrictEqual(refused(yield* change(coat, first.manager, { name: "Shirt" })), [409, "PROD-003"]);
      assert.strictEqual((yield* change(coat, first.manager, { name: "Coat" })).status, 200, "its own name");
      assert.strictEqual((yield* change(shirt, first.manager, { name: "Blouse" })).status, 200);
      assert.strictEqual((yield* change(coat, first.manager, { name: "Shirt" })).status, 200);
      assert.strictEqual((yield* remove(coat, first.manager)).status, 204);
      assert.strictEqual((yield* create(first.id, first.manager)).status, 201);
    }),
  );

  it.effect("ten at once under one name: one is listed", () =>
    Effect.gen(function* () {
      const { id, manager } = yield* brand;
      const answers = yield* Effect.all(
        Array.from({ length: 10 }, () => create(id, manager)),
        {
          concurrency: "unbounded",
        },
      );
      assert.deepStrictEqual(
        answers.map(({ status }) => status).toSorted((a, b) => a - b),
        [201, ...Array.from({ length: 9 }, () => 409)],
      );
    }),
  );

  it.effect("a seeded product has its name too", () =>
    Effect.gen(function* () {
      const { tokens } = yield* ServiceTest;
      const seeded = yield* Products.sold();
      yield* tell(BrandCreated, Products.brandId, yield* tokens.partner, 1);
      const answer = yield* create(Products.brandId, yield* tokens.master, { name: seeded.name });
      assert.deepStrictEqual(refused(answer), [409, "PROD-003"]);
    }),
  );

  it.effect("a hidden product comes back as what stock has said meanwhile", () =>
    Effect.gen(function* () {
      const { bus } = yield* ServiceTest;
      const { id: brandId, manager } = yield* brand;
      const id = idOf(yield* create(brandId, manager));
      const hear = Effect.fnUntraced(function* (
        event: typeof ProductSoldOut | typeof ProductReopened,
        version: number,
      ) {
        yield* bus.publish(yield* bus.envelope(event, { productId: id, version }));
        yield* bus.settled;
      });
      yield* change(id, manager, { status: "HIDED" });
      assert.strictEqual(yield* statusOf(id), 404);
      yield* hear(ProductSoldOut, 1);
      assert.strictEqual(yield* statusOf(id), 404);
      yield* change(id, manager, { status: "AVAILABLE" });
      assert.strictEqual(yield* statusOf(id), "OUT_OF_STOCK");
      yield* hear(ProductReopened, 2);
      assert.strictEqual(yield* statusOf(id), "AVAILABLE");
    }),
  );

  it.effect("what its manager changes, stands in every list when the change was answered", () =>
    Effect.gen(function* () {
      const { http } = yield* ServiceTest;
      const { id: brandId, manager } = yield* brand;
      const lists = [`/v1/products?brandId=${brandId}`, `/v1/products?brandId=${brandId}&query=shirt`];
      const prices = Effect.forEach(lists, (list) =>
        Effect.map(http.get(list), (answer) => itemsOf(answer).map(({ price }) => price)),
      );
      assert.deepStrictEqual(yield* prices, [[], []]);
      const id = idOf(yield* create(brandId, manager));
      assert.deepStrictEqual(yield* prices, [[1000], [1000]]);
      yield* change(id, manager, { price: 7 });
      assert.deepStrictEqual(yield* prices, [[7], [7]]);
      yield* change(id, manager, { status: "HIDED" });
      assert.deepStrictEqual(yield* prices, [[], []]);
    }),
  );

  it.effect("a removed product is gone for good: not found, not listed, not ordered, not changed, not reopened", () =>
    Effect.gen(function* () {
      const { bus, http } = yield* ServiceTest;
      const { id: brandId, manager } = yield* brand;
      const productId = idOf(yield* create(brandId, manager, { name: "Gone" }));
      assert.strictEqual((yield* remove(productId, manager)).status, 204);
      yield* bus.publish(yield* bus.envelope(ProductReopened, { productId, version: 9 }));
      yield* bus.settled;
      for (const answer of [
        yield* http.get(`/v1/products/${productId}`),
        yield* change(productId, manager, { status: "AVAILABLE" }),
        yield* remove(productId, manager),
      ]) {
        assert.deepStrictEqual(refused(answer), [404, "PROD-001"]);
      }
      assert.notInclude(
        itemsOf(yield* http.get("/v1/products?limit=100")).map(({ id }) => id),
        productId,
      );
      const orderId = OrderId.make(yield* Ids.fresh);
      const reply = yield* bus.ask(ValidateProducts, { orderId, lines: [{ productId, quantity: 1 }] });
      assert.strictEqual(reply._tag, "Refused");
    }),
  );

  it.effect("more units are told to the stock by the brand's manager and a MASTER, once a key", () =>
    Effect.gen(function* () {
      const { bus, tokens } = yield* ServiceTest;
      const { id: brandId, manager } = yield* brand;
      const created = yield* create(brandId, manager);
      const id = idOf(created);
      const key = yield* Ids.fresh;
      for (const answer of [yield* restock(id, manager, 7, key), yield* restock(id, manager, 7, key)]) {
        assert.deepStrictEqual([answer.status, answer.body], [202, created.body]);
      }
      assert.strictEqual((yield* restock(id, manager, 8, key)).status, 422);
      assert.strictEqual((yield* restock(id, yield* tokens.master, 1_000_000)).status, 202);
      assert.deepStrictEqual(refused(yield* restock(id, yield* tokens.partner, 7)), [403, "SERV-007"]);
      for (const quantity of [0, 1.5, 1_000_001]) {
        assert.deepStrictEqual(fieldsOf(yield* restock(id, manager, quantity)), ["quantity"]);
      }
      yield* remove(id, manager);
      assert.deepStrictEqual(refused(yield* restock(id, manager, 7)), [404, "PROD-001"]);
      yield* bus.settled;
      const told = (yield* bus.said(ProductRestocked, id)).map(({ payload }) => payload);
      assert.deepStrictEqual(
        told.map(({ quantity }) => quantity),
        [7, 1_000_000],
      );
      assert.strictEqual(new Set(told.map(({ movement }) => movement)).size, 2);
    }),
  );

  it.effect("a key that the inbox has forgotten brings other units: no movement is told twice", () =>
    Effect.gen(function* () {
      const { bus } = yield* ServiceTest;
      const sql = yield* SqlClient.SqlClient;
      const { id: brandId, manager } = yield* brand;
      const id = idOf(yield* create(brandId, manager));
      const key = yield* Ids.fresh;
      assert.strictEqual((yield* restock(id, manager, 7, key)).status, 202);
      yield* sql`DELETE FROM inbox`;
      assert.strictEqual((yield* restock(id, manager, 7, key)).status, 202);
      yield* bus.settled;
      const told = yield* bus.said(ProductRestocked, id);
      assert.strictEqual(new Set(told.map(({ payload }) => payload.movement)).size, 2);
    }),
  );

  it.effect("every flaw of a product is named; sold out is not a manager's word", () =>
    Effect.gen(function* () {
      const { id: brandId, manager } = yield* brand;
      const flaws = { name: "", price: -1, color: "", size: 7, quantity: 1001 };
      const answer = yield* create(brandId, manager, flaws);
      assert.deepStrictEqual([answer.status, new Set(fieldsOf(answer))], [400, new Set(Object.keys(flaws))]);
      for (const price of [1.5, "1000", 10_000_000_001]) {
        assert.deepStrictEqual(fieldsOf(yield* create(brandId, manager, { price })), ["price"]);
      }
      const id = idOf(yield* create(brandId, manager));
      assert.deepStrictEqual(fieldsOf(yield* change(id, manager, { status: "OUT_OF_STOCK" })), ["status"]);
    }),
  );
});
