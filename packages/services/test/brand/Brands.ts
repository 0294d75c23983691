/** What the tests of the brand service have in common: the service, and brands. */
import * as Effect from "effect/Effect";
import * as Brand from "../../src/brand/layer.ts";
import { BrandId } from "../../src/contracts/index.ts";
import * as ServiceTest from "../shared/ServiceTest.ts";
import type { Shopper } from "../shared/TestTokens.ts";

export const service = ServiceTest.layer("brand", Brand.layer);

/** A brand of that manager; of a new partner unless one is given. */
export const brand = Effect.fnUntraced(function* (name = "무신사 스탠다드", as?: Shopper) {
  const { http, tokens } = yield* ServiceTest.ServiceTest;
  const manager = as ?? (yield* tokens.partner);
  const answer = yield* http.post("/v1/brands", { as: manager, body: { brandName: name } });
  if (answer.status !== 201) return yield* Effect.die(new Error(`${answer.status} ${answer.text}`));
  return { manager, id: BrandId.make(String(answer.body["brandId"])), answer };
});
