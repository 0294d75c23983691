/** The stock context over HTTP: how much is left, and how more comes in. */
import { Auth, IdempotencyKey, Problem } from "@destiny/sdk/http";
import * as Schema from "effect/Schema";
import * as HttpApi from "effect/http-api/HttpApi";
import * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint";
import * as HttpApiGroup from "effect/http-api/HttpApiGroup";
import { ProductId, Text } from "./common.ts";
import { DeadLetters } from "./dead-letters.api.ts";

export const Availability = Schema.Struct({
  productId: ProductId,
  /** Units that can be held now; may be stale by `maxStaleMillis` of the view. */
  available: Schema.Int,
  version: Schema.Int,
});

export class StockNotFound extends Problem.Class<StockNotFound>()("StockNotFound", {
  code: "STOCK-001",
  status: 404,
  title: "This product has no stock",
}) {}

/** Units that are held or sold cannot be taken away. */
export class BelowPromised extends Problem.Class<BelowPromised>()(
  "BelowPromised",
  { code: "STOCK-002", status: 409, title: "More units are held or sold than would be left" },
  { promised: Schema.Int },
) {}

export class TooManyUnits extends Problem.Class<TooManyUnits>()(
  "TooManyUnits",
  { code: "STOCK-003", status: 409, title: "A product cannot have that many units" },
  { most: Schema.Int },
) {}

/** All units that ever came in, as the ledger says. */
export const Stocked = Schema.Struct({ productId: ProductId, total: Schema.Int });

export const maxMovedUnits = 1_000_000;
const units = (minimum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum: maxMovedUnits }));
const ofProduct = { productId: ProductId };
const moving = {
  params: ofProduct,
  headers: { "idempotency-key": IdempotencyKey.Header },
  success: Stocked,
} as const;
const errors = [StockNotFound, TooManyUnits, IdempotencyKey.Reused, Problem.Unavailable] as const;

export class Stocks extends HttpApiGroup.make("stocks").add(
  HttpApiEndpoint.get("get", "/v1/stocks/:productId", {
    params: ofProduct,
    success: Availability,
    error: StockNotFound,
  }),
) {}

export class Stockroom extends HttpApiGroup.make("stockroom")
  .add(
    HttpApiEndpoint.post("restock", "/v1/stocks/:productId/restock", {
      ...moving,
      payload: Schema.Struct({ quantity: units(1) }),
      error: errors,
    }).annotate(Auth.Roles, ["MASTER"]),
    /** After a count: what was found, lost or broken. */
    HttpApiEndpoint.post("adjust", "/v1/stocks/:productId/adjust", {
      ...moving,
      payload: Schema.Struct({ delta: units(-maxMovedUnits), reason: Text({ minLength: 1, maxLength: 200 }) }),
      error: [...errors, BelowPromised],
    }).annotate(Auth.Roles, ["MASTER"]),
  )
  .middleware(Auth.Bearer) {}

export class StockApi extends HttpApi.make("stock")
  .add(Stocks, Stockroom)
  .add(DeadLetters)
  .annotateMerge(Problem.reportAll) {}
