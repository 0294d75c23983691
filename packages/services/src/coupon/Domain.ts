/**
 * Coupons as a machine: templates, coupons issued from them, and what orders made of those.
 *
 * Guarantee: coupons of a template <= its limit, at most one of a user, numbered densely (the quota machine's); a coupon is
 * used by at most one order at a time, by its owner, within its validity; a discount is exactly the sum of its parts.
 */
import type { Machine } from "@destiny/sdk/machine";
import { QuotaMachine } from "@destiny/sdk/quota";
import {
  type Answer,
  codeKey,
  type CouponInput,
  type InputOf,
  type Key,
  type Rejection,
  type State,
  templateKey,
  useKey,
} from "./State.ts";
import * as Templates from "./Templates.ts";
import * as Uses from "./Uses.ts";

const newTemplate = ({ code, templateId }: InputOf<"CreateTemplate">): ReadonlyArray<Key> => [
  codeKey(code),
  templateKey(templateId),
  QuotaMachine.quotaKey(templateId),
];

export const machine: Machine.Machine<Key, State, CouponInput, Answer, Rejection> = {
  name: "coupon",
  creates: (input) => {
    switch (input._tag) {
      case "CreateTemplate":
        return newTemplate(input);
      case "Issue":
        return [QuotaMachine.holderKey(input.templateId, input.userId)];
      case "Use":
        return [useKey(input.orderId)];
      default:
        return [];
    }
  },
  keys: (input) => {
    switch (input._tag) {
      case "CreateTemplate":
        return newTemplate(input);
      case "ReplaceTemplate":
      case "RemoveTemplate":
        return [templateKey(input.templateId), QuotaMachine.quotaKey(input.templateId)];
      case "Issue":
        return [
          templateKey(input.templateId),
          QuotaMachine.quotaKey(input.templateId),
          QuotaMachine.holderKey(input.templateId, input.userId),
        ];
      case "Use":
      case "Return":
      case "Cancel":
        return [QuotaMachine.grantKey(input.couponId), useKey(input.orderId)];
    }
  },
  decide: (view, { at, input }) => {
    switch (input._tag) {
      case "CreateTemplate":
        return Templates.create(view, at, input);
      case "ReplaceTemplate":
        return Templates.replace(view, at, input);
      case "RemoveTemplate":
        return Templates.remove(view, at, input);
      case "Issue":
        return Templates.issue(view, at, input);
      case "Use":
        return Uses.use(view, at, input);
      case "Return":
        return Uses.giveBack(view, at, input);
      case "Cancel":
        return Uses.cancel(view, at, input);
    }
  },
};
