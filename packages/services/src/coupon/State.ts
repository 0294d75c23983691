/**
 * What the coupon context remembers, is asked, and answers.
 *
 * A template is a quota with words: the SDK's quota machine decides who gets a coupon (a grant), under which number, and
 * whether it is spent. This room adds what a coupon promises, and what an order made of it.
 */
import { QuotaMachine } from "@destiny/sdk/quota";
import type { Machine } from "@destiny/sdk/machine";
import * as Schema from "effect/Schema";
import {
  Coupon,
  type CouponId,
  CouponTemplate,
  type CouponTemplateId,
  Discount,
  DiscountTerms,
  type OrderId,
  type ReplaceTemplate,
  type UseCoupon,
  UseRefusal,
  type UserId,
} from "../contracts/index.ts";

export type Key = QuotaMachine.Key | `template/${string}` | `code/${string}` | `use/${string}`;

export const templateKey = (id: CouponTemplateId): Key => `template/${id}`;
export const codeKey = (code: string): Key => `code/${code}`;
export const useKey = (orderId: OrderId): Key => `use/${orderId}`;

/** Its limit and its time are the quota's of the same id. */
export interface Template extends DiscountTerms {
  readonly _tag: "Template";
  readonly id: CouponTemplateId;
  readonly code: string;
  readonly name: string;
  readonly validDays: number;
  /** Nothing is issued any more, and nobody sees it; its code stays taken. */
  readonly removed: boolean;
  readonly createdAt: number;
  readonly updatedAt: number;
}

/** A code is taken. Not a row of its own: what the store finds among the templates. */
export interface Code {
  readonly _tag: "Code";
  readonly templateId: CouponTemplateId;
}

export const Outcome = Schema.Union([
  Schema.TaggedStruct("Used", { discount: Discount }),
  Schema.TaggedStruct("Refused", { refusal: UseRefusal }),
]);
export type Outcome = typeof Outcome.Type;

export const useStatuses = ["used", "refused", "returned"] as const;

/** What an order made of a coupon; it answers every repetition. `returned` without an outcome is a tombstone. */
export interface Use {
  readonly _tag: "Use";
  readonly orderId: OrderId;
  readonly couponId: CouponId;
  readonly status: (typeof useStatuses)[number];
  readonly outcome: Outcome | null;
}

export type State = QuotaMachine.State | Template | Code | Use;

/** What a coupon carries from its template: a promise, so a template that changes later does not change it. */
export const Promised = Schema.Struct({ code: Schema.String, name: Schema.String, ...DiscountTerms.fields });
export type Promised = typeof Promised.Type;

type Edit = typeof ReplaceTemplate.Type;

interface OfOrder {
  readonly orderId: OrderId;
  readonly couponId: CouponId;
}

export type CouponInput =
  | {
      readonly _tag: "CreateTemplate";
      readonly templateId: CouponTemplateId;
      readonly code: string;
      readonly edit: Edit;
    }
  | { readonly _tag: "ReplaceTemplate"; readonly templateId: CouponTemplateId; readonly edit: Edit }
  | { readonly _tag: "RemoveTemplate"; readonly templateId: CouponTemplateId }
  | {
      readonly _tag: "Issue";
      readonly templateId: CouponTemplateId;
      readonly userId: UserId;
      readonly couponId: CouponId;
    }
  | ({ readonly _tag: "Use" } & typeof UseCoupon.payload.Type)
  /** `Cancel` is an operator's return, who must name the order that used the coupon. */
  | ({ readonly _tag: "Return" } & OfOrder)
  | ({ readonly _tag: "Cancel" } & OfOrder);

export type InputOf<Tag extends CouponInput["_tag"]> = Extract<CouponInput, { readonly _tag: Tag }>;

export const Answer = Schema.Union([
  /** `version` is the quota's. */
  Schema.TaggedStruct("Template", { template: CouponTemplate, version: Schema.Int }),
  Schema.TaggedStruct("Coupon", { coupon: Coupon }),
  ...Outcome.members,
  Schema.TaggedStruct("Returned", {}),
]);
export type Answer = typeof Answer.Type;

export const Rejection = Schema.Union([
  Schema.TaggedStruct("CodeTaken", {}),
  Schema.TaggedStruct("TemplateNotFound", {}),
  Schema.TaggedStruct("EndsBeforeStart", {}),
  Schema.TaggedStruct("InvalidRate", {}),
  Schema.TaggedStruct("RateWithoutMaximum", {}),
  Schema.TaggedStruct("CouponNotFound", {}),
  Schema.TaggedStruct("NotUsedOnOrder", {}),
  ...QuotaMachine.Rejection.members,
]);
export type Rejection = typeof Rejection.Type;

export type Seen = Machine.View<Key, State>;
export type Verdict = Machine.Verdict<Key, State, Answer, Rejection>;

/** The quotas and grants of a view. The keys of both machines are prefixed, so neither meets the other's states. */
export const quotas = (view: Seen): QuotaMachine.Seen => ({
  get: (key) => view.get(key) as QuotaMachine.State | undefined,
  version: view.version,
});

/** Asks the quota machine; its changes become part of a decision of ours. */
export const askQuota = (view: Seen, at: number, input: QuotaMachine.Input): QuotaMachine.Result =>
  QuotaMachine.machine.decide(quotas(view), { id: "", at, input });

export const templateOf = (view: Seen, id: CouponTemplateId): Template | undefined => {
  const state = view.get(templateKey(id));
  return state?._tag === "Template" && !state.removed ? state : undefined;
};
