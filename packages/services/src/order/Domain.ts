/**
 * The order as a machine: what the shopper asked, and what the saga made of it.
 *
 * The order decides nothing about stock or money. It remembers, answers every command with where it stands, and refuses
 * transitions that its table does not have: those are defects of the sender and end as dead letters, never as silence.
 *
 * It is the arbiter of a wish to cancel that meets the end of PlaceOrder. A wish that was noted before `Complete` came turns
 * the completed order over to CancelOrder in the same commit; after it the wish does so itself. So none falls in between.
 */
import { Machine } from "@destiny/sdk/machine";
import * as Effect from "effect/Effect";
import * as Schema from "effect/Schema";
import {
  BrandId,
  Cancellation,
  CancellationId,
  type CloseCancellation,
  type CloseOrder,
  CouponId,
  DeliveryStatus,
  FailureReason,
  type Line,
  mergeLines,
  OrderId,
  OrderStatus,
  ProductId,
  Quantity,
  Recipient,
  type SoldLine,
  UserId,
  Won,
} from "../contracts/index.ts";
import * as Wishes from "./Wishes.ts";

/** States and rejections are kept with their inputs: what earlier versions did not know is read as this. */
const added = <A>(schema: Schema.Codec<A>, value: A) =>
  schema.pipe(Schema.withDecodingDefaultKey(Effect.succeed(value)));

const delivery = added(Schema.NullOr(DeliveryStatus), null);

export const OrderState = Schema.Struct({
  id: OrderId,
  userId: UserId,
  status: OrderStatus,
  items: Schema.Array(
    Schema.Struct({
      productId: ProductId,
      quantity: Quantity,
      brandId: Schema.NullOr(BrandId),
      unitPrice: Schema.NullOr(Won),
      discount: Schema.NullOr(Won),
    }),
  ),
  recipient: Recipient,
  couponId: Schema.NullOr(CouponId),
  /** What the shopper has to pay, discounts taken off; fixed when payment opens. */
  amount: Schema.NullOr(Won),
  failure: Schema.NullOr(Schema.Struct({ reason: FailureReason, detail: Schema.String })),
  /** The last wish to cancel; at most one is under way. */
  cancellation: Schema.NullOr(Cancellation),
  completedAt: Schema.NullOr(Schema.Int),
  /** Where the parcel is; null before it was sold and after it was given back. */
  delivery,
  /** Out of its shopper's sight. */
  removed: added(Schema.Boolean, false),
  createdAt: Schema.Int,
  updatedAt: Schema.Int,
});
export type OrderState = typeof OrderState.Type;

export type OrderInput =
  | {
      readonly _tag: "Place";
      readonly orderId: OrderId;
      readonly userId: UserId;
      readonly lines: ReadonlyArray<Line>;
      readonly couponId: CouponId | null;
      readonly recipient: Recipient;
    }
  | {
      readonly _tag: "RequestCancel";
      readonly orderId: OrderId;
      /** Names the cancellation if this wish starts one. */
      readonly cancellationId: CancellationId;
      /** null: an operator, who may cancel everybody's orders. */
      readonly userId: UserId | null;
      readonly reason: string;
    }
  | { readonly _tag: "Deliver"; readonly orderId: OrderId; readonly to: Exclude<DeliveryStatus, "PREPARING"> }
  /** null: an operator. */
  | { readonly _tag: "Remove"; readonly orderId: OrderId; readonly userId: UserId | null }
  | {
      readonly _tag: "AwaitPayment";
      readonly orderId: OrderId;
      readonly lines: ReadonlyArray<SoldLine>;
      readonly amount: Won;
    }
  | { readonly _tag: "Complete"; readonly orderId: OrderId }
  | {
      readonly _tag: "Close";
      readonly orderId: OrderId;
      readonly outcome: (typeof CloseOrder.payload.Type)["outcome"];
    }
  | ({ readonly _tag: "CloseCancellation" } & typeof CloseCancellation.payload.Type);

export const Rejection = Schema.Union([
  Schema.TaggedStruct("NotFound", {}),
  Schema.TaggedStruct("NotCancellable", { status: OrderStatus, delivery }),
  Schema.TaggedStruct("NotDeliverable", { status: OrderStatus, delivery }),
  Schema.TaggedStruct("UnderWay", { status: OrderStatus, delivery }),
]);
export type Rejection = typeof Rejection.Type;

export type Verdict = Machine.Verdict<OrderId, OrderState, OrderState, Rejection>;

/** Completed once, whatever came after. */
const sold = ({ completedAt }: OrderState): boolean => completedAt !== null;
/** Ended by PlaceOrder without ever being completed. */
const closed = (order: OrderState): boolean =>
  !sold(order) && (order.status === "FAILED" || order.status === "CANCELED");

interface Move {
  readonly from: ReadonlyArray<OrderStatus>;
  /** The command is a repetition, or came too late to matter. Elsewhere it is a defect of the sender. */
  readonly passed: (order: OrderState) => boolean;
}

const moves = {
  AwaitPayment: {
    from: ["PENDING"],
    passed: (order) => order.status === "WAITING_PAYMENT" || sold(order) || closed(order),
  },
  Complete: { from: ["WAITING_PAYMENT"], passed: sold },
  Close: { from: ["PENDING", "WAITING_PAYMENT"], passed: closed },
  CloseCancellation: {
    from: ["CANCEL_REQUESTED"],
    passed: (order) => order.status === "CANCEL_FAILED" || (sold(order) && order.status === "CANCELED"),
  },
} as const satisfies Record<string, Move>;

type Command = Exclude<OrderInput, { _tag: "Place" } | Wishes.Wish>;

const moved = (order: OrderState, input: Command, at: number): OrderState => {
  switch (input._tag) {
    case "AwaitPayment":
      return { ...order, status: "WAITING_PAYMENT", items: input.lines, amount: input.amount };
    case "Complete":
      return {
        ...order,
        status: order.cancellation === null ? "COMPLETED" : "CANCEL_REQUESTED",
        completedAt: at,
        delivery: "PREPARING",
      };
    case "Close":
      return input.outcome._tag === "Canceled"
        ? { ...order, status: "CANCELED" }
        : { ...order, status: "FAILED", failure: { reason: input.outcome.reason, detail: input.outcome.detail } };
    case "CloseCancellation":
      return input.outcome._tag === "Canceled"
        ? { ...order, status: "CANCELED", delivery: null }
        : {
            ...order,
            status: "CANCEL_FAILED",
            cancellation: order.cancellation && { ...order.cancellation, givenUp: input.outcome.why },
          };
  }
};

export const machine: Machine.Machine<OrderId, OrderState, OrderInput, OrderState, Rejection> = {
  name: "order",
  keys: ({ orderId }) => [orderId],
  creates: (input) => (input._tag === "Place" ? [input.orderId] : []),
  decide: (view, { at, input }): Verdict => {
    const order = view.get(input.orderId);
    if (input._tag === "Place") {
      if (order !== undefined) throw new Error(`order ${input.orderId} exists`);
      const placed: OrderState = {
        id: input.orderId,
        userId: input.userId,
        status: "PENDING",
        items: mergeLines(input.lines).map((line) => ({ ...line, brandId: null, unitPrice: null, discount: null })),
        recipient: input.recipient,
        couponId: input.couponId,
        amount: null,
        failure: null,
        cancellation: null,
        completedAt: null,
        delivery: null,
        removed: false,
        createdAt: at,
        updatedAt: at,
      };
      return Machine.accept([[placed.id, placed]], [placed]);
    }
    if (Wishes.isWish(input)) return Wishes.decide(order, input, at);
    if (order === undefined) throw new Error(`${input._tag} for an order that was never placed: ${input.orderId}`);
    const move: Move = moves[input._tag];
    // A late word about a cancellation that was given up says nothing about the one that came after it.
    const stale =
      input._tag === "CloseCancellation" &&
      sold(order) &&
      order.cancellation !== null &&
      order.cancellation.id !== input.cancellationId;
    if (stale || move.passed(order)) return Machine.accept([], [order]);
    if (!move.from.includes(order.status))
      throw new Error(`${input._tag} does not fit an order that is ${order.status}`);
    const next = { ...moved(order, input, at), updatedAt: at };
    return Machine.accept([[order.id, next]], [next]);
  },
};
