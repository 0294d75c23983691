/**
 * What a user has bought for, as a machine: the grade follows from it.
 *
 * Guarantee: the sum of what the user's completed orders cost, less those that were taken back, each order counted once and taken off
 * once. What was never counted takes nothing off. Sums do not depend on the order in which a user's orders are told; that of one
 * order's facts is the bus's to keep.
 *
 * Limits: a sum like any other, up to the greatest exact integer. Points are not kept: nothing says how they would be earned or spent.
 */
import { Machine } from "@destiny/sdk/machine";
import * as Schema from "effect/Schema";
import { type MembershipGrade, type OrderCompleted, OrderId, UserId, Won } from "../contracts/index.ts";

export const Purchases = Schema.TaggedStruct("Purchases", {
  userId: UserId,
  /** Won, as paid. */
  total: Schema.Int.check(Schema.isGreaterThanOrEqualTo(0)),
});
export type Purchases = typeof Purchases.Type;

/** An order that was counted, and what for. */
export const Counted = Schema.TaggedStruct("Counted", { orderId: OrderId, amount: Won, isBack: Schema.Boolean });
export type Counted = typeof Counted.Type;

export type State = Purchases | Counted;
export type Key = `user/${string}` | `order/${string}`;

export const userKey = (id: UserId): Key => `user/${id}`;
export const orderKey = (id: OrderId): Key => `order/${id}`;

export const Answer = Schema.TaggedStruct("Noted", {});
export type Answer = typeof Answer.Type;

export type Sold = Pick<typeof OrderCompleted.payload.Type, "orderId" | "userId" | "amount">;
export type PurchaseInput = ({ readonly _tag: "Bought" } & Sold) | ({ readonly _tag: "GaveBack" } & Sold);

/** From how much on, the highest first. */
const grades = [
  ["VIP", 10_000_000],
  ["FAMILY", 500_000],
  ["FRIEND", 100_000],
] as const satisfies ReadonlyArray<readonly [MembershipGrade, number]>;

export const gradeOf = (total: number): MembershipGrade => grades.find(([, from]) => total >= from)?.[0] ?? "WELCOME";

const noted = (changes: ReadonlyArray<readonly [Key, State]>): Machine.Verdict<Key, State, Answer, never> =>
  Machine.accept(changes, [{ _tag: "Noted" }]);

export const machine: Machine.Machine<Key, State, PurchaseInput, Answer, never> = {
  name: "user",
  keys: ({ orderId, userId }) => [userKey(userId), orderKey(orderId)],
  decide: (view, { input }) => {
    const { amount, orderId, userId } = input;
    const [bought, order] = [view.get(userKey(userId)), view.get(orderKey(orderId))];
    const before = bought?._tag === "Purchases" ? bought.total : 0;
    const become = (total: number, counted: Counted) =>
      noted([
        [userKey(userId), { _tag: "Purchases", userId, total }],
        [orderKey(orderId), counted],
      ]);
    const counted = order?._tag === "Counted" ? order : undefined;
    if (input._tag === "Bought") {
      return counted === undefined
        ? become(before + amount, { _tag: "Counted", orderId, amount, isBack: false })
        : noted([]);
    }
    return counted === undefined || counted.isBack
      ? noted([])
      : become(before - counted.amount, { ...counted, isBack: true });
  },
};
