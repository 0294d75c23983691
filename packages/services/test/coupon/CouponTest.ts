/** What the tests of the coupon service have in common: the service, templates, and orders that use coupons. */
import { Ids } from "@destiny/sdk/message";
import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import {
  BrandId,
  CouponId,
  OrderId,
  type PricedLine,
  ProductId,
  UseCoupon,
  type UserId,
  Won,
} from "../../src/contracts/index.ts";
import * as Coupon from "../../src/coupon/layer.ts";
import * as ServiceTest from "../shared/ServiceTest.ts";
import type { Shopper } from "../shared/TestTokens.ts";

export const service = ServiceTest.layer("coupon", Coupon.layer);

/** What has been stored, by code or by any other name. */
export type Body = Readonly<Record<string, unknown>>;

/** The body of a template that is open for an hour: 3,000 won off, without a limit. */
export const bodyOf = Effect.fnUntraced(function* (more: Body = {}) {
  const now = yield* Clock.currentTimeMillis;
  const body: Body = {
    code: `C-${(yield* Ids.fresh).slice(-12)}-${(yield* Ids.fresh).slice(0, 8)}`,
    name: "3,000원 할인",
    discountType: "FIXED",
    discountValue: 3000,
    minOrderAmount: 0,
    availableFrom: now - 60_000,
    availableTo: now + 3_600_000,
    ...more,
  };
  return body;
});

/** A MASTER makes a template; answers its id. */
export const template = Effect.fnUntraced(function* (more: Body = {}) {
  const { http, tokens } = yield* ServiceTest.ServiceTest;
  const answer = yield* http.post("/v1/coupon-templates", { as: yield* tokens.master, body: yield* bodyOf(more) });
  if (answer.status !== 201) return yield* Effect.die(new Error(`${answer.status} ${answer.text}`));
  return String(answer.body["id"]);
});

/** Asks for a coupon; under a key of its own unless one is given. */
export const ask = Effect.fnUntraced(function* (templateId: string, as: Shopper, key?: string) {
  const { http } = yield* ServiceTest.ServiceTest;
  return yield* http.post(`/v1/coupons/${templateId}/issue`, { as, key: key ?? (yield* Ids.fresh) });
});

/** A coupon in the hands of its owner. */
export const issued = Effect.fnUntraced(function* (of: Body = {}) {
  const { tokens } = yield* ServiceTest.ServiceTest;
  const owner = yield* tokens.customer;
  const answer = yield* ask(yield* template(of), owner);
  if (answer.status !== 201) return yield* Effect.die(new Error(`${answer.status} ${answer.text}`));
  return { owner, couponId: CouponId.make(String(answer.body["id"])) };
});

export const newOrder = Effect.map(Ids.fresh, (id) => OrderId.make(id));

export const lineOf = Effect.fnUntraced(function* (unitPrice: number, quantity = 1) {
  const line: PricedLine = {
    productId: ProductId.make(yield* Ids.fresh),
    brandId: BrandId.make("0190a000-0000-7000-8000-00000000b0b0"),
    quantity,
    unitPrice: Won.make(unitPrice),
  };
  return line;
});

type Use = typeof UseCoupon.payload.Type;

/** An order over lines at these prices, one piece each, that wants to use the coupon. */
export const useOf = Effect.fnUntraced(function* (
  of: { readonly couponId: CouponId; readonly userId: UserId; readonly orderId?: OrderId },
  ...prices: ReadonlyArray<number>
) {
  const lines = yield* Effect.forEach(prices, (price) => lineOf(price));
  const amount = Won.make(prices.reduce((sum, price) => sum + price, 0));
  const use: Use = { ...of, orderId: of.orderId ?? (yield* newOrder), lines, amount };
  return use;
});
