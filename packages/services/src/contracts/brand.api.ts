/** The brand context over HTTP: reading is open to everybody, changing is for a brand's manager or a MASTER. */
import { Auth, Page, Problem } from "@destiny/sdk/http";
import * as Schema from "effect/Schema";
import * as HttpApi from "effect/http-api/HttpApi";
import * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint";
import * as HttpApiGroup from "effect/http-api/HttpApiGroup";
import * as HttpApiSchema from "effect/http-api/HttpApiSchema";
import { BrandId, Instant, OrderId, Text, UserId, Won } from "./common.ts";
import { DeadLetters } from "./dead-letters.api.ts";
import { Recipient } from "./order.api.ts";
import { PaidLine } from "./order.facts.ts";

export const BrandName = Text({ minLength: 2, maxLength: 100 });

export const Brand = Schema.Struct({
  brandId: BrandId,
  managerId: UserId,
  brandName: Schema.String,
  createdAt: Instant,
  updatedAt: Instant,
});
export type Brand = typeof Brand.Type;

/** An order as far as it is the brand's: its own lines, and where they have to be sent. */
export const BrandOrder = Schema.Struct({
  orderId: OrderId,
  status: Schema.Literals(["COMPLETED", "CANCELED"]),
  lines: Schema.Array(PaidLine),
  /** What was paid for these lines. */
  amount: Won,
  /** null: given back, so nothing has to be sent any more; or sold before sales told it. */
  recipient: Schema.NullOr(Recipient),
  completedAt: Instant,
});
export type BrandOrder = typeof BrandOrder.Type;

/** Also the answer to a brand that was deleted. */
export class BrandNotFound extends Problem.Class<BrandNotFound>()("BrandNotFound", {
  code: "BRAND-001",
  status: 404,
  title: "Brand not found",
}) {}

const BrandPosition = Schema.Struct({ id: BrandId });
const OrderPosition = Schema.Struct({ at: Instant, id: OrderId });
const ofBrand = { brandId: BrandId };
const sellers = ["PARTNER", "MASTER"] as const;

export class Brands extends HttpApiGroup.make("brands").add(
  /** Newest first. `brandName`: a part of it, in upper or lower case. */
  HttpApiEndpoint.get("list", "/v1/brands", {
    query: {
      ...Page.Query(BrandPosition),
      brandName: Schema.optionalKey(Text({ minLength: 1, maxLength: 100 })),
    },
    success: Page.Of(Brand, BrandPosition),
  }),
  HttpApiEndpoint.get("get", "/v1/brands/:brandId", { params: ofBrand, success: Brand, error: BrandNotFound }),
) {}

export class BrandManagement extends HttpApiGroup.make("management")
  .add(
    /** Who creates a brand manages it. */
    HttpApiEndpoint.post("create", "/v1/brands", {
      payload: Schema.Struct({ brandName: BrandName }),
      success: HttpApiSchema.WithHeaders(Brand.pipe(HttpApiSchema.status(201)), { location: Schema.String }),
      error: Problem.Unavailable,
    }).annotate(Auth.Roles, sellers),
    /** What is left out stays. A new manager takes over at once. */
    HttpApiEndpoint.patch("update", "/v1/brands/:brandId", {
      params: ofBrand,
      payload: Schema.Struct({
        managerId: Schema.optionalKey(UserId),
        brandName: Schema.optionalKey(BrandName),
      }),
      success: Brand,
      error: [BrandNotFound, Auth.AccessDenied, Problem.Unavailable],
    }).annotate(Auth.Roles, sellers),
    HttpApiEndpoint.delete("remove", "/v1/brands/:brandId", {
      params: ofBrand,
      success: HttpApiSchema.NoContent,
      error: [BrandNotFound, Auth.AccessDenied, Problem.Unavailable],
    }).annotate(Auth.Roles, sellers),
    /** Orders with something of the brand, the last completed first. Only its manager and a MASTER learn who bought it. */
    HttpApiEndpoint.get("orders", "/v1/brands/:brandId/orders", {
      params: ofBrand,
      query: Page.Query(OrderPosition),
      success: Page.Of(BrandOrder, OrderPosition),
      error: [BrandNotFound, Auth.AccessDenied],
    }).annotate(Auth.Roles, sellers),
  )
  .middleware(Auth.Bearer) {}

export class BrandApi extends HttpApi.make("brand")
  .add(Brands, BrandManagement, DeadLetters)
  .annotateMerge(Problem.reportAll) {}
