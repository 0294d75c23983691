/**
 * A good request to every endpoint that takes a body, with every field that it may have. An endpoint without an entry fails the walks
 * over bad input, and so does an example that lacks a field.
 */
import { someId } from "./Endpoints.ts";

const profile = {
  email: "kim@example.com",
  nickname: "하나",
  phone: "010-1234-5678",
  zipcode: "04524",
  address1: "서울 중구 세종대로 110",
  address2: "2층",
};

const account = { ...profile, username: "kimhana", password: "Secret1!x", birth: "1990-12-31" };

const template = {
  name: "Black Friday",
  discountType: "RATE",
  discountValue: 10,
  minOrderAmount: 1000,
  maxDiscountAmount: 5000,
  issueLimit: 100,
  availableFrom: 0,
  availableTo: 253_402_300_799_999,
  validDays: 7,
};

type Json = null | boolean | number | string | ReadonlyArray<Json> | { readonly [name: string]: Json };

export const bodies: Readonly<Record<string, Json>> = {
  "POST /v1/auths/signup/user": account,
  "POST /v1/auths/signup/master": { ...account, adminToken: "not the token" },
  "POST /v1/auths/login": { username: "kimhana", password: "Secret1!x" },
  "POST /v1/auths/reissue": { refreshToken: "not.a.token" },
  "PATCH /v1/users/:userId": profile,
  "POST /v1/users/:userId/password": { currentPassword: "Secret1!x", newPassword: "Other1!xyz" },
  "POST /v1/users/:userId/status": { userStatus: "INACTIVE", userRole: "PARTNER" },

  "POST /v1/products": { brandId: someId, name: "Sock", price: 1000, color: "red", size: "M", quantity: 3 },
  "PATCH /v1/products/:id": { name: "Sock", price: 1000, color: "red", size: "M", status: "HIDED" },
  "POST /v1/products/:id/restock": { quantity: 5 },

  "POST /v1/stocks/:productId/restock": { quantity: 5 },
  "POST /v1/stocks/:productId/adjust": { delta: -5, reason: "counted" },

  "POST /v1/orders": {
    recipientName: "김하나",
    recipientPhone: "010-1234-5678",
    zipcode: "04524",
    address1: "서울 중구 세종대로 110",
    address2: "2층",
    deliveryMessage: "문 앞에 놓아 주세요",
    items: [{ productId: someId, quantity: 1 }],
    couponId: someId,
  },
  "PATCH /v1/orders/:id/cancel": { message: "changed my mind" },
  "PATCH /v1/orders/:id/status": { deliveryStatus: "SHIPPING" },

  "POST /v1/brands": { brandName: "Sock & Sons" },
  "PATCH /v1/brands/:brandId": { managerId: someId, brandName: "Sock & Sons" },

  "POST /v1/payments/confirm": { orderId: someId, provider: "TOSSPAYMENTS", paymentKey: "pk_1", amount: 1000 },
  "POST /v1/payments/:orderId/reissue": { provider: "TOSSPAYMENTS" },

  "POST /v1/brand-notifications/order-created": {
    orderId: someId,
    brandId: someId,
    orderNumber: "2026-1",
    buyerName: "김하나",
    buyerEmail: "kim@example.com",
    productName: "Sock",
    option: "red, M",
    quantity: 1,
    totalPrice: 1000,
    message: "an order",
  },
  "POST /v1/brand-notifications/saga-error": {
    orderId: someId,
    brandId: someId,
    stage: "hold stock",
    errorCode: "SAS-001",
    errorMessage: "sold out",
    message: "an order failed",
  },
  "PUT /v1/brand-notifications/channels/:brandId": {
    webhookUrl: "http://127.0.0.1:18204/services/T000/B000/abc",
    isActive: true,
  },

  "POST /v1/coupon-templates": { code: "BF-2026", ...template },
  "PUT /v1/coupon-templates/:id": template,
  "PATCH /v1/issued-coupons/:id/cancel": { orderId: someId },

  "POST /v1/sagas/:definition/:key/:action": { note: "the vendor said so" },
};
