/** The brands of a rehearsal, as the brand context would have told them. None has a webhook: its manager names one. */
import type * as Effect from "effect/Effect";
import type * as SqlClient from "effect/sql/SqlClient";
import type { SqlError } from "effect/sql/SqlError";
import type { BrandFact } from "../contracts/index.ts";
import { insertMissing } from "../shared/Seeding.ts";
import { routeRow, routeTable } from "./Rows.ts";
import { newRoute } from "./State.ts";

export const seed = (brands: ReadonlyArray<BrandFact>): Effect.Effect<void, SqlError, SqlClient.SqlClient> =>
  insertMissing(
    routeTable,
    brands.map(({ brandId, brandName, managerId, version: brandVersion }) =>
      routeRow({ version: 1, state: { ...newRoute(brandId), managerId, brandName, brandVersion } }),
    ),
  );
