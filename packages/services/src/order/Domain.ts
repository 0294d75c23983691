/**
 * The order as a machine: what the shopper asked, and what the saga made of it.
 *
 * The order decides nothing about stock or money. It remembers, answers every command with where it stands, and refuses
 * transitions that its table does not have: those are defects of the sender and end as dead letters, never as silence.
 */
import { type Decided, Machine } from "@destiny/sdk/machine";
import { type Envelope, Message } from "@destiny/sdk/message";
import * as Schema from "effect/Schema";
import {
  AwaitPayment,
  BrandId,
  CloseOrder,
  CompleteOrder,
  FailureReason,
  type Line,
  mergeLines,
  OrderCancelRequested,
  OrderId,
  OrderPlaced,
  OrderStatus,
  type PricedLine,
  ProductId,
  Quantity,
  Recipient,
  UserId,
  Won,
} from "../contracts/index.ts";

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
    }),
  ),
  recipient: Recipient,
  /** What the shopper has to pay; fixed when payment opens. */
  amount: Schema.NullOr(Won),
  failure: Schema.NullOr(Schema.Struct({ reason: FailureReason, detail: Schema.String })),
  /** Set when the customer asked to cancel, whatever becomes of it. */
  cancelReason: Schema.NullOr(Schema.String),
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
      readonly recipient: Recipient;
    }
  | {
      readonly _tag: "RequestCancel";
      readonly orderId: OrderId;
      readonly userId: UserId | null;
      readonly reason: string;
    }
  | {
      readonly _tag: "AwaitPayment";
      readonly orderId: OrderId;
      readonly lines: ReadonlyArray<PricedLine>;
      readonly amount: Won;
    }
  | { readonly _tag: "Complete"; readonly orderId: OrderId }
  | {
      readonly _tag: "Close";
      readonly orderId: OrderId;
      readonly outcome: (typeof CloseOrder.payload.Type)["outcome"];
    };

export const Rejection = Schema.Union([
  Schema.TaggedStruct("NotFound", {}),
  Schema.TaggedStruct("NotCancellable", { status: OrderStatus }),
]);
export type Rejection = typeof Rejection.Type;

type Verdict = Machine.Verdict<OrderId, OrderState, OrderState, Rejection>;

const cancellable: ReadonlySet<OrderStatus> = new Set(["PENDING", "WAITING_PAYMENT"]);

/** From which states a command moves the order; in its goal it is a repetition, elsewhere a defect of the sender. */
const moves = {
  AwaitPayment: { from: ["PENDING"], passed: ["WAITING_PAYMENT", "COMPLETED", "FAILED", "CANCELED"] },
  Complete: { from: ["WAITING_PAYMENT"], passed: ["COMPLETED"] },
  Close: { from: ["PENDING", "WAITING_PAYMENT"], passed: ["FAILED", "CANCELED"] },
} as const satisfies Record<string, { from: ReadonlyArray<OrderStatus>; passed: ReadonlyArray<OrderStatus> }>;

const moved = (order: OrderState, input: Exclude<OrderInput, { _tag: "Place" | "RequestCancel" }>): OrderState => {
  switch (input._tag) {
    case "AwaitPayment":
      return { ...order, status: "WAITING_PAYMENT", items: input.lines, amount: input.amount };
    case "Complete":
      return { ...order, status: "COMPLETED" };
    case "Close":
      return input.outcome._tag === "Canceled"
        ? { ...order, status: "CANCELED" }
        : { ...order, status: "FAILED", failure: { reason: input.outcome.reason, detail: input.outcome.detail } };
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
        items: mergeLines(input.lines).map((line) => ({ ...line, brandId: null, unitPrice: null })),
        recipient: input.recipient,
        amount: null,
        failure: null,
        cancelReason: null,
        createdAt: at,
        updatedAt: at,
      };
      return Machine.accept([[placed.id, placed]], [placed]);
    }
    if (input._tag === "RequestCancel") {
      if (order === undefined || (input.userId !== null && order.userId !== input.userId)) {
        return Machine.reject({ _tag: "NotFound" });
      }
      if (!cancellable.has(order.status)) return Machine.reject({ _tag: "NotCancellable", status: order.status });
      // Asked before: the saga knows, and a second event would only tell it the same.
      if (order.cancelReason !== null) return Machine.accept([], [order]);
      const asked: OrderState = { ...order, cancelReason: input.reason, updatedAt: at };
      return Machine.accept([[order.id, asked]], [asked]);
    }
    if (order === undefined) throw new Error(`${input._tag} for an order that was never placed: ${input.orderId}`);
    const move: { readonly from: ReadonlyArray<OrderStatus>; readonly passed: ReadonlyArray<OrderStatus> } =
      moves[input._tag];
    if (move.passed.includes(order.status)) return Machine.accept([], [order]);
    if (!move.from.includes(order.status))
      throw new Error(`${input._tag} does not fit an order that is ${order.status}`);
    const next = { ...moved(order, input), updatedAt: at };
    return Machine.accept([[order.id, next]], [next]);
  },
};

const commands = { AwaitPayment, Complete: CompleteOrder, Close: CloseOrder } as const;

/** What a decision tells the others: events of the shopper's doing, and the answer to every command. */
export const emit = ({
  input,
  verdict,
}: Decided<OrderId, OrderInput, OrderState, Rejection>): ReadonlyArray<Envelope.Draft> => {
  if (verdict._tag === "Rejected") return [];
  const { orderId } = input.input;
  const extras = { orderedBy: orderId, correlationId: orderId };
  switch (input.input._tag) {
    case "Place":
      return verdict.outputs.map(({ items, userId }) =>
        Message.draft(
          OrderPlaced,
          { orderId, userId, lines: items.map(({ productId, quantity }) => ({ productId, quantity })) },
          extras,
        ),
      );
    case "RequestCancel":
      if (verdict.changes.size === 0) return [];
      return [Message.draft(OrderCancelRequested, { orderId, reason: input.input.reason }, extras)];
    default:
      return input.envelope === undefined
        ? []
        : Message.reply(
            commands[input.input._tag],
            input.envelope,
            { _tag: "Done", value: {} },
            { orderedBy: orderId },
          );
  }
};
