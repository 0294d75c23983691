/**
 * What the attempts prove about money, without asking a gateway.
 *
 * - I4, our half: per reference at most one captured attempt that was not given back, and none beside a closed intent.
 * - I11: what was given up is asked about while its guard lasts, and a late approval is voided within `voidMillis` of when it
 *   was seen. It is seen when its gateway answers, because until then it is asked again and again: an attempt whose next
 *   question is overdue by `overdueMillis`, or that has none before its guard ended, is a violation too.
 */
import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import * as SqlClient from "effect/sql/SqlClient";
import type { SqlError } from "effect/sql/SqlError";
import * as Bulk from "../sql/Bulk.ts";
import { type Finding, maxNamedViolations, type Violation } from "../machine/Audit.ts";

/** From seeing a late approval to having its money back. */
export const voidMillis = 60_000;
/** How long after its time an attempt may wait for its next question. */
export const overdueMillis = 60_000;

const late = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient;
  const now = new Date(yield* Clock.currentTimeMillis);
  const [count] = yield* sql<{ readonly n: bigint }>`
    SELECT count(*) AS n FROM payment_attempt WHERE abandoned_at IS NOT NULL OR observed_at IS NOT NULL`;
  const violations = yield* sql<Violation>`
    WITH late AS (
      SELECT reference || '/' || no AS id, status, next_action_at, guard_until,
        CASE WHEN status IN ('late_captured', 'voiding', 'voided')
          THEN extract(epoch FROM coalesce(settled_at, ${now}) - observed_at) * 1000 END AS took_millis,
        extract(epoch FROM ${now} - next_action_at) * 1000 AS overdue_millis, coalesce(inquired_at, abandoned_at) AS asked_at
      FROM payment_attempt WHERE abandoned_at IS NOT NULL OR observed_at IS NOT NULL)
    SELECT id, CASE
      WHEN took_millis IS NOT NULL OR status IN ('late_captured', 'voiding', 'voided')
        THEN status || ' ' || coalesce(round(took_millis)::text, 'an unknown number of') || ' ms after it was seen'
      WHEN next_action_at IS NULL THEN 'abandoned, and nobody asks about it any more'
      ELSE 'abandoned, and not asked about for ' || round(overdue_millis) || ' ms' END AS what
    FROM late
    WHERE (status IN ('late_captured', 'voiding', 'voided') AND coalesce(took_millis, ${voidMillis + 1}) > ${voidMillis})
      OR (status = 'abandoned' AND next_action_at IS NULL AND asked_at < guard_until)
      OR (status IN ('abandoned', 'late_captured', 'voiding') AND overdue_millis > ${overdueMillis})
    LIMIT ${maxNamedViolations}`;
  return { id: "I11", checked: Number(count?.n ?? 0n), violations };
});

export const audit: Effect.Effect<ReadonlyArray<Finding>, SqlError, SqlClient.SqlClient> = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient;
  const [count] = yield* sql<{ readonly n: bigint }>`SELECT count(*) AS n FROM payment_attempt`;
  const violations = yield* sql<Violation>`
    SELECT i.reference AS id, 'the intent is ' || i.status || ' with ' || count(a.no) || ' captured attempts' AS what
    FROM payment_intent i LEFT JOIN payment_attempt a ON a.reference = i.reference AND a.status = 'captured'
    GROUP BY i.reference, i.status
    HAVING count(a.no) <> (CASE WHEN i.status = 'captured' THEN 1 ELSE 0 END) LIMIT ${maxNamedViolations}`;
  return [{ id: "I4", checked: Number(count?.n ?? 0n), violations }, yield* late];
});

/** Attempts that were given up and did not turn out to be approved: their gateways must not hold money of them. */
export const abandoned: Effect.Effect<
  ReadonlyArray<{ readonly id: string; readonly paymentKey: string; readonly status: string }>,
  SqlError,
  SqlClient.SqlClient
> = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient;
  return yield* sql<{ readonly id: string; readonly paymentKey: string; readonly status: string }>`
    SELECT reference || '/' || no AS id, payment_key AS "paymentKey", status FROM payment_attempt
    WHERE abandoned_at IS NOT NULL AND status IN ('abandoned', 'declined')`;
});

/** What is left of the money of each reference: captured and not given back. */
export interface Balance {
  readonly reference: string;
  readonly status: string;
  readonly amount: number;
  readonly captured: number;
  readonly refunded: number;
}

/** For audits across services: the balances of these references. */
export const balances = Effect.fnUntraced(function* (
  references: ReadonlyArray<string>,
): Effect.fn.Return<ReadonlyArray<Balance>, SqlError, SqlClient.SqlClient> {
  const sql = yield* SqlClient.SqlClient;
  const rows = yield* sql<{
    readonly reference: string;
    readonly status: string;
    readonly amount: bigint;
    readonly captured: bigint;
    readonly refunded: bigint;
  }>`
    SELECT i.reference, i.status, i.amount,
      i.amount * count(a.no) FILTER (WHERE a.status IN ('captured', 'refunding', 'refunded')) AS captured,
      i.amount * count(a.no) FILTER (WHERE a.status = 'refunded') AS refunded
    FROM payment_intent i LEFT JOIN payment_attempt a USING (reference)
    WHERE i.reference = ${Bulk.any(sql, "text", references)} GROUP BY i.reference`;
  return rows.map(({ amount, captured, refunded, ...row }) => ({
    ...row,
    amount: Number(amount),
    captured: Number(captured),
    refunded: Number(refunded),
  }));
});
