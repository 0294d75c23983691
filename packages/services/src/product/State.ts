/** What the product machine remembers: products, the names that they have taken, and who manages which brand. */
import type { Machine } from "@destiny/sdk/machine";
import * as Schema from "effect/Schema";
import {
  BrandId,
  type BrandFact,
  type CreateProduct,
  InvalidProduct,
  type Line,
  type OrderId,
  PricedLine,
  Product,
  ProductId,
  type UpdateProduct,
  UserId,
} from "../contracts/index.ts";
import type { By } from "../shared/Caller.ts";

export const Listed = Schema.TaggedStruct("Product", {
  ...Product.fields,
  /** Version of the stock event that was applied last: a lower one comes too late. */
  stockVersion: Schema.Int,
  /** Also of a hidden product, whose status does not say it. */
  isSoldOut: Schema.Boolean,
  isRemoved: Schema.Boolean,
});
export type Listed = typeof Listed.Type;

/** null: the product that had it is removed, or is called otherwise now. */
export const Name = Schema.TaggedStruct("Name", { id: Schema.String, productId: Schema.NullOr(ProductId) });
export type Name = typeof Name.Type;

/** A brand as its own context tells it. */
export const Owner = Schema.TaggedStruct("Owner", {
  brandId: BrandId,
  managerId: UserId,
  isRemoved: Schema.Boolean,
  /** Version of the brand. */
  told: Schema.Int,
});
export type Owner = typeof Owner.Type;

export type State = Listed | Name | Owner;
export type Key = `product/${string}` | `name/${string}` | `brand/${string}`;

export const productKey = (id: ProductId): Key => `product/${id}`;
export const brandKey = (id: BrandId): Key => `brand/${id}`;
export const nameId = (brandId: BrandId, name: string): string => `${brandId}/${name}`;
export const nameKey = (brandId: BrandId, name: string): Key => `name/${nameId(brandId, name)}`;

export type ProductInput =
  | { readonly _tag: "Validate"; readonly orderId: OrderId; readonly lines: ReadonlyArray<Line> }
  | {
      readonly _tag: "StockChanged";
      readonly productId: ProductId;
      readonly version: number;
      readonly available: boolean;
    }
  | ({ readonly _tag: "BrandTold"; readonly isRemoved: boolean } & BrandFact)
  | ({ readonly _tag: "Create"; readonly productId: ProductId; readonly by: By } & CreateProduct)
  | ({ readonly _tag: "Update"; readonly productId: ProductId; readonly by: By } & UpdateProduct)
  | { readonly _tag: "Remove"; readonly productId: ProductId; readonly by: By }
  | {
      readonly _tag: "Restock";
      readonly productId: ProductId;
      readonly by: By;
      readonly quantity: number;
      readonly movement: string;
    };
export type InputOf<Tag extends ProductInput["_tag"]> = Extract<ProductInput, { readonly _tag: Tag }>;

export const Answer = Schema.Union([
  Schema.TaggedStruct("Validated", { lines: Schema.Array(PricedLine) }),
  Schema.TaggedStruct("Refused", { products: Schema.Array(InvalidProduct) }),
  Schema.TaggedStruct("Listed", { product: Product }),
  Schema.TaggedStruct("Noted", {}),
]);
export type Answer = typeof Answer.Type;

export const Rejection = Schema.Union([
  Schema.TaggedStruct("NotFound", {}),
  Schema.TaggedStruct("BrandNotFound", {}),
  Schema.TaggedStruct("NotManager", {}),
  Schema.TaggedStruct("NameTaken", {}),
]);
export type Rejection = typeof Rejection.Type;

export type Seen = Machine.View<Key, State>;
export type Verdict = Machine.Verdict<Key, State, Answer, Rejection>;

/** A removed product is nobody's any more. */
export const productOf = (view: Seen, id: ProductId): Listed | undefined => {
  const state = view.get(productKey(id));
  return state?._tag === "Product" && !state.isRemoved ? state : undefined;
};

/** What is not hidden says whether something is left. */
export const withStock = (product: Listed): Listed =>
  product.status === "HIDED" ? product : { ...product, status: product.isSoldOut ? "OUT_OF_STOCK" : "AVAILABLE" };
