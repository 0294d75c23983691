/** The stock context over HTTP: see contracts/stock.api.ts. */
import * as Effect from "effect/Effect";
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder";
import * as Layer from "effect/Layer";
import { StockApi, StockNotFound } from "../contracts/index.ts";
import { decode } from "./Messages.ts";
import { Stocks } from "./Stocks.ts";
import * as DeadLetterDesk from "../shared/DeadLetterDesk.ts";

const own = HttpApiBuilder.group(StockApi, "stocks", (handlers) =>
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

const deadLetters = HttpApiBuilder.group(StockApi, "deadLetters", (handlers) =>
  Effect.gen(function* () {
    const { commit } = yield* Stocks;
    return handlers.handleAll(yield* DeadLetterDesk.make({ consumer: "stock", decode, commit }));
  }),
);

export const layer = Layer.merge(own, deadLetters);
