/**
 * What orders do with coupons.
 *
 * An order uses at most one coupon, and its record answers every repetition: whoever asks again gets the outcome that was
 * recorded, also after it was returned. A return of something that was never used leaves a tombstone, so that a use that
 * arrives late is refused as cancelled.
 */
import { Machine } from "@destiny/sdk/machine";
import { QuotaMachine } from "@destiny/sdk/quota";
import type { UseRefusal } from "../contracts/index.ts";
import { amountOf, discountOf } from "./Discount.ts";
import { couponShown, termsOf } from "./Shown.ts";
import {
  type Answer,
  askQuota,
  type InputOf,
  type Key,
  type Outcome,
  quotas,
  type Seen,
  type State,
  type Use,
  useKey,
  type Verdict,
} from "./State.ts";

const useOf = (view: Seen, orderId: Use["orderId"], couponId: Use["couponId"]): Use | undefined => {
  const state = view.get(useKey(orderId));
  if (state?._tag !== "Use") return undefined;
  if (state.couponId !== couponId)
    throw new Error(`order ${orderId} is about coupon ${state.couponId}, not ${couponId}`);
  return state;
};

const refused = (refusal: UseRefusal): Outcome => ({ _tag: "Refused", refusal });

/** The quota machine's reason in the words of coupons. */
const refusalOf = (rejection: QuotaMachine.Rejection): UseRefusal => {
  switch (rejection._tag) {
    case "UnknownGrant":
      return { _tag: "NotFound" };
    case "AlreadyClaimed":
      return { _tag: "AlreadyUsed" };
    case "AlreadyRevoked":
      return { _tag: "Revoked" };
    case "Expired":
      return { _tag: "Expired", expiresAt: rejection.until };
    default:
      throw new Error(`a claim was rejected as ${rejection._tag}`);
  }
};

export const use = (view: Seen, at: number, input: InputOf<"Use">): Verdict => {
  const { amount, couponId, lines, orderId, userId } = input;
  if (amountOf(lines) !== amount) throw new Error(`the lines of ${orderId} are ${amountOf(lines)} won, not ${amount}`);
  const known = useOf(view, orderId, couponId);
  if (known !== undefined) return Machine.accept([], [known.outcome ?? refused({ _tag: "Cancelled" })]);

  const record = (outcome: Outcome, changes: Iterable<readonly [Key, State]> = []): Verdict => {
    const status = outcome._tag === "Used" ? "used" : "refused";
    return Machine.accept<Key, State, Answer>(
      [...changes, [useKey(orderId), { _tag: "Use", orderId, couponId, status, outcome }]],
      [outcome],
    );
  };
  const grant = QuotaMachine.grantOf(quotas(view), couponId);
  if (grant?.subject !== userId) return record(refused({ _tag: "NotFound" }));
  const claimed = askQuota(view, at, { _tag: "Claim", grantId: couponId, by: orderId });
  if (claimed._tag === "Rejected") return record(refused(refusalOf(claimed.rejection)));
  const terms = termsOf(grant);
  const { minOrderAmount } = terms;
  if (amount < minOrderAmount) return record(refused({ _tag: "BelowMinimum", minOrderAmount }));
  return record({ _tag: "Used", discount: discountOf(lines, terms) }, claimed.changes);
};

/** The coupon is available again, for as long as it is valid; the record keeps what the use had been. */
const released = (view: Seen, at: number, known: Use): ReadonlyArray<readonly [Key, State]> => [
  ...askQuota(view, at, { _tag: "Release", grantId: known.couponId, by: known.orderId }).changes,
  [useKey(known.orderId), { ...known, status: "returned" }],
];

export const giveBack = (view: Seen, at: number, { couponId, orderId }: InputOf<"Return">): Verdict => {
  const known = useOf(view, orderId, couponId);
  const returned: Answer = { _tag: "Returned" };
  if (known === undefined) {
    const tombstone: Use = { _tag: "Use", orderId, couponId, status: "returned", outcome: null };
    return Machine.accept([[useKey(orderId), tombstone]], [returned]);
  }
  return Machine.accept(known.status === "used" ? released(view, at, known) : [], [returned]);
};

export const cancel = (view: Seen, at: number, { couponId, orderId }: InputOf<"Cancel">): Verdict => {
  const grant = QuotaMachine.grantOf(quotas(view), couponId);
  if (grant === undefined) return Machine.reject({ _tag: "CouponNotFound" });
  if (grant.claim?.by !== orderId) return Machine.reject({ _tag: "NotUsedOnOrder" });
  const known = useOf(view, orderId, couponId);
  if (known === undefined) throw new Error(`${couponId} is claimed by ${orderId}, which has no record of it`);
  return Machine.accept<Key, State, Answer>(released(view, at, known), [
    { _tag: "Coupon", coupon: couponShown({ ...grant, claim: null }, at) },
  ]);
};
