import { assert, layer } from "@effect/vitest";
import { Ids } from "@destiny/sdk/message";
import * as Effect from "effect/Effect";
import { ServiceTest } from "../shared/ServiceTest.ts";
import { type Answer, fieldsOf, itemsOf, nextOf } from "../shared/TestHttp.ts";
import * as Coupons from "./CouponTest.ts";

const codeOf = ({ body, status }: Answer) => [status, body["code"]];

layer(Coupons.service, { excludeTestServices: true })("coupon templates", (it) => {
  it.effect("a template is told to everybody as it was made, with what is left out filled in", () =>
    Effect.gen(function* () {
      const { http, tokens } = yield* ServiceTest;
      const body = yield* Coupons.bodyOf({ issueLimit: 5 });
      const created = yield* http.post("/v1/coupon-templates", { as: yield* tokens.master, body });
      const { createdAt, id, updatedAt, ...rest } = created.body;
      assert.deepStrictEqual([created.status, created.headers.location], [201, `/v1/coupon-templates/${String(id)}`]);
      assert.deepStrictEqual(rest, { ...body, maxDiscountAmount: null, validDays: 7, issuedCount: 0 });
      assert.strictEqual(createdAt, updatedAt);
      const got = yield* http.get(`/v1/coupon-templates/${String(id)}`, { as: yield* tokens.customer });
      assert.deepStrictEqual([got.status, got.body], [200, created.body]);
    }),
  );

  it.effect("a code is one template's, also when two ask at once, and also after it is gone", () =>
    Effect.gen(function* () {
      const { http, tokens } = yield* ServiceTest;
      const [as, body] = [yield* tokens.master, yield* Coupons.bodyOf()];
      const make = http.post("/v1/coupon-templates", { as, body });
      const both = yield* Effect.all([make, make], { concurrency: "unbounded" });
      assert.sameMembers(
        both.map(({ status }) => status),
        [201, 409],
      );
      const [winner] = both.filter(({ status }) => status === 201);
      yield* http.send("DELETE", `/v1/coupon-templates/${String(winner?.body["id"])}`, { as });
      assert.deepStrictEqual(codeOf(yield* make), [409, "COUPON-001"]);
    }),
  );

  it.effect("what does not fit together has the reference's codes, in creation and in replacement", () =>
    Effect.gen(function* () {
      const { http, tokens } = yield* ServiceTest;
      const as = yield* tokens.master;
      const id = yield* Coupons.template();
      const rate = { discountType: "RATE", discountValue: 10, maxDiscountAmount: 1000 };
      for (const [flaw, code] of [
        [{ availableFrom: 2, availableTo: 1 }, "COUPON-003"],
        [{ ...rate, discountValue: 101 }, "COUPON-004"],
        [{ ...rate, maxDiscountAmount: null }, "COUPON-005"],
      ] as const) {
        const body = yield* Coupons.bodyOf(flaw);
        assert.deepStrictEqual(codeOf(yield* http.post("/v1/coupon-templates", { as, body })), [400, code]);
        assert.deepStrictEqual(codeOf(yield* http.send("PUT", `/v1/coupon-templates/${id}`, { as, body })), [
          400,
          code,
        ]);
      }
      const moment = yield* http.post("/v1/coupon-templates", {
        as,
        body: yield* Coupons.bodyOf({ ...rate, discountValue: 100, availableFrom: 1, availableTo: 1 }),
      });
      assert.strictEqual(moment.status, 201, "a moment, and all of it off");
    }),
  );

  it.effect("values out of bounds are 400 and name every field, in creation and in replacement", () =>
    Effect.gen(function* () {
      const { http, tokens } = yield* ServiceTest;
      const as = yield* tokens.master;
      const id = yield* Coupons.template();
      const flaws = {
        name: "",
        discountValue: 0,
        minOrderAmount: -1,
        maxDiscountAmount: 0,
        issueLimit: 0,
        availableFrom: -1,
        availableTo: 1e300,
        validDays: 0,
      };
      const body = yield* Coupons.bodyOf(flaws);
      for (const answer of [
        yield* http.post("/v1/coupon-templates", { as, body }),
        yield* http.send("PUT", `/v1/coupon-templates/${id}`, { as, body }),
      ]) {
        assert.strictEqual(answer.status, 400);
        assert.sameMembers([...new Set(fieldsOf(answer))], Object.keys(flaws));
      }
      const code = yield* http.post("/v1/coupon-templates", {
        as,
        body: yield* Coupons.bodyOf({ code: "with blank" }),
      });
      assert.deepStrictEqual(fieldsOf(code), ["code"]);
    }),
  );

  it.effect(
    "a replacement replaces all but the code, clears what it leaves out, and never touches what was issued",
    () =>
      Effect.gen(function* () {
        const { http, tokens } = yield* ServiceTest;
        const [as, owner] = [yield* tokens.master, yield* tokens.customer];
        const id = yield* Coupons.template({ issueLimit: 9, maxDiscountAmount: 5000, validDays: 3 });
        const { body: coupon } = yield* Coupons.ask(id, owner);
        const next = yield* Coupons.bodyOf({ name: "new", discountValue: 1, code: "ignored" });
        const replaced = yield* http.send("PUT", `/v1/coupon-templates/${id}`, { as, body: next });
        assert.strictEqual(replaced.status, 200);
        const { createdAt: _, id: __, updatedAt: ___, code, ...rest } = replaced.body;
        const { code: ____, ...edit } = next;
        assert.deepStrictEqual(rest, {
          ...edit,
          issueLimit: null,
          maxDiscountAmount: null,
          validDays: 7,
          issuedCount: 1,
        });
        assert.notStrictEqual(code, "ignored");
        const kept = yield* http.get(`/v1/issued-coupons/${String(coupon["id"])}`, { as: owner });
        assert.deepStrictEqual(kept.body, coupon, "a promise is kept");
      }),
  );

  it.effect("a limit below what is issued is refused; raised, the sold out template goes on", () =>
    Effect.gen(function* () {
      const { http, tokens } = yield* ServiceTest;
      const as = yield* tokens.master;
      const body = yield* Coupons.bodyOf({ issueLimit: 2 });
      const id = yield* Coupons.template(body);
      for (let n = 0; n < 2; n++) assert.strictEqual((yield* Coupons.ask(id, yield* tokens.customer)).status, 201);
      const put = (issueLimit: number) =>
        http.send("PUT", `/v1/coupon-templates/${id}`, { as, body: { ...body, issueLimit } });
      const refused = yield* put(1);
      assert.deepStrictEqual([...codeOf(refused), refused.body["issuedCount"]], [409, "COUPON-006", 2]);
      // Twice, so that the second one meets the mark that the first one left.
      for (let n = 0; n < 2; n++) {
        assert.deepStrictEqual(codeOf(yield* Coupons.ask(id, yield* tokens.customer)), [400, "ISSUED-010"]);
      }
      assert.strictEqual((yield* put(3)).status, 200);
      assert.strictEqual((yield* Coupons.ask(id, yield* tokens.customer)).status, 201, "at once");
    }),
  );

  it.effect("a removed template is gone for everybody and issues nothing; its coupons stay", () =>
    Effect.gen(function* () {
      const { http, tokens } = yield* ServiceTest;
      const [as, owner] = [yield* tokens.master, yield* tokens.customer];
      const id = yield* Coupons.template();
      const { body: coupon } = yield* Coupons.ask(id, owner);
      const gone = yield* http.send("DELETE", `/v1/coupon-templates/${id}`, { as });
      assert.deepStrictEqual([gone.status, gone.text], [204, ""]);
      for (const answer of [
        yield* http.get(`/v1/coupon-templates/${id}`, { as }),
        yield* http.send("DELETE", `/v1/coupon-templates/${id}`, { as }),
        yield* http.send("PUT", `/v1/coupon-templates/${id}`, { as, body: yield* Coupons.bodyOf() }),
        yield* http.get(`/v1/coupon-templates/${yield* Ids.fresh}`, { as }),
      ]) {
        assert.deepStrictEqual(codeOf(answer), [404, "COUPON-002"]);
      }
      assert.deepStrictEqual(codeOf(yield* Coupons.ask(id, yield* tokens.customer)), [404, "ISSUED-001"]);
      const listed = itemsOf(yield* http.get("/v1/coupon-templates?limit=100", { as }));
      assert.notInclude(
        listed.map((one) => one["id"]),
        id,
      );
      assert.strictEqual((yield* http.get(`/v1/issued-coupons/${String(coupon["id"])}`, { as: owner })).status, 200);
    }),
  );

  it.effect("lists page newest first, each once, by parts of code and name in any case, and by type", () =>
    Effect.gen(function* () {
      const { http, tokens } = yield* ServiceTest;
      const as = yield* tokens.customer;
      const mark = `M${(yield* Ids.fresh).slice(-8)}`;
      const made: Array<string> = [];
      for (let n = 0; n < 5; n++) {
        const code = `${mark}-${n}`;
        const type = n % 2 === 0 ? {} : { discountType: "RATE", discountValue: 10, maxDiscountAmount: 1000 };
        made.unshift(yield* Coupons.template({ code, name: `봄 Sale 100% ${mark} ${n}`, ...type }));
      }
      const walk = Effect.fnUntraced(function* (filter: string) {
        const seen: Array<unknown> = [];
        let cursor: string | undefined = "";
        while (cursor !== undefined) {
          const page: Answer = yield* http.get(`/v1/coupon-templates?limit=2&${filter}&${cursor}`, { as });
          assert.isAtMost(itemsOf(page).length, 2);
          seen.push(...itemsOf(page).map(({ id }) => id));
          cursor = nextOf(page);
        }
        return seen;
      });
      assert.deepStrictEqual(yield* walk(`code=${mark.toLowerCase()}`), made);
      assert.deepStrictEqual(yield* walk(`name=${encodeURIComponent(`sale 100% ${mark}`)}`), made);
      assert.deepStrictEqual(yield* walk(`code=${mark}&discountType=RATE`), [made[1], made[3]]);
      assert.deepStrictEqual(yield* walk(`name=${encodeURIComponent(`S_le 100% ${mark}`)}`), [], "no wildcards");
      for (const query of ["limit=0", "discountType=FREE", "cursor=x", "name="]) {
        assert.strictEqual((yield* http.get(`/v1/coupon-templates?${query}`, { as })).status, 400, query);
      }
    }),
  );
});
