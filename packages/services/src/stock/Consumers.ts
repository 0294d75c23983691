/** The stock context on the bus: commands of the saga, and products that come into the world. */
import { Consumer } from "@destiny/sdk/outbox";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import { Topics } from "../contracts/index.ts";
import { decode } from "./Messages.ts";
import { Stocks } from "./Stocks.ts";

export const topics = [Topics.stockCommands, Topics.productEvents];

export const layer = Layer.effectDiscard(
  Effect.gen(function* () {
    const { commit, sweeper } = yield* Stocks;
    yield* Consumer.run({ group: "stock", topics, decode, commit });
    yield* Effect.forkScoped(sweeper);
  }),
);
