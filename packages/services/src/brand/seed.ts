/** Brands for rehearsals, straight into this service's store. Nobody is told of them: who knows brands is seeded with them. */
import type * as Effect from "effect/Effect";
import type * as SqlClient from "effect/sql/SqlClient";
import type { SqlError } from "effect/sql/SqlError";
import type { BrandFact } from "../contracts/index.ts";
import { insertMissing } from "../shared/Seeding.ts";
import { brandRow, brandTable } from "./Store.ts";

export interface InitialBrand extends BrandFact {
  /** UTC epoch milliseconds. */
  readonly createdAt: number;
}

export const seed = (brands: ReadonlyArray<InitialBrand>): Effect.Effect<void, SqlError, SqlClient.SqlClient> =>
  insertMissing(
    brandTable,
    brands.map(({ brandId: id, brandName: name, createdAt, managerId, version }) =>
      brandRow({
        version,
        state: { _tag: "Brand", id, managerId, name, removed: false, createdAt, updatedAt: createdAt },
      }),
    ),
  );
