/** Templates and coupons as the contracts show them. */
import type { QuotaMachine } from "@destiny/sdk/quota";
import * as Schema from "effect/Schema";
import {
  type Coupon,
  CouponId,
  type CouponStatus,
  CouponTemplateId,
  type CouponTemplate,
  OrderId,
  UserId,
} from "../contracts/index.ts";
import { Promised, type Template } from "./State.ts";

/** A quota ends just before a moment, a template names its last one. */
export const closesAt = (availableTo: number): number => availableTo + 1;

export const templateShown = (template: Template, quota: QuotaMachine.Quota): CouponTemplate => {
  const { _tag, removed, ...rest } = template;
  return {
    ...rest,
    issueLimit: quota.limit,
    issuedCount: quota.live,
    availableFrom: quota.opensAt,
    availableTo: (quota.closesAt ?? 0) - 1,
  };
};

const promisedBy = Schema.decodeUnknownSync(Promised);

const statusAt = ({ claim, until }: QuotaMachine.Grant, now: number): CouponStatus => {
  if (claim !== null) return "USED";
  return until !== null && now >= until ? "EXPIRED" : "AVAILABLE";
};

/** @throws when the grant carries no promise: a defect, because only this service issues. */
export const couponShown = (grant: QuotaMachine.Grant, now: number): Coupon => ({
  id: CouponId.make(grant.grantId),
  templateId: CouponTemplateId.make(grant.quotaId),
  userId: UserId.make(grant.subject),
  ...promisedBy(grant.data),
  serial: grant.serial,
  status: statusAt(grant, now),
  orderId: grant.claim === null ? null : OrderId.make(grant.claim.by),
  usedAt: grant.claim?.at ?? null,
  issuedAt: grant.issuedAt,
  expiresAt: grant.until ?? 0,
});

export const termsOf = (grant: QuotaMachine.Grant): Promised => promisedBy(grant.data);
