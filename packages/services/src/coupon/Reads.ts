/** What the HTTP API reads outside of any group. */
import { QuotaRows } from "@destiny/sdk/quota";
import * as Effect from "effect/Effect";
import type { SqlClient } from "effect/sql/SqlClient";
import type { SqlError } from "effect/sql/SqlError";
import type {
  Coupon,
  CouponId,
  CouponStatus,
  CouponTemplate,
  CouponTemplateId,
  DiscountTerms,
  UserId,
} from "../contracts/index.ts";
import { templateOf, type TemplateRow } from "./Rows.ts";
import { couponShown, templateShown } from "./Shown.ts";

export interface TemplateFilter {
  readonly code?: string | undefined;
  readonly name?: string | undefined;
  readonly discountType?: DiscountTerms["discountType"] | undefined;
}

interface Joined extends TemplateRow {
  readonly max_live: number | null;
  readonly issued: number;
  readonly live: number;
  readonly opens_at: Date;
  readonly closes_at: Date | null;
}

const shown = (row: Joined): CouponTemplate => templateShown(templateOf(row), QuotaRows.quotaState(row));

export const make = (sql: SqlClient) => {
  const columns = sql.literal("t.*, q.max_live, q.issued, q.live, q.opens_at, q.closes_at");
  const templates = (
    id: CouponTemplateId | undefined,
    filter: TemplateFilter,
    after: CouponTemplateId | undefined,
    limit: number,
  ) => {
    // Not LIKE: a part may hold what would be a wildcard there.
    const contains = (column: string, part: string | undefined) =>
      part === undefined ? sql`true` : sql`position(lower(${part}) IN lower(${sql(column)})) > 0`;
    return Effect.map(
      sql<Joined>`SELECT ${columns} FROM coupon_template t JOIN quota q ON q.id = t.id::text
        WHERE NOT removed AND ${id === undefined ? sql`true` : sql`t.id = ${id}::uuid`}
          AND ${contains("code", filter.code)} AND ${contains("name", filter.name)}
          AND ${filter.discountType === undefined ? sql`true` : sql`discount_type = ${filter.discountType}`}
          AND ${after === undefined ? sql`true` : sql`t.id < ${after}::uuid`}
        ORDER BY t.id DESC LIMIT ${limit}`,
      (rows) => rows.map(shown),
    );
  };

  const statusIs = (status: CouponStatus | undefined, now: number) => {
    const expired = sql`coalesce(until <= ${new Date(now)}, false)`;
    switch (status) {
      case undefined:
        return sql`true`;
      case "USED":
        return sql`claimed_by IS NOT NULL`;
      case "EXPIRED":
        return sql`claimed_by IS NULL AND ${expired}`;
      case "AVAILABLE":
        return sql`claimed_by IS NULL AND NOT ${expired}`;
    }
  };

  return {
    template: (id: CouponTemplateId): Effect.Effect<CouponTemplate | undefined, SqlError> =>
      Effect.map(templates(id, {}, undefined, 1), ([template]) => template),
    /** Newest first. */
    templates: (filter: TemplateFilter, after: CouponTemplateId | undefined, limit: number) =>
      templates(undefined, filter, after, limit),
    coupon: (id: CouponId, now: number): Effect.Effect<Coupon | undefined, SqlError> =>
      Effect.map(sql<QuotaRows.GrantRow>`SELECT * FROM quota_grant WHERE id = ${id} AND NOT revoked`, ([row]) =>
        row === undefined ? undefined : couponShown(QuotaRows.grantState(row), now),
      ),
    /** Newest first: ids of coupons grow with time. */
    coupons: (options: {
      readonly owner: UserId;
      readonly status: CouponStatus | undefined;
      readonly now: number;
      readonly after: CouponId | undefined;
      readonly limit: number;
    }): Effect.Effect<ReadonlyArray<Coupon>, SqlError> => {
      const { after, limit, now, owner, status } = options;
      return Effect.map(
        sql<QuotaRows.GrantRow>`SELECT * FROM quota_grant WHERE subject = ${owner} AND NOT revoked
          AND ${statusIs(status, now)} AND ${after === undefined ? sql`true` : sql`id < ${after}`}
          ORDER BY id DESC LIMIT ${limit}`,
        (rows) => rows.map((row) => couponShown(QuotaRows.grantState(row), now)),
      );
    },
  };
};
