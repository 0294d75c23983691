/** What the sagas have in common about an order's coupon, which most orders do not have. */
import type { CouponId } from "../contracts/index.ts";

interface WithCoupon {
  readonly couponId: CouponId | null;
}

/** The `when` of every step that is about the coupon. */
export const hasCoupon = ({ couponId }: WithCoupon): boolean => couponId !== null;

/** @throws for an order without one, which a step with {@link hasCoupon} never sees. */
export const couponOf = ({ couponId }: WithCoupon): CouponId => {
  if (couponId === null) throw new Error("a step about a coupon, of an order without one");
  return couponId;
};
