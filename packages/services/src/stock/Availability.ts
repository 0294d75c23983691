/**
 * How much is left, for shop windows: the query side beside the ledger.
 *
 * Guarantee: at most `maxStaleMillis` old, and a lower version never follows a higher one. It promises nothing: whether
 * units can be held is for the ledger to say. Thousands of looks at one product cost the database two reads a second.
 */
import * as Cache from "effect/Cache";
import * as Effect from "effect/Effect";
import type { SqlClient } from "effect/sql/SqlClient";
import type { SqlError } from "effect/sql/SqlError";

export const maxStaleMillis = 500;
export const maxCachedProducts = 10_000;

export interface Available {
  readonly available: number;
  readonly version: number;
}

export const make = (sql: SqlClient): Effect.Effect<(sku: string) => Effect.Effect<Available | undefined, SqlError>> =>
  Effect.map(
    Cache.make({
      capacity: maxCachedProducts,
      timeToLive: maxStaleMillis,
      lookup: (sku: string) =>
        Effect.map(
          sql<Available>`SELECT total - held - claimed AS available, version FROM stock WHERE sku = ${sku}`,
          (rows) => rows[0],
        ),
    }),
    (cache) => (sku) => Cache.get(cache, sku),
  );
