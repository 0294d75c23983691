/**
 * The product as a machine: what is on sale, at which price, and who may say so.
 *
 * Guarantee: no two products of a brand that are not removed have one name; only the manager of its brand, or a MASTER, lists,
 * changes, restocks or removes a product. Stock decides how much is left and tells it by events; who manages a brand tells the
 * brand context.
 */
import { type Decided, Machine } from "@destiny/sdk/machine";
import { type Envelope, Message } from "@destiny/sdk/message";
import {
  type InvalidProduct,
  type Line,
  maxWon,
  type PricedLine,
  ProductCreated,
  ProductRestocked,
  ValidateProducts,
} from "../contracts/index.ts";
import * as Listing from "./Listing.ts";
import {
  type Answer,
  brandKey,
  type InputOf,
  type Key,
  nameKey,
  productKey,
  type ProductInput,
  productOf,
  type Rejection,
  type Seen,
  type State,
  withStock,
  type Verdict,
} from "./State.ts";

const validate = (view: Seen, lines: ReadonlyArray<Line>): Answer => {
  const products: Array<typeof InvalidProduct.Type> = [];
  const priced: Array<PricedLine> = [];
  let total = 0;
  for (const { productId, quantity } of lines) {
    const product = productOf(view, productId);
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

const stockChanged = (view: Seen, { available, productId, version }: InputOf<"StockChanged">): Verdict => {
  const product = productOf(view, productId);
  if (product === undefined || product.stockVersion >= version) return Machine.accept([], [{ _tag: "Noted" }]);
  const next = withStock({ ...product, isSoldOut: !available, stockVersion: version });
  return Machine.accept([[productKey(productId), next]], [{ _tag: "Noted" }]);
};

export const machine: Machine.Machine<Key, State, ProductInput, Answer, Rejection> = {
  name: "product",
  keys: (input) => {
    switch (input._tag) {
      case "Validate":
        return input.lines.map(({ productId }) => productKey(productId));
      case "BrandTold":
        return [brandKey(input.brandId)];
      case "Create":
        return [productKey(input.productId), brandKey(input.brandId), nameKey(input.brandId, input.name)];
      default:
        return [productKey(input.productId)];
    }
  },
  more: Listing.more,
  creates: (input) => (input._tag === "Create" ? [productKey(input.productId)] : []),
  decide: (view, { input }): Verdict => {
    switch (input._tag) {
      // OUT_OF_STOCK is a hint for shop windows and may be late; whether units are left is for the ledger to say.
      case "Validate":
        return Machine.accept([], [validate(view, input.lines)]);
      case "StockChanged":
        return stockChanged(view, input);
      case "BrandTold":
        return Listing.brandTold(view, input);
      case "Create":
        return Listing.create(view, input);
      case "Update":
        return Listing.update(view, input);
      case "Remove":
        return Listing.remove(view, input);
      case "Restock":
        return Listing.restock(view, input);
    }
  },
};

export const emit = ({
  input: { envelope, input },
  verdict,
}: Decided<Key, ProductInput, Answer, Rejection>): ReadonlyArray<Envelope.Draft> => {
  if (verdict._tag === "Rejected") return [];
  return verdict.outputs.flatMap((answer): ReadonlyArray<Envelope.Draft> => {
    switch (answer._tag) {
      case "Validated":
        return envelope === undefined
          ? []
          : Message.reply(ValidateProducts, envelope, { _tag: "Done", value: { lines: answer.lines } });
      case "Refused":
        return envelope === undefined
          ? []
          : Message.reply(ValidateProducts, envelope, { _tag: "Refused", reason: { products: answer.products } });
      case "Listed": {
        if (input._tag === "Restock") {
          const { movement, productId, quantity } = input;
          return [Message.draft(ProductRestocked, { productId, quantity, movement })];
        }
        if (input._tag !== "Create") return [];
        const { brandId, productId, quantity } = input;
        return [Message.draft(ProductCreated, { productId, brandId, quantity }, { orderedBy: productKey(productId) })];
      }
      case "Noted":
        return [];
    }
  });
};
