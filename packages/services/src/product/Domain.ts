/** The product as a machine: what is on sale, at which price. Stock decides how much is left and tells it by events. */
import { type Decided, Machine } from "@destiny/sdk/machine";
import { type Envelope, Message } from "@destiny/sdk/message";
import * as Schema from "effect/Schema";
import {
  InvalidProduct,
  type Line,
  maxWon,
  OrderId,
  PricedLine,
  Product,
  ProductId,
  ValidateProducts,
} from "../contracts/index.ts";

export const ProductState = Schema.Struct({
  ...Product.fields,
  /** Version of the stock event that was applied last: a lower one comes too late. */
  stockVersion: Schema.Int,
});
export type ProductState = typeof ProductState.Type;

export type ProductInput =
  | { readonly _tag: "Validate"; readonly orderId: OrderId; readonly lines: ReadonlyArray<Line> }
  | {
      readonly _tag: "StockChanged";
      readonly productId: ProductId;
      readonly version: number;
      readonly available: boolean;
    };

export const Answer = Schema.Union([
  Schema.TaggedStruct("Validated", { lines: Schema.Array(PricedLine) }),
  Schema.TaggedStruct("Refused", { products: Schema.Array(InvalidProduct) }),
  Schema.TaggedStruct("Noted", {}),
]);
export type Answer = typeof Answer.Type;

type View = Machine.View<ProductId, ProductState>;

const validate = (view: View, lines: ReadonlyArray<Line>): Answer => {
  const products: Array<typeof InvalidProduct.Type> = [];
  const priced: Array<PricedLine> = [];
  let total = 0;
  for (const { productId, quantity } of lines) {
    const product = view.get(productId);
    if (product === undefined) products.push({ productId, reason: "NOT_FOUND" });
    else if (product.status === "HIDED") products.push({ productId, reason: "UNAVAILABLE" });
    else {
      total += product.price * quantity;
      if (total > maxWon) products.push({ productId, reason: "OVER_LIMIT" });
      else priced.push({ productId, brandId: product.brandId, quantity, unitPrice: product.price });
    }
  }
  return products.length > 0 ? { _tag: "Refused", products } : { _tag: "Validated", lines: priced };
};

export const machine: Machine.Machine<ProductId, ProductState, ProductInput, Answer, never> = {
  name: "product",
  keys: (input) => (input._tag === "Validate" ? input.lines.map(({ productId }) => productId) : [input.productId]),
  decide: (view, { input }) => {
    // OUT_OF_STOCK is a hint for shop windows and may be late; whether units are left is for the ledger to say.
    if (input._tag === "Validate") return Machine.accept([], [validate(view, input.lines)]);
    const product = view.get(input.productId);
    if (product === undefined || product.stockVersion >= input.version) return Machine.accept([], [{ _tag: "Noted" }]);
    const open = input.available ? ("AVAILABLE" as const) : ("OUT_OF_STOCK" as const);
    const status = product.status === "HIDED" ? product.status : open;
    return Machine.accept([[product.id, { ...product, status, stockVersion: input.version }]], [{ _tag: "Noted" }]);
  },
};

export const emit = ({
  input,
  verdict,
}: Decided<ProductId, ProductInput, Answer, never>): ReadonlyArray<Envelope.Draft> => {
  const { envelope } = input;
  if (verdict._tag === "Rejected" || envelope === undefined) return [];
  return verdict.outputs.flatMap((answer) => {
    switch (answer._tag) {
      case "Validated":
        return Message.reply(ValidateProducts, envelope, { _tag: "Done", value: { lines: answer.lines } });
      case "Refused":
        return Message.reply(ValidateProducts, envelope, { _tag: "Refused", reason: { products: answer.products } });
      case "Noted":
        return [];
    }
  });
};
