/**
 * I3 and the coupons of I10: who was given a coupon, and on what it is spent.
 *
 * I3 is the quota's own audit, that a coupon is spent exactly by the order whose record says so, and that the shoppers of a run
 * were told what the rows say. I10: no coupon is spent
 * on an order that came to nothing, and what it took off is what the order says. Orders are in another database, so their states are looked up page by page.
 */
import { Audit } from "@destiny/sdk/machine";
import { QuotaAudit } from "@destiny/sdk/quota";
import { Bulk } from "@destiny/sdk/sql";
import * as Effect from "effect/Effect";
import * as SqlClient from "effect/sql/SqlClient";
import type { SqlError } from "effect/sql/SqlError";
import * as CouponWitness from "./CouponWitness.ts";
import { Sources } from "./Sources.ts";
import type { ShopperCoupon } from "./Verify.ts";

const pageRows = 5000;

const count = (rows: ReadonlyArray<{ readonly n: bigint }>): number => Number(rows[0]?.n ?? 0n);

const spent = (sql: SqlClient.SqlClient) => sql<Audit.Violation>`
  SELECT coalesce(g.id, u.coupon_id::text) AS id,
    CASE WHEN u.order_id IS NULL THEN 'claimed by ' || g.claimed_by || ', whose record does not say used'
      WHEN g.id IS NULL THEN 'used by ' || u.order_id || ', but not claimed by it'
      ELSE 'the discount on ' || u.order_id || ' is not the sum of its lines' END AS what
  FROM (SELECT id, claimed_by FROM quota_grant WHERE claimed_by IS NOT NULL) g
  FULL JOIN (SELECT order_id, coupon_id, (outcome->'discount'->>'discount')::bigint AS discount,
      (SELECT sum((l->>'discount')::bigint) FROM jsonb_array_elements(outcome->'discount'->'lines') l) AS parts
    FROM coupon_use WHERE status = 'used') u ON u.coupon_id::text = g.id AND u.order_id::text = g.claimed_by
  WHERE g.id IS NULL OR u.order_id IS NULL OR u.discount IS DISTINCT FROM u.parts LIMIT ${Audit.maxNamedViolations}`;

interface Spent {
  readonly id: string;
  readonly coupon: string;
  readonly discount: bigint;
}

const wrong = (orders: SqlClient.SqlClient, uses: ReadonlyArray<Spent>) => orders<Audit.Violation>`
  SELECT o.id::text AS id, CASE WHEN status IN ('FAILED', 'CANCELED') THEN status || ', but its coupon is used'
      ELSE 'the order takes off ' || coalesce(taken::text, 'nothing yet') || ' won, its coupon ' || x.discount END AS what
  FROM ${Bulk.rows(orders, "x", { id: "uuid", coupon: "uuid", discount: "int8" }, uses)} JOIN orders o ON o.id = x.id
  CROSS JOIN LATERAL (SELECT sum((item->>'discount')::bigint) AS taken FROM jsonb_array_elements(items) item) parts
  WHERE status IN ('FAILED', 'CANCELED') OR coupon_id IS DISTINCT FROM x.coupon
    OR (amount IS NOT NULL AND taken IS DISTINCT FROM x.discount)`;

/** Without witnesses, what the rows say of themselves. */
export const audit = Effect.fnUntraced(function* (
  witnesses: ReadonlyArray<ShopperCoupon> = [],
): Effect.fn.Return<ReadonlyArray<Audit.Finding>, SqlError, Sources> {
  const sources = yield* Sources;
  const sql = sources.of("coupon");
  const quota = yield* Effect.provideService(QuotaAudit.audit, SqlClient.SqlClient, sql);
  const uses = count(yield* sql<{ readonly n: bigint }>`SELECT count(*) AS n FROM coupon_use WHERE status = 'used'`);

  const left: Array<Audit.Violation> = [];
  let after = "00000000-0000-0000-0000-000000000000";
  for (;;) {
    const page = yield* sql<Spent>`SELECT order_id::text AS id, coupon_id::text AS coupon,
        (outcome->'discount'->>'discount')::bigint AS discount FROM coupon_use
      WHERE status = 'used' AND order_id > ${after}::uuid ORDER BY order_id LIMIT ${pageRows}`;
    if (page.length > 0) left.push(...(yield* wrong(sources.of("order"), page)));
    if (page.length < pageRows) break;
    after = page.at(-1)?.id ?? after;
  }
  return [
    Audit.merge("I3", [
      quota,
      { id: "I3", checked: uses, violations: yield* spent(sql) },
      yield* CouponWitness.audit(sql, witnesses),
    ]),
    { id: "I10", checked: uses, violations: left.slice(0, Audit.maxNamedViolations) },
  ];
});
