/**
 * What people ask of an order: to cancel it, to say where its parcel is, to take it out of sight.
 *
 * A parcel that is sent and a cancellation exclude each other, and the order is their arbiter: whichever is committed first.
 */
import { Machine } from "@destiny/sdk/machine";
import type { OrderInput, OrderState, Verdict } from "./Domain.ts";

type WishOf<Tag extends OrderInput["_tag"]> = Extract<OrderInput, { _tag: Tag }>;
export type Wish = WishOf<"RequestCancel" | "Deliver" | "Remove">;

export const isWish = (input: OrderInput): input is Wish =>
  input._tag === "RequestCancel" || input._tag === "Deliver" || input._tag === "Remove";

const same = (order: OrderState): Verdict => Machine.accept([], [order]);

const become = (order: OrderState): Verdict => Machine.accept([[order.id, order]], [order]);

const refuse = (tag: "NotCancellable" | "NotDeliverable" | "UnderWay", { delivery, status }: OrderState): Verdict =>
  Machine.reject({ _tag: tag, status, delivery });

const requestCancel = (order: OrderState, input: WishOf<"RequestCancel">, at: number): Verdict => {
  const { cancellationId: id, reason } = input;
  const asked: OrderState = { ...order, cancellation: { id, reason, givenUp: null }, updatedAt: at };
  const requested: OrderState = { ...asked, status: "CANCEL_REQUESTED" };
  switch (order.status) {
    case "PENDING":
    case "WAITING_PAYMENT":
      // Asked before: the saga knows, and a second event would only tell it the same.
      return order.cancellation === null ? become(asked) : same(order);
    case "CANCEL_REQUESTED":
      return same(order);
    case "COMPLETED":
      if (order.delivery === "PREPARING") return become(requested);
      break;
    case "CANCEL_FAILED":
      // Operators gave it up, and may have helped by hand: only they can begin again.
      if (input.userId === null) return become(requested);
      break;
    default:
  }
  return refuse("NotCancellable", order);
};

const deliver = (order: OrderState, { to }: WishOf<"Deliver">, at: number): Verdict => {
  if (order.delivery === to) return same(order);
  const from = to === "SHIPPING" ? "PREPARING" : "SHIPPING";
  return order.status === "COMPLETED" && order.delivery === from
    ? become({ ...order, delivery: to, updatedAt: at })
    : refuse("NotDeliverable", order);
};

const remove = (order: OrderState, at: number): Verdict => {
  if (order.removed) return same(order);
  const isOver =
    order.status === "FAILED" ||
    order.status === "CANCELED" ||
    (order.status === "COMPLETED" && order.delivery === "DELIVERED");
  return isOver ? become({ ...order, removed: true, updatedAt: at }) : refuse("UnderWay", order);
};

export const decide = (order: OrderState | undefined, wish: Wish, at: number): Verdict => {
  const isTheirs = (owner: OrderState["userId"] | null) =>
    owner === null || (order?.userId === owner && !order.removed);
  if (order === undefined || (wish._tag !== "Deliver" && !isTheirs(wish.userId))) {
    return Machine.reject({ _tag: "NotFound" });
  }
  switch (wish._tag) {
    case "RequestCancel":
      return requestCancel(order, wish, at);
    case "Deliver":
      return deliver(order, wish, at);
    case "Remove":
      return remove(order, at);
  }
};
