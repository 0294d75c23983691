/** What the product context is asked, and what it tells. */
import { Message } from "@destiny/sdk/message";
import * as Schema from "effect/Schema";
import { BrandId, Line, OrderId, PricedLine, ProductId, Quantity } from "./common.ts";
import { maxMovedUnits } from "./stock.api.ts";
import { productCommands, productEvents } from "./topics.ts";

/** A product that cannot be ordered, and why. `OVER_LIMIT`: with the lines before it the order exceeds `maxWon`. */
export const InvalidProduct = Schema.Struct({
  productId: ProductId,
  reason: Schema.Literals(["NOT_FOUND", "UNAVAILABLE", "OVER_LIMIT"]),
});

/** Are all of these on sale, and at which price? The answer fixes the prices of the order, `maxWon` in total at most. */
export const ValidateProducts = Message.command("product.validate.v1", {
  topic: productCommands,
  payload: Schema.Struct({ orderId: OrderId, lines: Schema.Array(Line) }),
  key: ({ orderId }) => orderId,
  success: Schema.Struct({ lines: Schema.Array(PricedLine) }),
  refusal: Schema.Struct({ products: Schema.Array(InvalidProduct) }),
});

/** A product was put on sale with its first units: the stock context opens its ledger. */
export const ProductCreated = Message.event("product.created.v1", {
  topic: productEvents,
  payload: Schema.Struct({
    productId: ProductId,
    brandId: BrandId,
    quantity: Schema.Union([Schema.Literal(0), Quantity]),
  }),
  key: ({ productId }) => productId,
});

export const RestockedUnits = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: maxMovedUnits }));

/** Who manages a product's brand brought more of it: the stock context counts them. */
export const ProductRestocked = Message.event("product.restocked.v1", {
  topic: productEvents,
  payload: Schema.Struct({
    productId: ProductId,
    quantity: RestockedUnits,
    /** Names the movement: the ledger has it once. */
    movement: Schema.String,
  }),
  key: ({ productId }) => productId,
});
