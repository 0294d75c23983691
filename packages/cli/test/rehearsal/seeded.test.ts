import { assert, layer } from "@effect/vitest";
import * as Effect from "effect/Effect";
import { after, authorise, confirm, eventually, key, order } from "../../../services/test/shop/Journey.ts";
import { type Reply, Shop } from "../../../services/test/shop/Shop.ts";
import { seed, type SeedResult } from "../../src/run/seed.ts";
import type { SeedProgress } from "../../src/run/SeedBars.ts";
import * as Catalogue from "../../src/seed/Catalogue.ts";

const shop = Catalogue.make("S", 42);

const seeded = Effect.fnUntraced(function* (options: { readonly seed: number; readonly scale?: Catalogue.Scale }) {
  const { server } = yield* Shop;
  const told: Array<SeedProgress> = [];
  const result: SeedResult = yield* seed({
    instance: "test",
    databaseUrl: `${server}/`,
    scale: "S",
    onProgress: (progress) => void told.push(progress),
    ...options,
  }).pipe(Effect.orDie);
  return { result, told };
});

const signIn = (username: string) => Effect.flatMap(Shop, (running) => running.signIn(username, Catalogue.password));
const partner = (index: number) => signIn(Catalogue.partnerNameOf(index));

const itemsOf = ({ body }: Reply) => body["items"] as ReadonlyArray<Record<string, unknown>>;
const refused = ({ body, status }: Reply) => [status, body["code"]];

const [own, others] = shop.brands;
if (own === undefined || others === undefined) throw new Error("no brands");
const productsOf = (brandId: string) => shop.products.filter((product) => product.brandId === brandId);
const [mine] = productsOf(own.id).slice(-1);
const [theirs] = productsOf(others.id).slice(-1);
if (mine === undefined || theirs === undefined) throw new Error("no products");

/** Every row that seeding writes, by table. */
const written = Effect.gen(function* () {
  const { database } = yield* Shop;
  const rows = (service: string, table: string) => {
    const sql = database(service);
    return Effect.orDie(sql`SELECT * FROM ${sql(table)} ORDER BY 1`);
  };
  return yield* Effect.forEach(
    [
      ["user", "users"],
      ["brand", "brand"],
      ["product", "product"],
      ["product", "product_brand"],
      ["product", "product_name"],
      ["notification", "notification_route"],
      ["stock", "stock"],
      ["stock", "stock_ledger"],
      ["coupon", "coupon_template"],
      ["coupon", "quota"],
    ] as const,
    ([service, table]) => rows(service, table),
  );
});

layer(Shop.layer(), { excludeTestServices: true, timeout: "120 seconds" })("a seeded shop is one shop", (it) => {
  it.effect("seeding twice changes nothing, also what its people have changed since", () =>
    Effect.gen(function* () {
      const { result, told } = yield* seeded({ seed: 42 });
      assert.deepStrictEqual(result, {
        instance: "test",
        scale: "S",
        seed: 42,
        ...Catalogue.scales.S,
        partners: Catalogue.scales.S.brands,
        password: Catalogue.password,
      });
      assert.deepStrictEqual(
        told.filter(({ done, total }) => done === total),
        [
          { kind: "partners", done: 5, total: 5 },
          { kind: "brands", done: 5, total: 5 },
          { kind: "products", done: 200, total: 200 },
          { kind: "coupons", done: 1, total: 1 },
          { kind: "shoppers", done: 1000, total: 1000 },
        ],
      );
      // Another one than the tests below look at: it is told of, so whoever was not seeded with it knows it now.
      const manager = yield* partner(4);
      const renamed = yield* manager.call("PATCH", `/v1/brands/${shop.brands[4]?.id}`, {
        body: { brandName: "새 이름" },
      });
      assert.deepStrictEqual([renamed.status, renamed.body["brandName"]], [200, "새 이름"]);
      const { database } = yield* Shop;
      yield* eventually(
        "everybody hears of the new name",
        Effect.map(
          Effect.orDie(database("notification")`SELECT 1 FROM notification_route WHERE brand_name = '새 이름'`),
          (rows) => rows.length === 1,
        ),
      );
      const before = yield* written;
      yield* seeded({ seed: 42 });
      assert.deepStrictEqual(yield* written, before);
    }),
  );

  it.effect("a partner changes, lists, restocks and removes products of the own brand, and none of another's", () =>
    Effect.gen(function* () {
      const [manager, stranger] = [yield* partner(0), yield* partner(1)];
      const price = mine.price + 100;
      const repriced = yield* manager.call("PATCH", `/v1/products/${mine.id}`, { body: { price } });
      assert.deepStrictEqual([repriced.status, repriced.body["price"]], [200, price]);
      for (const [as, id] of [
        [manager, theirs.id],
        [stranger, mine.id],
      ] as const) {
        assert.deepStrictEqual(refused(yield* as.call("PATCH", `/v1/products/${id}`, { body: { price } })), [
          403,
          "SERV-007",
        ]);
      }
      const more = (as: typeof manager, id: string) =>
        as.call("POST", `/v1/products/${id}/restock`, { body: { quantity: 5 }, headers: key() });
      assert.strictEqual((yield* more(manager, mine.id)).status, 202);
      assert.deepStrictEqual(refused(yield* more(stranger, mine.id)), [403, "SERV-007"]);
      yield* eventually(
        "more of it is on sale",
        Effect.map(
          manager.call("GET", `/v1/stocks/${mine.id}`),
          ({ body }) => body["available"] === Catalogue.ordinaryStock + 5,
        ),
      );
      const taken = { brandId: own.id, name: mine.name, price, quantity: 7 };
      assert.deepStrictEqual(refused(yield* manager.call("POST", "/v1/products", { body: taken })), [409, "PROD-003"]);
      const listed = yield* manager.call("POST", "/v1/products", { body: { ...taken, name: "new" } });
      assert.strictEqual(listed.status, 201, JSON.stringify(listed.body));
      const id = String(listed.body["id"]);
      yield* eventually(
        "its first units are on sale",
        Effect.map(manager.call("GET", `/v1/stocks/${id}`), ({ body }) => body["available"] === 7),
      );
      assert.strictEqual((yield* manager.call("DELETE", `/v1/products/${id}`)).status, 204);
      assert.strictEqual((yield* manager.call("GET", `/v1/products/${id}`)).status, 404);
    }),
  );

  it.effect("a partner hears in the own channel of what a seeded shopper bought, and sees the order", () =>
    Effect.gen(function* () {
      const { slack } = yield* Shop;
      const [manager, stranger] = [yield* partner(0), yield* partner(1)];
      const hook = `/services/T1/B1/${own.id}`;
      const channel = `/v1/brand-notifications/channels/${own.id}`;
      const body = { webhookUrl: `${slack.url}${hook}` };
      assert.deepStrictEqual(refused(yield* stranger.call("PUT", channel, { body })), [403, "SERV-007"]);
      const set = yield* manager.call("PUT", channel, { body });
      assert.deepInclude(set.body, { brandId: own.id, hasWebhook: true, isActive: true }, JSON.stringify(set.body));

      const buyer = yield* signIn(Catalogue.usernameOf(0));
      const issue = `/v1/coupons/${shop.drop.templateId}/issue`;
      const couponId = (yield* buyer.call("POST", issue, { body: {}, headers: key() })).body["id"];
      const items = [
        { productId: mine.id, quantity: 2 },
        { productId: theirs.id, quantity: 1 },
      ];
      const placed = yield* buyer.call("POST", "/v1/orders", {
        body: { ...order(mine.id), items, couponId },
        headers: key(),
      });
      const orderId = String(placed.body["id"]);
      const payable = yield* after(buyer, orderId, "PENDING");
      const amount = Number(payable["finalAmount"]);
      yield* confirm(buyer, { orderId, amount, paymentKey: yield* authorise(orderId, amount) });
      yield* after(buyer, orderId, "WAITING_PAYMENT");

      const told = () => slack.messages().filter((message) => message.hook === hook && message.text.includes(orderId));
      yield* eventually(
        "the sale is told",
        Effect.sync(() => told().length > 0),
      );
      const orders = (brandId: string) => `/v1/brands/${brandId}/orders`;
      // The brand service hears of the sale by itself, not from whoever told the channel.
      yield* eventually(
        "the brand has the sale",
        Effect.map(manager.call("GET", orders(own.id)), (answer) => itemsOf(answer).length > 0),
      );
      const [sale, ...more] = itemsOf(yield* manager.call("GET", orders(own.id)));
      assert.deepStrictEqual(more, []);
      const { recipientName, recipientPhone, zipcode, address1 } = order(mine.id);
      assert.deepInclude(sale, {
        orderId,
        status: "COMPLETED",
        recipient: { recipientName, recipientPhone, zipcode, address1 },
      });
      const share = Number(sale?.["amount"]);
      assert.include(told()[0]?.text, `order ${orderId} is paid, 2 pieces, ₩${share.toLocaleString("en-US")}`);
      yield* eventually(
        "both shares are what the shopper paid",
        Effect.map(stranger.call("GET", orders(others.id)), (answer) => {
          const [other] = itemsOf(answer);
          return other !== undefined && share + Number(other["amount"]) === amount;
        }),
      );
      assert.isAbove(Number(payable["discountAmount"]), 0);
      assert.deepStrictEqual(refused(yield* stranger.call("GET", orders(own.id))), [403, "SERV-007"]);
      const logs = yield* manager.call("GET", `/v1/brand-notifications/logs?brandId=${own.id}`);
      assert.deepStrictEqual(
        itemsOf(logs).map(({ kind }) => kind),
        ["ORDER_COMPLETED"],
      );
    }),
  );

  it.effect("coupons are the shop's: partners are given them as everybody is, and make no templates", () =>
    Effect.gen(function* () {
      const manager = yield* partner(2);
      const issue = `/v1/coupons/${shop.drop.templateId}/issue`;
      assert.strictEqual((yield* manager.call("POST", issue, { body: {}, headers: key() })).status, 201);
      assert.deepStrictEqual(refused(yield* manager.call("POST", "/v1/coupon-templates", { body: {} })), [
        403,
        "SERV-007",
      ]);
    }),
  );

  it.effect("brands of a second seed are managed by the same people", () =>
    Effect.gen(function* () {
      yield* seeded({ seed: 7 });
      const manager = yield* partner(0);
      const [added] = Catalogue.make("S", 7).brands;
      const renamed = yield* manager.call("PATCH", `/v1/brands/${added?.id}`, { body: { brandName: "renamed" } });
      assert.deepStrictEqual([renamed.status, renamed.body["brandName"]], [200, "renamed"]);
    }),
  );
});
