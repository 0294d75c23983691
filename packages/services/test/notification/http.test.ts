import { assert, layer } from "@effect/vitest";
import { Ids } from "@destiny/sdk/message";
import * as Effect from "effect/Effect";
import * as SqlClient from "effect/sql/SqlClient";
import { BrandUpdated } from "../../src/contracts/index.ts";
import { ServiceTest } from "../shared/ServiceTest.ts";
import { type Answer, fieldsOf, itemsOf, nextOf } from "../shared/TestHttp.ts";
import * as Notices from "./Notices.ts";

const refused = ({ body, status }: Answer) => [status, body["code"]];
const logs = "/v1/brand-notifications/logs";
const channelOf = (id: string) => `/v1/brand-notifications/channels/${id}`;

const noteOf = Effect.fnUntraced(function* (brandId: string, more: object = {}) {
  return {
    orderId: yield* Ids.fresh,
    brandId,
    orderNumber: "2026-1",
    buyerName: "김민수",
    buyerEmail: "kim@shop.test",
    productName: "패딩 <b>",
    option: "XL",
    quantity: 2,
    totalPrice: 398_000,
    message: "quick, please",
    ...more,
  };
});

const errorOf = Effect.fnUntraced(function* (brandId: string) {
  const orderId = yield* Ids.fresh;
  return { orderId, brandId, stage: "hold stock", errorCode: "E1", errorMessage: "no answer", message: "look at it" };
});

layer(Notices.service, { excludeTestServices: true })("notifications over HTTP", (it) => {
  it.effect("what a MASTER sends is recorded, masked, escaped, and told to the brand", () =>
    Effect.gen(function* () {
      const { http, tokens } = yield* ServiceTest;
      const as = yield* tokens.master;
      const brand = yield* Notices.brandWithChannel("Brand");
      const body = yield* noteOf(brand.id);
      const answer = yield* http.post("/v1/brand-notifications/order-created", { as, body });
      assert.deepStrictEqual([answer.status, answer.body["status"]], [202, "PENDING"]);
      yield* http.post("/v1/brand-notifications/saga-error", { as, body: yield* errorOf(brand.id) });
      yield* Notices.delivered;
      const shown = (yield* Notices.shownAt(brand.hook)).join("\n");
      assert.include(shown, "Brand: order 2026-1 of 김민수 (k***@shop.test): 2 × 패딩 &lt;b&gt;, XL, ₩398,000.");
      assert.include(shown, "at hold stock: E1 no answer. look at it");
      assert.notInclude(JSON.stringify(yield* Notices.logsOf(brand.id)), "kim@shop.test");
    }),
  );

  it.effect("every flaw of a note is named", () =>
    Effect.gen(function* () {
      const { http, tokens } = yield* ServiceTest;
      const body = yield* noteOf("no id", { buyerEmail: "kim", quantity: 0, totalPrice: -1, message: "" });
      const answer = yield* http.post("/v1/brand-notifications/order-created", { as: yield* tokens.master, body });
      assert.strictEqual(answer.status, 400);
      assert.sameMembers([...fieldsOf(answer)], ["brandId", "buyerEmail", "quantity", "totalPrice", "message"]);
    }),
  );

  it.effect("a partner reads the records of the brands that they manage, and no others", () =>
    Effect.gen(function* () {
      const { bus, http, tokens } = yield* ServiceTest;
      const master = yield* tokens.master;
      const [own, foreign] = [yield* Notices.brandWithChannel(), yield* Notices.brandWithChannel()];
      for (const { id } of [own, foreign, own]) {
        yield* http.post("/v1/brand-notifications/saga-error", { as: master, body: yield* errorOf(id) });
      }
      const brandsIn = (answer: Answer) => new Set(itemsOf(answer).map(({ brandId }) => brandId));
      assert.deepStrictEqual(brandsIn(yield* http.get(logs, { as: own.manager })), new Set([own.id]));
      assert.deepStrictEqual(refused(yield* http.get(`${logs}?brandId=${foreign.id}`, { as: own.manager })), [
        403,
        "SERV-007",
      ]);
      assert.deepStrictEqual(itemsOf(yield* http.get(logs, { as: yield* tokens.partner })), []);
      assert.includeMembers([...brandsIn(yield* http.get(`${logs}?limit=100`, { as: master }))], [own.id, foreign.id]);
      const heir = yield* tokens.partner;
      yield* bus.publish(
        yield* bus.envelope(BrandUpdated, { brandId: own.id, managerId: heir.userId, brandName: "B", version: 2 }),
      );
      yield* bus.settled;
      assert.lengthOf(itemsOf(yield* http.get(logs, { as: heir })), 2);
      assert.deepStrictEqual(itemsOf(yield* http.get(logs, { as: own.manager })), []);
    }),
  );

  it.effect("records are paged newest first, and narrowed by status", () =>
    Effect.gen(function* () {
      const { http, tokens } = yield* ServiceTest;
      const as = yield* tokens.master;
      const brand = yield* Notices.brandWithChannel();
      for (let sent = 0; sent < 3; sent++) {
        yield* http.post("/v1/brand-notifications/saga-error", { as, body: yield* errorOf(brand.id) });
      }
      yield* Notices.delivered;
      const at = (query: string) => http.get(`${logs}?brandId=${brand.id}&${query}`, { as });
      const first = yield* at("limit=2");
      const second = yield* at(`limit=2&${nextOf(first)}`);
      const seen = [...itemsOf(first), ...itemsOf(second)];
      const times = seen.map(({ createdAt }) => Number(createdAt));
      assert.strictEqual(new Set(seen.map(({ logId }) => logId)).size, 3);
      assert.deepStrictEqual(
        times,
        times.toSorted((a, b) => b - a),
      );
      assert.lengthOf(itemsOf(yield* at("status=SUCCESS")), 3);
      assert.lengthOf(itemsOf(yield* at("status=FAIL")), 0);
      assert.deepStrictEqual(fieldsOf(yield* at("status=LOST")), ["query.status"]);
    }),
  );
});

layer(Notices.service, { excludeTestServices: true })("channels over HTTP", (it) => {
  it.effect("a webhook is set by the brand's manager or a MASTER, and read back by nobody", () =>
    Effect.gen(function* () {
      const { http, tokens } = yield* ServiceTest;
      const brand = yield* Notices.brand();
      const set = yield* Notices.setChannel(brand);
      const shown = { brandId: brand.id, hasWebhook: true, isActive: true, disabledBy: null };
      assert.deepStrictEqual([set.status, set.body], [200, shown]);
      assert.deepStrictEqual((yield* http.get(channelOf(brand.id), { as: brand.manager })).body, shown);
      assert.deepStrictEqual(refused(yield* Notices.setChannel(brand, yield* tokens.partner)), [403, "SERV-007"]);
      assert.deepStrictEqual(refused(yield* http.get(channelOf(brand.id), { as: yield* tokens.partner })), [
        403,
        "SERV-007",
      ]);
      assert.strictEqual((yield* Notices.setChannel(brand, yield* tokens.master)).status, 200);
      const removed = yield* http.send("DELETE", channelOf(brand.id), { as: brand.manager });
      assert.strictEqual(removed.status, 204);
      const after = yield* http.get(channelOf(brand.id), { as: brand.manager });
      assert.deepStrictEqual(after.body, { ...shown, hasWebhook: false, isActive: false });
    }),
  );

  it.effect("the address of another host is refused, whatever it looks like, and never repeated", () =>
    Effect.gen(function* () {
      const { http } = yield* ServiceTest;
      const { id, manager } = yield* Notices.brand();
      const put = (webhookUrl: unknown) => http.send("PUT", channelOf(id), { as: manager, body: { webhookUrl } });
      const foreign = yield* put("http://10.0.0.1/services/T1/B1/secret");
      assert.deepStrictEqual(refused(foreign), [400, "NOTI-002"]);
      for (const url of ["http://x@y/services/T1/B1/secret?a", "ftp://a/services/a/b/c", "http://a/other", "", 7]) {
        const answer = yield* put(url);
        assert.deepStrictEqual([answer.status, fieldsOf(answer)], [400, ["webhookUrl"]], String(url));
        assert.notInclude(answer.text, "secret");
      }
    }),
  );

  it.effect("a brand that nobody has told of has no channel", () =>
    Effect.gen(function* () {
      const { http, tokens } = yield* ServiceTest;
      const id = yield* Ids.fresh;
      assert.deepStrictEqual(refused(yield* http.get(channelOf(id), { as: yield* tokens.master })), [404, "NOTI-001"]);
    }),
  );

  it.effect("no answer that is kept holds a webhook", () =>
    Effect.gen(function* () {
      const brand = yield* Notices.brandWithChannel();
      const sql = yield* SqlClient.SqlClient;
      const rows = yield* Effect.orDie(sql`SELECT 1 FROM inbox i WHERE to_jsonb(i)::text LIKE ${`%${brand.hook}%`}`);
      assert.deepStrictEqual(rows, []);
    }),
  );
});
