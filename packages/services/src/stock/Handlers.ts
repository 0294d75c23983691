/** The stock context over HTTP: see contracts/stock.api.ts. */
import * as Effect from "effect/Effect";
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder";
import { StockApi, StockNotFound } from "../contracts/index.ts";
import { Stocks } from "./Stocks.ts";

export const layer = HttpApiBuilder.group(StockApi, "stocks", (handlers) =>
  Effect.gen(function* () {
    const { availability } = yield* Stocks;
    return handlers.handle(
      "get",
      Effect.fn("stock.get")(function* ({ params: { productId } }) {
        const found = yield* Effect.orDie(availability(productId));
        return found === undefined ? yield* new StockNotFound({}) : { productId, ...found };
      }),
    );
  }),
);
