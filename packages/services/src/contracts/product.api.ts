/** The product context over HTTP: reading is open to everybody; a hidden product does not exist there. */
import { Auth, IdempotencyKey, Page, Problem } from "@destiny/sdk/http";
import * as Schema from "effect/Schema";
import * as HttpApi from "effect/http-api/HttpApi";
import * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint";
import * as HttpApiGroup from "effect/http-api/HttpApiGroup";
import * as HttpApiSchema from "effect/http-api/HttpApiSchema";
import { BrandId, maxWon, ProductId, Quantity, Text, Won } from "./common.ts";
import { DeadLetters } from "./dead-letters.api.ts";
import { RestockedUnits } from "./product.messages.ts";

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

export class ProductBrandUnknown extends Problem.Class<ProductBrandUnknown>()("ProductBrandUnknown", {
  code: "PROD-002",
  status: 404,
  title: "Brand not found",
}) {}

export class ProductNameTaken extends Problem.Class<ProductNameTaken>()("ProductNameTaken", {
  code: "PROD-003",
  status: 409,
  title: "The brand has a product of this name",
}) {}

const name = Text({ minLength: 1, maxLength: 200 });
const trait = Schema.NullOr(Text({ minLength: 1, maxLength: 50 }));

export const CreateProduct = Schema.Struct({
  brandId: BrandId,
  name,
  price: Won,
  color: Schema.optionalKey(trait),
  size: Schema.optionalKey(trait),
  /** First units; more come by restocking. */
  quantity: Schema.Union([Schema.Literal(0), Quantity]),
});
export type CreateProduct = typeof CreateProduct.Type;

/** What is left out stays. The brand stays: what was sold under it was sold under it. */
export const UpdateProduct = Schema.Struct({
  name: Schema.optionalKey(name),
  price: Schema.optionalKey(Won),
  color: Schema.optionalKey(trait),
  size: Schema.optionalKey(trait),
  /** Hidden or not. Whether something is left is the stock's to say. */
  status: Schema.optionalKey(Schema.Literals(["AVAILABLE", "HIDED"])),
});
export type UpdateProduct = typeof UpdateProduct.Type;

const Position = Schema.Struct({ id: ProductId });

const price = Schema.optionalKey(
  Schema.FiniteFromString.check(Schema.isInt(), Schema.isBetween({ minimum: 0, maximum: maxWon })),
);
const exactly = Schema.optionalKey(Text({ minLength: 1, maxLength: 50 }));

/** All that are given have to fit. */
export const ProductFilter = Schema.Struct({
  /** Only products whose names have words that begin with all of these words. */
  query: Schema.optionalKey(Text({ minLength: 1, maxLength: 100 })),
  brandId: Schema.optionalKey(BrandId),
  minPrice: price,
  maxPrice: price,
  color: exactly,
  size: exactly,
});
export type ProductFilter = typeof ProductFilter.Type;

export class Products extends HttpApiGroup.make("products").add(
  HttpApiEndpoint.get("list", "/v1/products", {
    query: { ...Page.Query(Position), ...ProductFilter.fields },
    success: Page.Of(Product, Position),
  }),
  HttpApiEndpoint.get("get", "/v1/products/:id", {
    params: { id: ProductId },
    success: Product,
    error: ProductNotFound,
  }),
) {}

const sellers = ["PARTNER", "MASTER"] as const;
const byId = { id: ProductId };

/** For the manager of the product's brand, or a MASTER. */
export class ProductManagement extends HttpApiGroup.make("management")
  .add(
    HttpApiEndpoint.post("create", "/v1/products", {
      payload: CreateProduct,
      success: HttpApiSchema.WithHeaders(Product.pipe(HttpApiSchema.status(201)), { location: Schema.String }),
      error: [ProductBrandUnknown, ProductNameTaken, Auth.AccessDenied, Problem.Unavailable],
    }).annotate(Auth.Roles, sellers),
    HttpApiEndpoint.patch("update", "/v1/products/:id", {
      params: byId,
      payload: UpdateProduct,
      success: Product,
      error: [ProductNotFound, ProductNameTaken, Auth.AccessDenied, Problem.Unavailable],
    }).annotate(Auth.Roles, sellers),
    /**
     * More units of it come in. Who manages a brand is known here, how much is left is counted by the stock context: 202,
     * and `GET /v1/stocks/{productId}` shows them a moment later. Beyond a thousand million units of a product none come in.
     */
    HttpApiEndpoint.post("restock", "/v1/products/:id/restock", {
      params: byId,
      headers: { "idempotency-key": IdempotencyKey.Header },
      payload: Schema.Struct({ quantity: RestockedUnits }),
      success: Product.pipe(HttpApiSchema.status(202)),
      error: [ProductNotFound, Auth.AccessDenied, IdempotencyKey.Reused, Problem.Unavailable],
    }).annotate(Auth.Roles, sellers),
    /** Nobody can find or order it any more; its name is free again. */
    HttpApiEndpoint.delete("remove", "/v1/products/:id", {
      params: byId,
      success: HttpApiSchema.NoContent,
      error: [ProductNotFound, Auth.AccessDenied, Problem.Unavailable],
    }).annotate(Auth.Roles, sellers),
  )
  .middleware(Auth.Bearer) {}

export class ProductApi extends HttpApi.make("product")
  .add(Products)
  .add(ProductManagement)
  .add(DeadLetters)
  .annotateMerge(Problem.reportAll) {}
