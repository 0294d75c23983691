/**
 * What the attempts prove about money, without asking a gateway.
 *
 * - I4, our half: per reference at most one captured attempt that was not given back, and none beside a closed intent.
 */
import * as Effect from "effect/Effect";
import * as SqlClient from "effect/sql/SqlClient";
import type { SqlError } from "effect/sql/SqlError";
import * as Bulk from "../sql/Bulk.ts";
import { type Finding, maxNamedViolations, type Violation } from "../machine/Audit.ts";

export const audit: Effect.Effect<ReadonlyArray<Finding>, SqlError, SqlClient.SqlClient> = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient;
  const [count] = yield* sql<{ readonly n: bigint }>`SELECT count(*) AS n FROM payment_attempt`;
  const violations = yield* sql<Violation>`
    SELECT i.reference AS id, 'the intent is ' || i.status || ' with ' || count(a.no) || ' captured attempts' AS what
    FROM payment_intent i LEFT JOIN payment_attempt a ON a.reference = i.reference AND a.status = 'captured'
    GROUP BY i.reference, i.status
    HAVING count(a.no) <> (CASE WHEN i.status = 'captured' THEN 1 ELSE 0 END) LIMIT ${maxNamedViolations}`;
  return [{ id: "I4", checked: Number(count?.n ?? 0n), violations }];
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
