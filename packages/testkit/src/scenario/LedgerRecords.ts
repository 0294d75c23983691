/** What the entries of the shoppers' ledger add up to: one record an order, one an ask for a coupon. Pure. */
import type { Entry, Item } from "./LedgerEntry.ts";

/** One shopper's order as its entries tell it. */
export interface OrderRecord {
  readonly shopper: number;
  readonly userId: string;
  readonly idempotencyKey: string;
  readonly items: ReadonlyArray<Item>;
  readonly couponId?: string;
  readonly askedAt: number;
  /** The order id of the first 201. */
  orderId?: string;
  gotAt?: number;
  /** Other ids that the same key was answered with: each one is a violation. */
  readonly otherOrderIds: Array<string>;
  refusedWith?: number;
  /** Each state once, with the request and answer times of the first reading. */
  readonly states: Array<{
    readonly status: string;
    readonly reason?: string;
    readonly from: number;
    readonly at: number;
  }>;
  finalAmount?: number;
  readonly payments: Array<{
    readonly at: number;
    readonly provider: string;
    readonly vendorOrderId: string;
    readonly paymentKey: string;
    readonly amount: number;
  }>;
  readonly confirms: Array<{
    readonly from: number;
    readonly at: number;
    readonly httpStatus: number;
    readonly status?: string;
  }>;
  cancelAskedAt?: number;
}

/** One ask for a coupon. */
export interface CouponRecord {
  readonly shopper: number;
  readonly userId: string;
  readonly templateId: string;
  readonly idempotencyKey: string;
  readonly askedAt: number;
  /** The coupon that the shopper was first told to have: the one of this ask, or one that it had already. */
  couponId?: string;
  /** Other coupons that the same key was answered with: each one is a violation. */
  readonly otherCouponIds: Array<string>;
  /** The last one; none: the shopper was stopped before. */
  answer?: {
    readonly from: number;
    readonly at: number;
    readonly httpStatus: number;
    readonly code?: string;
  };
}

/** What the entries add up to: orders by shopper, asks for coupons by key. */
export interface Told {
  readonly orders: Map<number, OrderRecord>;
  readonly coupons: Map<string, CouponRecord>;
}

export const nothingTold = (): Told => ({ orders: new Map(), coupons: new Map() });

const foldCoupon = (
  coupons: Told["coupons"],
  entry: Extract<Entry, { readonly type: "couponAsked" | "couponAnswered" }>,
): void => {
  const known = coupons.get(entry.idempotencyKey);
  if (entry.type === "couponAsked") {
    if (known !== undefined) throw new Error(`shopper ${entry.shopper} asked twice under ${entry.idempotencyKey}`);
    const { at, idempotencyKey, shopper, templateId, userId } = entry;
    coupons.set(idempotencyKey, { shopper, userId, templateId, idempotencyKey, askedAt: at, otherCouponIds: [] });
    return;
  }
  if (known === undefined) throw new Error(`shopper ${entry.shopper}: ${entry.type} before asked`);
  const { at, code, couponId, from, httpStatus } = entry;
  known.answer = { from, at, httpStatus, ...(code === undefined ? {} : { code }) };
  if (couponId === undefined) return;
  if (known.couponId === undefined) known.couponId = couponId;
  else if (known.couponId !== couponId) known.otherCouponIds.push(couponId);
};

/** The one fold: the load process lives by it and the reader repeats it, so the two cannot differ. */
export const fold = ({ coupons, orders }: Told, entry: Entry): void => {
  if (entry.type === "couponAsked" || entry.type === "couponAnswered") return foldCoupon(coupons, entry);
  if (entry.type === "asked") {
    if (orders.has(entry.shopper)) throw new Error(`shopper ${entry.shopper} asked for a second order`);
    const { shopper, userId, idempotencyKey, items, couponId, at } = entry;
    orders.set(shopper, {
      shopper,
      userId,
      idempotencyKey,
      items,
      ...(couponId === undefined ? {} : { couponId }),
      askedAt: at,
      otherOrderIds: [],
      states: [],
      payments: [],
      confirms: [],
    });
    return;
  }
  if (entry.type === "run" || entry.type === "closed" || entry.type === "note") return;
  const order = orders.get(entry.shopper);
  if (order === undefined) throw new Error(`shopper ${entry.shopper}: ${entry.type} before asked`);
  switch (entry.type) {
    case "got":
      if (order.orderId === undefined) {
        order.orderId = entry.orderId;
        order.gotAt = entry.at;
        order.states.push({ status: entry.status, from: entry.from, at: entry.at });
      } else if (order.orderId !== entry.orderId) {
        order.otherOrderIds.push(entry.orderId);
      }
      return;
    case "refused":
      order.refusedWith = entry.status;
      return;
    case "seen": {
      if (entry.finalAmount !== undefined) order.finalAmount = entry.finalAmount;
      const { status, reason, from, at } = entry;
      const last = order.states.at(-1);
      if (last?.status === status && last.reason === reason) return;
      order.states.push({ status, ...(reason === undefined ? {} : { reason }), from, at });
      return;
    }
    case "paid": {
      const { at, provider, vendorOrderId, paymentKey, amount } = entry;
      order.payments.push({ at, provider, vendorOrderId, paymentKey, amount });
      return;
    }
    case "confirmed": {
      const { from, at, httpStatus, status } = entry;
      order.confirms.push({ from, at, httpStatus, ...(status === undefined ? {} : { status }) });
      return;
    }
    case "cancelAsked":
      order.cancelAskedAt = entry.at;
      return;
  }
};
