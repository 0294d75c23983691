/** Which service answers which path. Paths are not rewritten; whatever is not listed does not exist outside. */
import type { ServiceName } from "../catalogue.ts";

export const routes: ReadonlyArray<readonly [prefix: string, service: ServiceName]> = [
  ["/v1/auths", "user"],
  ["/v1/users", "user"],
  ["/.well-known/jwks.json", "user"],
  ["/v1/products", "product"],
  ["/v1/stocks", "stock"],
  ["/v1/orders", "order"],
  ["/v1/brands", "brand"],
  ["/v1/payments", "payment"],
  ["/v1/brand-notifications", "notification"],
  ["/v1/coupon-templates", "coupon"],
  ["/v1/coupons", "coupon"],
  ["/v1/issued-coupons", "coupon"],
  ["/v1/sagas", "saga"],
];
