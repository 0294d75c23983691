import { assert, describe, it } from "@effect/vitest";
import { Ledger, Summary } from "@destiny/testkit/scenario";
import * as Effect from "effect/Effect";
import * as fs from "node:fs";
import * as path from "node:path";
import { witnessesOf } from "../../src/run/verify.ts";
import { temporaryHome } from "../fixtures/tools.ts";

describe("the shoppers of a run as witnesses", () => {
  it.live("say of an ask for a coupon what they have, or why they have none; an unclear answer says neither", () =>
    Effect.gen(function* () {
      const folder = path.join(yield* temporaryHome, "run");
      fs.mkdirSync(folder, { recursive: true });
      const writer = yield* Effect.promise(() => Ledger.write(path.join(folder, Summary.files.ledger)));
      writer.append({ type: "run", at: 1, run: "r", scenario: "s", seed: 1 });
      const answers = {
        won: { httpStatus: 201, couponId: "c" },
        again: { httpStatus: 409, code: "ISSUED-003", couponId: "c" },
        late: { httpStatus: 400, code: "ISSUED-010" },
        busy: { httpStatus: 503, code: "SERV-503" },
        unanswered: undefined,
      };
      for (const [idempotencyKey, answer] of Object.entries(answers)) {
        const shared = { shopper: 3, idempotencyKey };
        writer.append({ type: "couponAsked", ...shared, at: 2, userId: "u", templateId: "t" });
        if (answer !== undefined) writer.append({ type: "couponAnswered", ...shared, from: 2, at: 3, ...answer });
      }
      yield* Effect.promise(() => writer.close());
      const { coupons, shoppers } = yield* witnessesOf(folder);
      assert.deepStrictEqual(shoppers, []);
      const ask = { userId: "u", templateId: "t", askedAt: 2, answeredAt: 3, otherCouponIds: [] };
      assert.deepStrictEqual(coupons, [
        { ...ask, couponId: "c", refusedWith: null },
        { ...ask, couponId: "c", refusedWith: null },
        { ...ask, couponId: null, refusedWith: "ISSUED-010" },
        { ...ask, couponId: null, refusedWith: null },
        { ...ask, answeredAt: null, couponId: null, refusedWith: null },
      ]);
    }),
  );
});
