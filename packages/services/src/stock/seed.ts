/** First units for rehearsals: the counters, and the ledger row that explains them. */
import { Bulk } from "@destiny/sdk/sql";
import * as Effect from "effect/Effect";
import * as SqlClient from "effect/sql/SqlClient";
import type { SqlError } from "effect/sql/SqlError";

export interface InitialStock {
  readonly sku: string;
  readonly quantity: number;
}

const columns = { sku: "text", quantity: "int4" } as const;

/** What has stock keeps it: seeding twice changes nothing. */
export const seed = (stocks: ReadonlyArray<InitialStock>): Effect.Effect<void, SqlError, SqlClient.SqlClient> =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient;
    yield* sql`
      WITH created AS (
        INSERT INTO stock (sku, version, total, held, claimed)
        SELECT x.sku, 1, x.quantity, 0, 0 FROM ${Bulk.rows(sql, "x", columns, stocks)} ON CONFLICT DO NOTHING
        RETURNING sku, total)
      INSERT INTO stock_ledger (sku, version, cause, kind, order_id, total_delta, held_delta, claimed_delta, at)
      SELECT sku, 1, 'seed ' || sku, 'Restock', NULL, total, 0, 0, now() FROM created`;
  });
