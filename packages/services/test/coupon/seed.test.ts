import { assert, layer } from "@effect/vitest";
import { Ids } from "@destiny/sdk/message";
import * as Effect from "effect/Effect";
import { CouponTemplateId, Won } from "../../src/contracts/index.ts";
import { type InitialTemplate, seed } from "../../src/coupon/seed.ts";
import { ServiceTest } from "../shared/ServiceTest.ts";
import * as Coupons from "./CouponTest.ts";

const initial = Effect.map(Ids.fresh, (id): InitialTemplate => ({
  id: CouponTemplateId.make(id),
  code: "DROP",
  name: "15%",
  discountType: "RATE",
  discountValue: Won.make(15),
  minOrderAmount: Won.make(0),
  maxDiscountAmount: Won.make(30_000),
  issueLimit: 2,
  availableFrom: 0,
  availableTo: Date.UTC(2100, 0, 1) - 1,
  validDays: 7,
  createdAt: 0,
}));

layer(Coupons.service, { excludeTestServices: true })("seeding templates", (it) => {
  it.effect("a seeded template is shown and issued as any other, and seeding again neither resets nor renames it", () =>
    Effect.gen(function* () {
      const { http, tokens } = yield* ServiceTest;
      const template = yield* initial;
      yield* seed([template]);
      const issue = Effect.flatMap(tokens.customer, (owner) => Coupons.ask(template.id, owner));
      assert.strictEqual((yield* issue).status, 201);
      yield* seed([{ ...template, name: "another", issueLimit: 5 }]);
      assert.strictEqual((yield* issue).body["serial"], 2);
      assert.strictEqual((yield* issue).body["code"], "ISSUED-010");
      const shown = yield* http.get(`/v1/coupon-templates/${template.id}`, { as: yield* tokens.customer });
      assert.deepStrictEqual(shown.body, { ...template, issuedCount: 2, updatedAt: template.createdAt });
    }),
  );
});
