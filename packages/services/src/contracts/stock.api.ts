/** The stock context over HTTP: how much is left. */
import { Problem } from "@destiny/sdk/http";
import * as Schema from "effect/Schema";
import * as HttpApi from "effect/http-api/HttpApi";
import * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint";
import * as HttpApiGroup from "effect/http-api/HttpApiGroup";
import { ProductId } from "./common.ts";

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

export class Stocks extends HttpApiGroup.make("stocks").add(
  HttpApiEndpoint.get("get", "/v1/stocks/:productId", {
    params: { productId: ProductId },
    success: Availability,
    error: StockNotFound,
  }),
) {}

export class StockApi extends HttpApi.make("stock").add(Stocks).annotateMerge(Problem.reportAll) {}
