/** Figures of a run that only the payment service's tables know. */
import * as Effect from "effect/Effect";
import * as SqlClient from "effect/sql/SqlClient";
import type { SqlError } from "effect/sql/SqlError";
import { providerName } from "./Messages.ts";

export interface PaymentFigures {
  /** Orders, not won. */
  readonly captured: number;
  readonly refunded: number;
  /** Orders that were sent to another gateway. */
  readonly reissued: number;
  /** Attempts whose outcome had to be asked for, and was found. */
  readonly unknownResolved: number;
  /** Approvals that nobody wanted any more, and whose money went back. */
  readonly voidedLate: number;
  readonly byGateway: Readonly<Record<string, number>>;
}

export const figures: Effect.Effect<PaymentFigures, SqlError, SqlClient.SqlClient> = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient;
  const rows = yield* sql<{
    readonly provider: string;
    readonly captured: bigint;
    readonly refunded: bigint;
    readonly resolved: bigint;
    readonly voided: bigint;
  }>`
    SELECT provider,
      count(*) FILTER (WHERE status IN ('captured', 'refunding', 'refunded')) AS captured,
      count(*) FILTER (WHERE status = 'refunded') AS refunded,
      count(*) FILTER (WHERE tries > 0 AND status IN ('captured', 'declined')) AS resolved,
      count(*) FILTER (WHERE status = 'voided') AS voided
    FROM payment_attempt GROUP BY provider`;
  const [moved] = yield* sql<{ readonly n: bigint }>`
    SELECT count(*) AS n FROM payment_intent WHERE jsonb_array_length(routes) > 1`;
  const sum = (pick: (row: (typeof rows)[number]) => bigint): number =>
    rows.reduce((total, row) => total + Number(pick(row)), 0);
  return {
    captured: sum((row) => row.captured),
    refunded: sum((row) => row.refunded),
    reissued: Number(moved?.n ?? 0n),
    unknownResolved: sum((row) => row.resolved),
    voidedLate: sum((row) => row.voided),
    byGateway: Object.fromEntries(rows.map((row) => [providerName(row.provider), Number(row.captured)])),
  };
});
