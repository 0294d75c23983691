/** What the services say to each other and to the world. The only thing that one service may know of another. */
export * from "./common.ts";
export * as Topics from "./topics.ts";
export * from "./brand.api.ts";
export * from "./brand.messages.ts";
export * from "./coupon.api.ts";
export * from "./coupon.messages.ts";
export * from "./dead-letters.api.ts";
export * from "./order.api.ts";
export * from "./order.facts.ts";
export * from "./order.messages.ts";
export * from "./payment.api.ts";
export * from "./payment.messages.ts";
export * from "./product.api.ts";
export * from "./product.messages.ts";
export * from "./saga.api.ts";
export * from "./stock.api.ts";
export * from "./stock.messages.ts";
export * from "./user.api.ts";
