/**
 * Who may call what, as it is meant: written down once more than in the contracts, so that neither can be changed by mistake.
 *
 * An endpoint without an entry fails the walks, and so does an entry without an endpoint.
 */
import type { UserRole } from "./TestTokens.ts";

const everybody = ["CUSTOMER", "PARTNER", "MASTER"] as const;
const sellers = ["PARTNER", "MASTER"] as const;
const operators = ["MASTER"] as const;

export const userRoles: ReadonlyArray<UserRole> = everybody;

export const admission: Readonly<Record<string, "anybody" | ReadonlyArray<UserRole>>> = {
  "POST /v1/auths/signup/user": "anybody",
  "POST /v1/auths/signup/master": "anybody",
  "POST /v1/auths/login": "anybody",
  "POST /v1/auths/reissue": "anybody",
  "POST /v1/auths/logout": everybody,
  "GET /v1/users": operators,
  "GET /v1/users/:userId": everybody,
  "PATCH /v1/users/:userId": everybody,
  "DELETE /v1/users/:userId": everybody,
  "POST /v1/users/:userId/password": everybody,
  "POST /v1/users/:userId/status": operators,

  "GET /v1/products": "anybody",
  "GET /v1/products/:id": "anybody",
  "POST /v1/products": sellers,
  "PATCH /v1/products/:id": sellers,
  "DELETE /v1/products/:id": sellers,
  "POST /v1/products/:id/restock": sellers,

  "GET /v1/stocks/:productId": "anybody",
  "POST /v1/stocks/:productId/restock": operators,
  "POST /v1/stocks/:productId/adjust": operators,

  "POST /v1/orders": everybody,
  "GET /v1/orders": everybody,
  "GET /v1/orders/:id": everybody,
  "DELETE /v1/orders/:id": everybody,
  "PATCH /v1/orders/:id/cancel": everybody,
  "PATCH /v1/orders/:id/status": operators,

  "GET /v1/brands": "anybody",
  "GET /v1/brands/:brandId": "anybody",
  "POST /v1/brands": sellers,
  "PATCH /v1/brands/:brandId": sellers,
  "DELETE /v1/brands/:brandId": sellers,
  "GET /v1/brands/:brandId/orders": sellers,

  "POST /v1/payments/confirm": everybody,
  "GET /v1/payments": everybody,
  "GET /v1/payments/:orderId": everybody,
  "GET /v1/payments/:orderId/checkout": everybody,
  "POST /v1/payments/:orderId/reissue": everybody,
  "GET /v1/payments/:orderId/route": operators,
  "GET /v1/payments/gateways/health": operators,

  "POST /v1/brand-notifications/order-created": operators,
  "POST /v1/brand-notifications/saga-error": operators,
  "GET /v1/brand-notifications/logs": sellers,
  "GET /v1/brand-notifications/channels/:brandId": sellers,
  "PUT /v1/brand-notifications/channels/:brandId": sellers,
  "DELETE /v1/brand-notifications/channels/:brandId": sellers,

  "GET /v1/coupon-templates": everybody,
  "GET /v1/coupon-templates/:id": everybody,
  "POST /v1/coupon-templates": operators,
  "PUT /v1/coupon-templates/:id": operators,
  "DELETE /v1/coupon-templates/:id": operators,
  "POST /v1/coupons/:id/issue": everybody,
  "GET /v1/issued-coupons": everybody,
  "GET /v1/issued-coupons/:id": everybody,
  "PATCH /v1/issued-coupons/:id/cancel": operators,

  "GET /v1/sagas": operators,
  "GET /v1/sagas/dlq": operators,
  "GET /v1/sagas/:definition/:key": operators,
  "POST /v1/sagas/:definition/:key/:action": operators,

  "GET /v1/dead-letters": operators,
  "GET /v1/dead-letters/:id": operators,
  "POST /v1/dead-letters/:id/retry": operators,
  "POST /v1/dead-letters/:id/drop": operators,
};

/** Every service has these on its own port; no path outside says which of them is meant. */
export const isInside = (name: string): boolean => name.includes(" /v1/dead-letters");
