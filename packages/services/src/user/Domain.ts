/**
 * What a user has bought for, as a machine: the grade follows from it.
 *
 * Guarantee: the sum of what the user's completed orders cost, less those that were taken back, each counted once. Sums do not depend
 * on the order in which a user's orders are told; that of one order's facts is the bus's to keep.
 *
 * Limits: orders are not remembered one by one. Who gives back an order that was completed before this was kept loses its amount off
 * what was counted since, down to nothing at most. A sum like any other, up to the greatest exact integer. Points are not kept: nothing says how they would be earned or spent.
 */
import { Machine } from "@destiny/sdk/machine";
import * as Schema from "effect/Schema";
import { type MembershipGrade, type OrderCompleted, UserId } from "../contracts/index.ts";

export const Purchases = Schema.Struct({
  userId: UserId,
  /** Won, as paid. */
  total: Schema.Int.check(Schema.isGreaterThanOrEqualTo(0)),
});
export type Purchases = typeof Purchases.Type;

export type Sold = Pick<typeof OrderCompleted.payload.Type, "userId" | "amount">;
export type PurchaseInput = ({ readonly _tag: "Bought" } & Sold) | ({ readonly _tag: "GaveBack" } & Sold);

/** From how much on, the highest first. */
const grades = [
  ["VIP", 10_000_000],
  ["FAMILY", 500_000],
  ["FRIEND", 100_000],
] as const satisfies ReadonlyArray<readonly [MembershipGrade, number]>;

export const gradeOf = (total: number): MembershipGrade => grades.find(([, from]) => total >= from)?.[0] ?? "WELCOME";

export const machine: Machine.Machine<UserId, Purchases, PurchaseInput, Purchases, never> = {
  name: "user",
  keys: ({ userId }) => [userId],
  decide: (view, { input }) => {
    const { amount, userId } = input;
    const before = view.get(userId)?.total ?? 0;
    const total = input._tag === "Bought" ? before + amount : Math.max(0, before - amount);
    const after: Purchases = { userId, total };
    return Machine.accept([[userId, after]], [after]);
  },
};
