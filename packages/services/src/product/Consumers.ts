/** The product context on the bus: prices for orders, and what stock and brands tell. */
import { Consumer } from "@destiny/sdk/outbox";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import {
  BrandCreated,
  BrandDeleted,
  BrandUpdated,
  ProductReopened,
  ProductSoldOut,
  Topics,
  ValidateProducts,
} from "../contracts/index.ts";
import { Products } from "./Products.ts";
import type { ProductInput } from "./State.ts";

export const topics = [Topics.productCommands, Topics.stockEvents, Topics.brandEvents];

export const decode = Consumer.decoder<ProductInput>([
  Consumer.on(ValidateProducts, (payload) => ({ _tag: "Validate", ...payload })),
  Consumer.on(ProductSoldOut, (payload) => ({ _tag: "StockChanged", available: false, ...payload })),
  Consumer.on(ProductReopened, (payload) => ({ _tag: "StockChanged", available: true, ...payload })),
  Consumer.on(BrandCreated, (payload) => ({ _tag: "BrandTold", isRemoved: false, ...payload })),
  Consumer.on(BrandUpdated, (payload) => ({ _tag: "BrandTold", isRemoved: false, ...payload })),
  Consumer.on(BrandDeleted, (payload) => ({ _tag: "BrandTold", isRemoved: true, ...payload })),
]);

export const layer = Layer.effectDiscard(
  Effect.gen(function* () {
    const { commit } = yield* Products;
    yield* Consumer.run({ group: "product", topics, decode, commit });
  }),
);
