/** Where an order or an ask for a coupon stands, and the sums over a run. Pure; the sums add up by construction. */
import type { CouponRecord, OrderRecord } from "./LedgerRecords.ts";
import type { Coupons, Orders } from "./Summary.ts";

export type Outcome = "refused" | "completed" | "soldOut" | "unpaid" | "cancelled" | "failed" | "open";

/** An order whose cancellation failed counts as failed: the shopper did not get what it asked for last. */
export const outcome = (order: OrderRecord): Outcome => {
  if (order.orderId === undefined) return "refused";
  const last = order.states.at(-1);
  switch (last?.status) {
    case "COMPLETED":
      return order.cancelAskedAt === undefined ? "completed" : "open";
    case "CANCELED":
      return "cancelled";
    case "CANCEL_FAILED":
      return "failed";
    case "FAILED":
      return last.reason === "SOLD_OUT" ? "soldOut" : last.reason === "PAYMENT_EXPIRED" ? "unpaid" : "failed";
    default:
      return "open";
  }
};

const afterPayable = new Set(["WAITING_PAYMENT", "PAYMENT_REVIEW", "COMPLETED", "CANCEL_REQUESTED", "CANCEL_FAILED"]);
const reasonsAfterPayable = new Set(["PAYMENT_EXPIRED", "DECLINED", "STOCK_GONE"]);

/** Read as WAITING_PAYMENT, or in a state that is only reached through it (the shopper may have looked away). */
export const wasPayable = (order: OrderRecord): boolean =>
  order.states.some(
    ({ status, reason }) => afterPayable.has(status) || (status === "FAILED" && reasonsAfterPayable.has(reason ?? "")),
  );

export interface Arrivals {
  /** Order arrivals whose time has come, or that never will start. */
  readonly offered: number;
  readonly dropped: number;
  /** Started and still before a 201; they are in no sum but `offered` until they end. */
  readonly sending: number;
}

export const orders = (records: Iterable<OrderRecord>, arrivals: Arrivals): Orders => {
  const sums = { placed: 0, payable: 0, completed: 0, soldOut: 0, unpaid: 0, cancelled: 0, failed: 0, open: 0 };
  let turnedAway = 0;
  for (const record of records) {
    const now = outcome(record);
    if (now === "refused") {
      if (record.refusedWith === 503 || record.refusedWith === 429) turnedAway += 1;
      continue;
    }
    sums.placed += 1;
    sums[now] += 1;
    if (wasPayable(record)) sums.payable += 1;
  }
  const refused = arrivals.offered - arrivals.dropped - arrivals.sending - sums.placed;
  return { offered: arrivals.offered, ...sums, refused, unanswered: refused - turnedAway };
};

/** The shop's codes for an ask that was understood and not granted. */
const couponCodes: Readonly<Record<string, "duplicate" | "soldOut">> = {
  "ISSUED-003": "duplicate",
  "ISSUED-010": "soldOut",
};

/** `refused` is everything that says neither yes nor why not, silence included. */
export const couponOutcome = ({ answer }: CouponRecord): Exclude<keyof Coupons, "offered"> =>
  answer?.httpStatus === 201 ? "issued" : (couponCodes[answer?.code ?? ""] ?? "refused");

export const coupons = (records: Iterable<CouponRecord>): Coupons => {
  const sums = { offered: 0, issued: 0, soldOut: 0, duplicate: 0, refused: 0 };
  for (const record of records) {
    sums.offered += 1;
    sums[couponOutcome(record)] += 1;
  }
  return sums;
};
