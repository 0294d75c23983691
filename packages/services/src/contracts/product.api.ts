/** The product context over HTTP: reading is open to everybody; a hidden product does not exist there. */
import { Page, Problem } from "@destiny/sdk/http";
import * as Schema from "effect/Schema";
import * as HttpApi from "effect/http-api/HttpApi";
import * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint";
import * as HttpApiGroup from "effect/http-api/HttpApiGroup";
import { BrandId, ProductId, Text, Won } from "./common.ts";
import { DeadLetters } from "./dead-letters.api.ts";

export const ProductStatus = Schema.Literals(["AVAILABLE", "OUT_OF_STOCK", "HIDED"]);
export type ProductStatus = typeof ProductStatus.Type;

export const Product = Schema.Struct({
  id: ProductId,
  brandId: BrandId,
  name: Schema.NonEmptyString.check(Schema.isMaxLength(200)),
  price: Won,
  status: ProductStatus,
  color: Schema.NullOr(Schema.String),
  size: Schema.NullOr(Schema.String),
});
export type Product = typeof Product.Type;

export class ProductNotFound extends Problem.Class<ProductNotFound>()("ProductNotFound", {
  code: "PROD-001",
  status: 404,
  title: "Product not found",
}) {}

const Position = Schema.Struct({ id: ProductId });

export class Products extends HttpApiGroup.make("products").add(
  /** `query`: only products whose names have words that begin with all of these words. */
  HttpApiEndpoint.get("list", "/v1/products", {
    query: { ...Page.Query(Position), query: Schema.optionalKey(Text({ minLength: 1, maxLength: 100 })) },
    success: Page.Of(Product, Position),
  }),
  HttpApiEndpoint.get("get", "/v1/products/:id", {
    params: { id: ProductId },
    success: Product,
    error: ProductNotFound,
  }),
) {}

export class ProductApi extends HttpApi.make("product")
  .add(Products)
  .add(DeadLetters)
  .annotateMerge(Problem.reportAll) {}
