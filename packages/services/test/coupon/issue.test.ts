import { assert, layer } from "@effect/vitest";
import { Ids } from "@destiny/sdk/message";
import { QuotaAudit } from "@destiny/sdk/quota";
import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import * as SqlClient from "effect/sql/SqlClient";
import { CouponId, UseCoupon } from "../../src/contracts/index.ts";
import { ServiceTest } from "../shared/ServiceTest.ts";
import { type Answer, fieldsOf, itemsOf, nextOf } from "../shared/TestHttp.ts";
import * as Coupons from "./CouponTest.ts";

const codeOf = ({ body, status }: Answer) => [status, body["code"]];
const dayMillis = 86_400_000;

layer(Coupons.service, { excludeTestServices: true })("issuing coupons", (it) => {
  it.effect("a coupon carries the promise of its template, its number and its own end", () =>
    Effect.gen(function* () {
      const { http, tokens } = yield* ServiceTest;
      const owner = yield* tokens.customer;
      const body = yield* Coupons.bodyOf({ validDays: 3, minOrderAmount: 10_000 });
      const templateId = yield* Coupons.template(body);
      const before = yield* Clock.currentTimeMillis;
      const answer = yield* Coupons.ask(templateId, owner);
      const { expiresAt, id, issuedAt, ...rest } = answer.body;
      assert.deepStrictEqual([answer.status, answer.headers.location], [201, `/v1/issued-coupons/${String(id)}`]);
      assert.deepStrictEqual(rest, {
        templateId,
        userId: owner.userId,
        code: body["code"],
        name: body["name"],
        discountType: "FIXED",
        discountValue: 3000,
        minOrderAmount: 10_000,
        maxDiscountAmount: null,
        serial: 1,
        status: "AVAILABLE",
        orderId: null,
        usedAt: null,
      });
      assert.isAtLeast(Number(issuedAt), before);
      assert.strictEqual(Number(expiresAt), Number(issuedAt) + 3 * dayMillis);
      assert.deepStrictEqual((yield* http.get(`/v1/issued-coupons/${String(id)}`, { as: owner })).body, answer.body);
    }),
  );

  it.effect("everybody asks at once, some twice: exactly the limit, one a user, and every loser is told so", () =>
    Effect.gen(function* () {
      const { tokens } = yield* ServiceTest;
      const sql = yield* SqlClient.SqlClient;
      const templateId = yield* Coupons.template({ issueLimit: 20 });
      const users = yield* Effect.replicateEffect(tokens.customer, 60);
      const asks = [...users, ...users.slice(0, 30)];
      const answers = yield* Effect.forEach(asks, (as) => Coupons.ask(templateId, as), { concurrency: "unbounded" });
      const won = answers.filter(({ status }) => status === 201);
      assert.lengthOf(won, 20);
      assert.deepStrictEqual(
        won.map(({ body }) => Number(body["serial"])).sort((a, b) => a - b),
        Array.from({ length: 20 }, (_, index) => index + 1),
      );
      assert.strictEqual(new Set(won.map(({ body }) => body["userId"])).size, 20);
      for (const lost of answers.filter(({ status }) => status !== 201)) {
        const [status, code] = codeOf(lost);
        assert.include(["409 ISSUED-003", "400 ISSUED-010"], `${String(status)} ${String(code)}`);
      }
      const { violations } = yield* Effect.provideService(QuotaAudit.audit, SqlClient.SqlClient, sql);
      assert.deepStrictEqual(violations, []);
    }),
  );

  it.effect("who has one is told which, also when nothing is left and losers are answered from memory", () =>
    Effect.gen(function* () {
      const { tokens } = yield* ServiceTest;
      const sql = yield* SqlClient.SqlClient;
      const templateId = yield* Coupons.template({ issueLimit: 1 });
      const [winner, loser] = [yield* tokens.customer, yield* tokens.customer];
      const key = yield* Ids.fresh;
      const won = yield* Coupons.ask(templateId, winner, key);
      const inputs = Effect.map(
        sql<{ readonly n: number }>`SELECT count(*)::int AS n FROM inbox`,
        (rows) => rows[0]?.n ?? 0,
      );
      assert.deepStrictEqual(codeOf(yield* Coupons.ask(templateId, loser)), [400, "ISSUED-010"]);
      yield* Effect.sleep("50 millis");
      const before = yield* inputs;
      for (let n = 0; n < 5; n++) {
        assert.deepStrictEqual(codeOf(yield* Coupons.ask(templateId, loser)), [400, "ISSUED-010"]);
      }
      const again = yield* Coupons.ask(templateId, winner, key);
      assert.deepStrictEqual([again.status, again.body], [201, won.body], "the same key, the same answer");
      const other = yield* Coupons.ask(templateId, winner);
      assert.deepStrictEqual([...codeOf(other), other.body["couponId"]], [409, "ISSUED-003", won.body["id"]]);
      assert.strictEqual(yield* inputs, before, "nothing is stored for those who are turned away");
    }),
  );

  it.effect("a key that was refused for another template stays refused, whatever the memory says of this one", () =>
    Effect.gen(function* () {
      const { tokens } = yield* ServiceTest;
      const [open, gone] = [yield* Coupons.template(), yield* Coupons.template({ issueLimit: 1 })];
      const [winner, loser] = [yield* tokens.customer, yield* tokens.customer];
      assert.strictEqual((yield* Coupons.ask(open, winner, "used")).status, 201);
      assert.strictEqual((yield* Coupons.ask(gone, winner)).status, 201);
      assert.strictEqual((yield* Coupons.ask(gone, loser)).status, 400);
      yield* Effect.sleep("50 millis");
      assert.deepStrictEqual(codeOf(yield* Coupons.ask(gone, winner, "used")), [422, "SERV-010"]);
    }),
  );

  it.effect("a key is needed, and names one request: with another template it is refused", () =>
    Effect.gen(function* () {
      const { http, tokens } = yield* ServiceTest;
      const as = yield* tokens.customer;
      const [one, two] = [yield* Coupons.template(), yield* Coupons.template()];
      const without = yield* http.post(`/v1/coupons/${one}/issue`, { as });
      assert.deepStrictEqual([without.status, fieldsOf(without)], [400, ["header.idempotency-key"]]);
      assert.strictEqual((yield* Coupons.ask(one, as, "k")).status, 201);
      assert.deepStrictEqual(codeOf(yield* Coupons.ask(two, as, "k")), [422, "SERV-010"]);
    }),
  );

  it.effect("only in the template's time, and only of a template that there is", () =>
    Effect.gen(function* () {
      const { tokens } = yield* ServiceTest;
      const as = yield* tokens.customer;
      const now = yield* Clock.currentTimeMillis;
      const over = { availableFrom: now - 7_200_000, availableTo: now - 3_600_000 };
      const ahead = { availableFrom: now + 3_600_000, availableTo: now + 7_200_000 };
      for (const when of [over, ahead]) {
        const answer = yield* Coupons.ask(yield* Coupons.template(when), as);
        assert.deepStrictEqual(codeOf(answer), [400, "ISSUED-002"]);
        assert.deepInclude(answer.body, when);
      }
      assert.deepStrictEqual(codeOf(yield* Coupons.ask(yield* Ids.fresh, as)), [404, "ISSUED-001"]);
    }),
  );
});

layer(Coupons.service, { excludeTestServices: true })("reading coupons", (it) => {
  it.effect("somebody else's coupon is as unknown as one that never was; a MASTER sees it", () =>
    Effect.gen(function* () {
      const { http, tokens } = yield* ServiceTest;
      const { couponId } = yield* Coupons.issued();
      for (const [id, as] of [
        [couponId, yield* tokens.customer],
        [yield* Ids.fresh, yield* tokens.customer],
      ] as const) {
        assert.deepStrictEqual(codeOf(yield* http.get(`/v1/issued-coupons/${id}`, { as })), [404, "ISSUED-004"]);
      }
      assert.strictEqual((yield* http.get(`/v1/issued-coupons/${couponId}`, { as: yield* tokens.master })).status, 200);
    }),
  );

  it.effect("one's own are listed newest first, each once, by where they stand now", () =>
    Effect.gen(function* () {
      const { bus, http, tokens } = yield* ServiceTest;
      const sql = yield* SqlClient.SqlClient;
      const [as, other] = [yield* tokens.customer, yield* tokens.customer];
      const mine: Array<string> = [];
      for (let n = 0; n < 5; n++) {
        const templateId = yield* Coupons.template();
        yield* Coupons.ask(templateId, other);
        mine.unshift(String((yield* Coupons.ask(templateId, as)).body["id"]));
      }
      const walk = Effect.fnUntraced(function* (filter: string) {
        const seen: Array<unknown> = [];
        let cursor: string | undefined = "";
        while (cursor !== undefined) {
          const page: Answer = yield* http.get(`/v1/issued-coupons?limit=2&${filter}&${cursor}`, { as });
          seen.push(...itemsOf(page).map(({ id }) => id));
          cursor = nextOf(page);
        }
        return seen;
      });
      assert.deepStrictEqual(yield* walk(""), mine);
      const [used = "", expired = "", ...rest] = mine;
      const use = yield* Coupons.useOf({ couponId: CouponId.make(used), userId: as.userId }, 9000);
      yield* bus.ask(UseCoupon, use);
      yield* sql`UPDATE quota_grant SET until = now(), version = version + 1 WHERE id = ${expired}`;
      assert.deepStrictEqual(yield* walk("status=USED"), [used]);
      assert.deepStrictEqual(yield* walk("status=EXPIRED"), [expired]);
      assert.deepStrictEqual(yield* walk("status=AVAILABLE"), rest);
      const shown = yield* http.get(`/v1/issued-coupons/${expired}`, { as });
      assert.strictEqual(shown.body["status"], "EXPIRED");
      assert.strictEqual((yield* http.get("/v1/issued-coupons?status=GONE", { as })).status, 400);
    }),
  );
});
