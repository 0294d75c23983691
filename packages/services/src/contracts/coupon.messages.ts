/** What the coupon context is asked. The key of both commands is the order, which uses at most one coupon. */
import { Message } from "@destiny/sdk/message";
import * as Schema from "effect/Schema";
import { CouponId, Instant, OrderId, PricedLine, ProductId, UserId, Won } from "./common.ts";
import { couponCommands } from "./topics.ts";

const key = ({ orderId }: { readonly orderId: OrderId }): string => orderId;

/** What a coupon takes off an order: `discount` is exactly the sum of the lines, each at most what its line costs. */
export const Discount = Schema.Struct({
  discount: Won,
  lines: Schema.Array(Schema.Struct({ productId: ProductId, discount: Won })),
});
export type Discount = typeof Discount.Type;

export const UseRefusal = Schema.Union([
  /** Also somebody else's coupon. */
  Schema.TaggedStruct("NotFound", {}),
  Schema.TaggedStruct("AlreadyUsed", {}),
  Schema.TaggedStruct("Expired", { expiresAt: Instant }),
  Schema.TaggedStruct("Revoked", {}),
  Schema.TaggedStruct("BelowMinimum", { minOrderAmount: Won }),
  /** The use was undone before it was asked for. */
  Schema.TaggedStruct("Cancelled", {}),
]);
export type UseRefusal = typeof UseRefusal.Type;

/** Spends the user's coupon on an order. Whatever is asked again is answered as the first time. */
export const UseCoupon = Message.command("coupon.use.v1", {
  topic: couponCommands,
  payload: Schema.Struct({
    orderId: OrderId,
    userId: UserId,
    couponId: CouponId,
    lines: Schema.Array(PricedLine),
    /** The sum of the lines: a sender that adds up otherwise is in error. */
    amount: Won,
  }),
  key,
  success: Discount,
  refusal: UseRefusal,
});

/** The order came to nothing: its coupon can be used again. Succeeds also when there is nothing to return. */
export const ReturnCoupon = Message.command("coupon.return.v1", {
  topic: couponCommands,
  payload: Schema.Struct({ orderId: OrderId, couponId: CouponId }),
  key,
  success: Schema.Struct({}),
  refusal: Schema.Never,
});
