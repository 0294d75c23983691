/** The product context on the bus: prices for orders, and what stock tells. */
import { GroupCommit } from "@destiny/sdk/machine";
import { Consumer } from "@destiny/sdk/outbox";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Schema from "effect/Schema";
import * as SqlClient from "effect/sql/SqlClient";
import { ProductReopened, ProductSoldOut, Topics, ValidateProducts } from "../contracts/index.ts";
import { Answer, emit, machine, type ProductInput } from "./Domain.ts";
import * as Store from "./Store.ts";

export const decode = Consumer.decoder<ProductInput>([
  Consumer.on(ValidateProducts, (payload) => ({ _tag: "Validate", ...payload })),
  Consumer.on(ProductSoldOut, (payload) => ({ _tag: "StockChanged", available: false, ...payload })),
  Consumer.on(ProductReopened, (payload) => ({ _tag: "StockChanged", available: true, ...payload })),
]);

export const layer = Layer.effectDiscard(
  Effect.gen(function* () {
    const commit = yield* GroupCommit.make({
      machine,
      store: Store.make(yield* SqlClient.SqlClient),
      output: Answer,
      rejection: Schema.Never,
      emit,
    });
    yield* Consumer.run({ group: "product", topics: [Topics.productCommands, Topics.stockEvents], decode, commit });
  }),
);
