/** Templates and uses as rows. */
import type { Machine } from "@destiny/sdk/machine";
import * as Schema from "effect/Schema";
import { CouponId, CouponTemplateId, DiscountTerms, OrderId } from "../contracts/index.ts";
import { Outcome, type Template, type Use, useStatuses } from "./State.ts";

export interface TemplateRow {
  readonly id: string;
  readonly version: number;
  readonly code: string;
  readonly name: string;
  readonly discount_type: string;
  readonly discount_value: bigint;
  readonly min_order_amount: bigint;
  readonly max_discount_amount: bigint | null;
  readonly valid_days: number;
  readonly removed: boolean;
  readonly created_at: Date;
  readonly updated_at: Date;
}

const termsOf = Schema.decodeUnknownSync(DiscountTerms);

/** What this service wrote itself it can read: a row that does not decode is a defect. */
export const templateOf = (row: TemplateRow): Template => ({
  _tag: "Template",
  id: CouponTemplateId.make(row.id),
  code: row.code,
  name: row.name,
  ...termsOf({
    discountType: row.discount_type,
    discountValue: Number(row.discount_value),
    minOrderAmount: Number(row.min_order_amount),
    maxDiscountAmount: row.max_discount_amount === null ? null : Number(row.max_discount_amount),
  }),
  validDays: row.valid_days,
  removed: row.removed,
  createdAt: row.created_at.getTime(),
  updatedAt: row.updated_at.getTime(),
});

export const templateTable = {
  name: "coupon_template",
  key: ["id"],
  columns: {
    id: "uuid",
    version: "int4",
    code: "text",
    name: "text",
    discount_type: "text",
    discount_value: "int8",
    min_order_amount: "int8",
    max_discount_amount: "int8",
    valid_days: "int4",
    removed: "bool",
    created_at: "timestamptz",
    updated_at: "timestamptz",
  },
} as const;

export const templateRow = ({ state, version }: Machine.Versioned<Template>) => ({
  id: state.id,
  version,
  code: state.code,
  name: state.name,
  discount_type: state.discountType,
  discount_value: state.discountValue,
  min_order_amount: state.minOrderAmount,
  max_discount_amount: state.maxDiscountAmount,
  valid_days: state.validDays,
  removed: state.removed,
  created_at: state.createdAt,
  updated_at: state.updatedAt,
});

export interface UseRow {
  readonly order_id: string;
  readonly version: number;
  readonly coupon_id: string;
  readonly status: string;
  readonly outcome: unknown;
}

const recorded = Schema.decodeUnknownSync(
  Schema.Struct({ status: Schema.Literals(useStatuses), outcome: Schema.NullOr(Outcome) }),
);

export const useOf = ({ coupon_id, order_id, outcome, status }: UseRow): Use => ({
  _tag: "Use",
  orderId: OrderId.make(order_id),
  couponId: CouponId.make(coupon_id),
  ...recorded({ status, outcome }),
});

export const useTable = {
  name: "coupon_use",
  key: ["order_id"],
  columns: { order_id: "uuid", version: "int4", coupon_id: "uuid", status: "text", outcome: "jsonb" },
} as const;

export const useRow = ({ state, version }: Machine.Versioned<Use>) => ({
  order_id: state.orderId,
  version,
  coupon_id: state.couponId,
  status: state.status,
  outcome: state.outcome,
});
