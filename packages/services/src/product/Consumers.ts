/** The product context on the bus: prices for orders, and what stock tells. */
import { Consumer } from "@destiny/sdk/outbox";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import { ProductReopened, ProductSoldOut, Topics, ValidateProducts } from "../contracts/index.ts";
import type { ProductInput } from "./Domain.ts";
import { Products } from "./Products.ts";

export const decode = Consumer.decoder<ProductInput>([
  Consumer.on(ValidateProducts, (payload) => ({ _tag: "Validate", ...payload })),
  Consumer.on(ProductSoldOut, (payload) => ({ _tag: "StockChanged", available: false, ...payload })),
  Consumer.on(ProductReopened, (payload) => ({ _tag: "StockChanged", available: true, ...payload })),
]);

export const layer = Layer.effectDiscard(
  Effect.gen(function* () {
    const { commit } = yield* Products;
    yield* Consumer.run({ group: "product", topics: [Topics.productCommands, Topics.stockEvents], decode, commit });
  }),
);
