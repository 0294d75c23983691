/** A small shop to test sagas with: its messages, and the definition that every other test drives. */
import * as Schema from "effect/Schema";
import { Message, Topic } from "../../src/message/index.ts";
import { Saga } from "../../src/saga/index.ts";

const OrderId = Schema.Struct({ orderId: Schema.String });
const Refusal = Schema.Struct({ reason: Schema.String });
const Nothing = Schema.Struct({});
const key = (payload: { readonly orderId: string }): string => payload.orderId;

export const replies = Topic.make("saga.replies", { owner: "saga" });
const product = Topic.make("product.commands", { owner: "product" });
const stock = Topic.make("stock.commands", { owner: "stock" });
const coupon = Topic.make("coupon.commands", { owner: "coupon" });
const payment = Topic.make("payment.commands", { owner: "payment" });
const payments = Topic.make("payment.events", { owner: "payment" });
const order = Topic.make("order.commands", { owner: "order" });
export const orders = Topic.make("order.events", { owner: "order" });

const plain = <const Type extends string>(type: Type, topic: Topic.Topic) =>
  Message.command(type, { topic, payload: OrderId, key, success: Nothing, refusal: Refusal });

export const Validate = Message.command("product.validate.v1", {
  topic: product,
  payload: OrderId,
  key,
  success: Schema.Struct({ total: Schema.Int }),
  refusal: Refusal,
});
export const Hold = plain("stock.hold.v1", stock);
export const Extend = plain("stock.extend.v1", stock);
export const Release = plain("stock.release.v1", stock);
export const Claim = plain("stock.claim.v1", stock);
export const Use = plain("coupon.use.v1", coupon);
export const Return = plain("coupon.return.v1", coupon);
export const Open = Message.command("payment.open.v1", {
  topic: payment,
  payload: Schema.Struct({ orderId: Schema.String, amount: Schema.Int }),
  key,
  success: Schema.Struct({ payUntil: Schema.Finite }),
  refusal: Refusal,
});
export const Void = plain("payment.void.v1", payment);
export const Refund = plain("payment.refund.v1", payment);
export const CloseAnswer = Schema.Struct({
  state: Schema.Literals(["closed", "settled", "pending"]),
  attemptId: Schema.optionalKey(Schema.String),
});
export const Close = Message.command("payment.close.v1", {
  topic: payment,
  payload: OrderId,
  key,
  success: CloseAnswer,
  refusal: Refusal,
});
export const Settled = Message.event("payment.settled.v1", {
  topic: payments,
  payload: Schema.Struct({ orderId: Schema.String, attemptId: Schema.String }),
  key,
});
export const Declined = Message.event("payment.declined.v1", {
  topic: payments,
  payload: Schema.Struct({ orderId: Schema.String, reason: Schema.String }),
  key,
});
export const AwaitPayment = plain("order.await-payment.v1", order);
export const Complete = plain("order.complete.v1", order);
export const Fail = Message.command("order.fail.v1", {
  topic: order,
  payload: Schema.Struct({ orderId: Schema.String, reason: Schema.String, cancelled: Schema.Boolean }),
  key,
  success: Nothing,
  refusal: Refusal,
});
export const OrderPlaced = Schema.Struct({ orderId: Schema.String, couponId: Schema.optionalKey(Schema.String) });
export type OrderPlaced = typeof OrderPlaced.Type;
export const Placed = Message.event("order.placed.v1", { topic: orders, payload: OrderPlaced, key });
export const CancelRequested = Message.event("order.cancel-requested.v1", {
  topic: orders,
  payload: Schema.Struct({ orderId: Schema.String, reason: Schema.String }),
  key,
});
export const Completed = Message.event("order.completed.v1", { topic: orders, payload: OrderId, key });

const PlaceOrderData = Schema.Struct({
  orderId: Schema.String,
  couponId: Schema.optionalKey(Schema.String),
  total: Schema.Int,
  payUntil: Schema.Finite,
  attemptId: Schema.optionalKey(Schema.String),
});
type PlaceOrderData = typeof PlaceOrderData.Type;

const orderOf = ({ orderId }: PlaceOrderData) => ({ orderId });

export const payMillis = 600_000;

export const PlaceOrder = Saga.define("place-order", {
  version: 1,
  input: OrderPlaced,
  data: PlaceOrderData,
  begin: (placed) => ({ ...placed, total: 0, payUntil: 0 }),
  key,
  startedBy: Placed,
  cancelledBy: { event: CancelRequested, reason: ({ reason }) => reason },
})
  .check(
    "validate products",
    Saga.ask(Validate, orderOf, (data, { total }) => ({ ...data, total })),
    { refused: ({ reason }) => reason },
  )
  .compensable("hold stock", Saga.ask(Hold, orderOf), { undo: Saga.ask(Release, orderOf), refused: () => "SOLD_OUT" })
  .compensable("use coupon", Saga.ask(Use, orderOf), {
    when: ({ couponId }) => couponId !== undefined,
    undo: Saga.ask(Return, orderOf),
    refused: () => "COUPON_REFUSED",
  })
  .compensable(
    "open payment",
    Saga.ask(
      Open,
      ({ orderId, total }) => ({ orderId, amount: total }),
      (data, { payUntil }) => ({ ...data, payUntil }),
    ),
    { undo: Saga.ask(Void, orderOf) },
  )
  .check("order awaits payment", Saga.ask(AwaitPayment, orderOf))
  .pivot(
    "collect payment",
    [
      Saga.awaits(Settled, { save: (data: PlaceOrderData, { attemptId }) => ({ ...data, attemptId }) }),
      Saga.awaits(Declined, { fails: () => "DECLINED" }),
    ],
    {
      until: ({ payUntil }) => payUntil,
      close: Saga.ask(Close, orderOf),
      answer: ({ attemptId, state }) =>
        state === "closed"
          ? Saga.closed
          : state === "pending"
            ? Saga.pending
            : Saga.settled(Settled, { orderId: "", attemptId: attemptId ?? "" }),
      extend: Saga.ask(Extend, orderOf),
      expired: "PAYMENT_EXPIRED",
      maxRounds: 3,
    },
  )
  .retriable("claim stock", Saga.ask(Claim, orderOf), {
    refused: ({ reason }) => (reason === "short" ? "refund and cancel" : undefined),
    paths: {
      "refund and cancel": (path) =>
        path
          .retriable("refund payment", Saga.ask(Refund, orderOf))
          .retriable("return coupon", Saga.ask(Return, orderOf), { when: ({ couponId }) => couponId !== undefined })
          .retriable(
            "order is gone",
            Saga.ask(Fail, ({ orderId }) => ({ orderId, reason: "STOCK_GONE", cancelled: false })),
          ),
    },
  })
  .retriable("complete order", Saga.ask(Complete, orderOf))
  .tell("tell everybody", Saga.emit(Completed, orderOf))
  .failed(
    Saga.ask(Fail, ({ orderId }, { failure }) => ({
      orderId,
      reason: failure?.reason ?? "UNKNOWN",
      cancelled: failure?.cancelled ?? false,
    })),
  );

/** Undoes what has ended: forward only. */
export const CancelOrder = Saga.define("cancel-order", { version: 1, input: OrderId, key })
  .retriable(
    "refund payment",
    Saga.ask(Refund, ({ orderId }) => ({ orderId })),
  )
  .retriable(
    "return coupon",
    Saga.ask(Return, ({ orderId }) => ({ orderId })),
  )
  .failed(
    Saga.ask(Fail, ({ orderId }, { failure }) => ({ orderId, reason: failure?.reason ?? "UNKNOWN", cancelled: false })),
  );
