/**
 * From an order to a paid and claimed one, or back to nothing.
 *
 * Validate products and prices, hold stock, use the coupon, open payment, tell the order that it can be paid, wait for the
 * money, claim the stock, complete. An order that costs nothing opens no payment and waits for none. Before the money
 * everything is undone in reverse; after it the saga only goes forward, and a hold that expired under a paid order takes the
 * path `stock gone`: refund, return the coupon, and close the order with its reason.
 */
import { Saga } from "@destiny/sdk/saga";
import * as Schema from "effect/Schema";
import {
  AwaitPayment,
  ClaimStock,
  CloseOrder,
  ClosePayment,
  CompleteOrder,
  CouponId,
  type Discount,
  ExtendHold,
  FailureReason,
  HoldStock,
  Lines,
  OpenPayment,
  OrderCancelRequested,
  OrderId,
  OrderPlaced,
  PaymentSettled,
  type PricedLine,
  RefundPayment,
  ReleaseStock,
  ReturnCoupon,
  SoldLine,
  UseCoupon,
  UserId,
  ValidateProducts,
  VoidPayment,
  Won,
} from "../contracts/index.ts";
import { couponOf, hasCoupon } from "./Coupons.ts";

export interface Windows {
  /** How long the shopper may pay. */
  readonly paymentMillis: number;
  /** How long a hold lives: longer than the payment window with all that may follow it. */
  readonly holdMillis: number;
}

const Data = Schema.Struct({
  orderId: OrderId,
  userId: UserId,
  lines: Lines,
  couponId: Schema.NullOr(CouponId),
  /** Fixed by the products' validation, never again read from a catalogue; the coupon takes its part off. */
  priced: Schema.Array(SoldLine),
  /** What has to be paid. */
  amount: Won,
});
type Data = typeof Data.Type;

/** The products' validation refuses more than a `Won` can say. */
const total = (lines: ReadonlyArray<PricedLine>): Won =>
  Won.make(lines.reduce((sum, { quantity, unitPrice }) => sum + quantity * unitPrice, 0));

const withoutDiscount = (lines: ReadonlyArray<PricedLine>): Data["priced"] =>
  lines.map((line) => ({ ...line, discount: Won.make(0) }));

/** The coupon's parts, line by line: it was told the same lines. */
const discounted = (data: Data, { discount, lines }: Discount): Data => {
  const parts = new Map(lines.map((line) => [line.productId, line.discount]));
  return {
    ...data,
    priced: data.priced.map((line) => ({ ...line, discount: parts.get(line.productId) ?? line.discount })),
    amount: Won.make(data.amount - discount),
  };
};

const costs = ({ amount }: Data): boolean => amount > 0;

const ofOrder = ({ orderId }: Data) => ({ orderId });

const returnCoupon = Saga.ask(ReturnCoupon, (data: Data) => ({ orderId: data.orderId, couponId: couponOf(data) }));

/** A reason is a code, and what a person wants to know behind it. */
const because = (code: FailureReason, detail: string): string => `${code} ${detail}`;

type Close = typeof CloseOrder.payload.Type;

const stockGone: Close["outcome"] = {
  _tag: "Failed",
  reason: "STOCK_GONE",
  detail: "the hold had expired; the payment was refunded",
};

const isReason = Schema.is(FailureReason);

const outcomeOf = (failure: Saga.Failure | null): Close["outcome"] => {
  if (failure?.cancelled === true) return { _tag: "Canceled" };
  const [code = "", ...detail] = (failure?.reason ?? "").split(" ");
  return isReason(code)
    ? { _tag: "Failed", reason: code, detail: detail.join(" ") }
    : { _tag: "Failed", reason: "INTERNAL", detail: `${failure?.step}: ${failure?.reason}` };
};

const holdRefused = (refusal: typeof HoldStock.refusal.Type): string => {
  switch (refusal._tag) {
    case "SoldOut":
      return because("SOLD_OUT", `${refusal.productId} has ${refusal.available} left`);
    case "UnknownProduct":
      return because("INVALID", `${refusal.productId} has no stock`);
    case "Cancelled":
      return because("INTERNAL", "the hold was released before it was made");
  }
};

const couponRefused = (refusal: typeof UseCoupon.refusal.Type): string => {
  switch (refusal._tag) {
    case "Expired":
      return because("COUPON_REFUSED", `it expired at ${new Date(refusal.expiresAt).toISOString()}`);
    case "BelowMinimum":
      return because("COUPON_REFUSED", `it needs an order of ${refusal.minOrderAmount} won`);
    case "NotFound":
      return because("COUPON_REFUSED", "there is no such coupon of this shopper");
    case "AlreadyUsed":
      return because("COUPON_REFUSED", "it was used before");
    case "Revoked":
      return because("COUPON_REFUSED", "it was revoked");
    case "Cancelled":
      return because("INTERNAL", "the coupon was returned before it was used");
  }
};

export const make = ({ holdMillis, paymentMillis }: Windows) =>
  Saga.define("place-order", {
    version: 1,
    input: OrderPlaced.payload,
    key: ({ orderId }) => orderId,
    startedBy: OrderPlaced,
    cancelledBy: { event: OrderCancelRequested, reason: ({ reason }) => reason },
    data: Data,
    begin: (order): Data => ({ ...order, priced: [], amount: Won.make(0) }),
  })
    .check(
      "validate products",
      Saga.ask(
        ValidateProducts,
        ({ lines, orderId }: Data) => ({ orderId, lines }),
        (data, { lines }) => ({ ...data, priced: withoutDiscount(lines), amount: total(lines) }),
      ),
      {
        refused: ({ products }) =>
          because("INVALID", products.map(({ productId, reason }) => `${productId} ${reason}`).join(", ")),
      },
    )
    .compensable(
      "hold stock",
      Saga.ask(HoldStock, ({ lines, orderId }, { enteredAt }) => ({ orderId, lines, until: enteredAt + holdMillis })),
      { undo: Saga.ask(ReleaseStock, ofOrder), refused: holdRefused },
    )
    .compensable(
      "use coupon",
      Saga.ask(
        UseCoupon,
        (data) => ({
          orderId: data.orderId,
          userId: data.userId,
          couponId: couponOf(data),
          lines: data.priced,
          amount: data.amount,
        }),
        discounted,
      ),
      { when: hasCoupon, undo: returnCoupon, refused: couponRefused },
    )
    .compensable(
      "open payment",
      Saga.ask(OpenPayment, ({ amount, orderId, priced, userId }, { enteredAt }) => ({
        orderId,
        userId,
        orderName: `${priced.length} product${priced.length === 1 ? "" : "s"}`,
        amount,
        until: enteredAt + paymentMillis,
      })),
      {
        when: costs,
        undo: Saga.ask(VoidPayment, ({ orderId }, { failure }) => ({ orderId, reason: failure?.reason ?? "undone" })),
        refused: () => because("PAYMENT_UNAVAILABLE", "the payment was closed before it was opened"),
      },
    )
    .check(
      "await payment",
      Saga.ask(AwaitPayment, ({ amount, orderId, priced }) => ({ orderId, lines: priced, amount })),
    )
    .pivot("collect payment", Saga.awaits(PaymentSettled), {
      when: costs,
      until: (_, { enteredAt }) => enteredAt + paymentMillis,
      close: Saga.ask(ClosePayment, ({ orderId }, { cancelled }) => ({ orderId, cancel: cancelled })),
      answer: (answer) => {
        switch (answer._tag) {
          case "Closed":
            return Saga.closed;
          case "Settled":
            return Saga.settled(PaymentSettled, answer.settlement);
          case "Pending":
            return Saga.pending;
        }
      },
      extend: Saga.ask(ExtendHold, ({ orderId }, { enteredAt }) => ({ orderId, until: enteredAt + 2 * holdMillis })),
      expired: because("PAYMENT_EXPIRED", "nobody paid in time"),
      againMillis: 1000,
    })
    .retriable("claim stock", Saga.ask(ClaimStock, ofOrder), {
      refused: () => "stock gone",
      paths: {
        "stock gone": (path) =>
          path
            .retriable(
              "refund payment",
              Saga.ask(RefundPayment, ({ orderId }) => ({ orderId, reason: "the stock is gone" })),
            )
            .retriable("return coupon", returnCoupon, { when: hasCoupon })
            .retriable(
              "close order",
              Saga.ask(CloseOrder, ({ orderId }): Close => ({ orderId, outcome: stockGone })),
            ),
      },
    })
    .retriable("complete order", Saga.ask(CompleteOrder, ofOrder))
    .failed(Saga.ask(CloseOrder, ({ orderId }, { failure }) => ({ orderId, outcome: outcomeOf(failure) })));
