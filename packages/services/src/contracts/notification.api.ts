/** The notification context over HTTP: what was told to whom, and where a brand wants to be told. */
import { Auth, Page, Problem } from "@destiny/sdk/http";
import * as Schema from "effect/Schema";
import * as HttpApi from "effect/http-api/HttpApi";
import * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint";
import * as HttpApiGroup from "effect/http-api/HttpApiGroup";
import * as HttpApiSchema from "effect/http-api/HttpApiSchema";
import { BrandId, Instant, OrderId, Quantity, Text, Won } from "./common.ts";
import { DeadLetters } from "./dead-letters.api.ts";

/** `PENDING` is tried again by itself; `FAIL` is not. */
export const NotificationStatus = Schema.Literals(["PENDING", "SUCCESS", "FAIL"]);
export type NotificationStatus = typeof NotificationStatus.Type;

export const NotificationKind = Schema.Literals([
  "ORDER_COMPLETED",
  "ORDER_FAILED",
  "CANCEL_REQUESTED",
  "ORDER_CANCELED",
  "CANCEL_FAILED",
  "ORDER_CREATED",
  "SAGA_ERROR",
]);
export type NotificationKind = typeof NotificationKind.Type;

export const NotificationLog = Schema.Struct({
  logId: Schema.String,
  brandId: Schema.NullOr(BrandId),
  /** `ADMIN` also for a brand that has no webhook, or whose webhook Slack does not know any more. */
  sentTo: Schema.Literals(["BRAND", "ADMIN"]),
  kind: NotificationKind,
  message: Schema.String,
  status: NotificationStatus,
  attempts: Schema.Int,
  responseCode: Schema.NullOr(Schema.Int),
  responseMessage: Schema.NullOr(Schema.String),
  errorCode: Schema.NullOr(Schema.String),
  createdAt: Instant,
  updatedAt: Instant,
});
export type NotificationLog = typeof NotificationLog.Type;

/** A brand's webhook. Its address is a secret: nobody reads it back. */
export const Channel = Schema.Struct({
  brandId: BrandId,
  hasWebhook: Schema.Boolean,
  isActive: Schema.Boolean,
  /** What Slack said when the webhook stopped to exist; a new one clears it. */
  disabledBy: Schema.NullOr(Schema.String),
});
export type Channel = typeof Channel.Type;

export class BrandUnknown extends Problem.Class<BrandUnknown>()("BrandUnknown", {
  code: "NOTI-001",
  status: 404,
  title: "Brand not found",
}) {}

export class ForeignWebhook extends Problem.Class<ForeignWebhook>()("ForeignWebhook", {
  code: "NOTI-002",
  status: 400,
  title: "A webhook is an address of Slack's",
}) {}

const text = (maxLength: number) => Text({ minLength: 1, maxLength });

const OrderCreatedNote = Schema.Struct({
  orderId: OrderId,
  brandId: BrandId,
  orderNumber: text(50),
  buyerName: text(50),
  buyerEmail: text(254).check(Schema.isPattern(/^[^\s@]+@[^\s@]+\.[^\s@]+$/, { expected: "an e-mail address" })),
  productName: text(200),
  option: text(200),
  quantity: Quantity,
  totalPrice: Won,
  message: text(1000),
});

const SagaErrorNote = Schema.Struct({
  orderId: OrderId,
  brandId: BrandId,
  stage: text(100),
  errorCode: text(50),
  errorMessage: text(1000),
  message: text(1000),
});

const LogPosition = Schema.Struct({ at: Instant, id: Schema.String.check(Schema.isMaxLength(100)) });
const ofBrand = { brandId: BrandId };
const sellers = ["PARTNER", "MASTER"] as const;
const accepted = NotificationLog.pipe(HttpApiSchema.status(202));

export class Notifications extends HttpApiGroup.make("notifications")
  .add(
    /** Tells a brand; the answer is what was recorded, not what Slack made of it. */
    HttpApiEndpoint.post("orderCreated", "/v1/brand-notifications/order-created", {
      payload: OrderCreatedNote,
      success: accepted,
      error: Problem.Unavailable,
    }).annotate(Auth.Roles, ["MASTER"]),
    HttpApiEndpoint.post("sagaError", "/v1/brand-notifications/saga-error", {
      payload: SagaErrorNote,
      success: accepted,
      error: Problem.Unavailable,
    }).annotate(Auth.Roles, ["MASTER"]),
    /** Newest first. A PARTNER reads those of the brands that they manage. */
    HttpApiEndpoint.get("logs", "/v1/brand-notifications/logs", {
      query: {
        ...Page.Query(LogPosition),
        brandId: Schema.optionalKey(BrandId),
        status: Schema.optionalKey(NotificationStatus),
      },
      success: Page.Of(NotificationLog, LogPosition),
      error: Auth.AccessDenied,
    }).annotate(Auth.Roles, sellers),
  )
  .middleware(Auth.Bearer) {}

export class Channels extends HttpApiGroup.make("channels")
  .add(
    HttpApiEndpoint.get("get", "/v1/brand-notifications/channels/:brandId", {
      params: ofBrand,
      success: Channel,
      error: [BrandUnknown, Auth.AccessDenied],
    }).annotate(Auth.Roles, sellers),
    /** By the brand's manager or a MASTER. */
    HttpApiEndpoint.put("set", "/v1/brand-notifications/channels/:brandId", {
      params: ofBrand,
      payload: Schema.Struct({
        webhookUrl: Schema.Redacted(
          Schema.String.check(
            Schema.isMaxLength(500),
            Schema.isPattern(/^https?:\/\/[^/\s]+(?:\/services(?:\/[A-Za-z0-9_-]+){3})$/, {
              expected: "the address of an incoming webhook",
            }),
          ),
        ),
        isActive: Schema.optionalKey(Schema.Boolean),
      }),
      success: Channel,
      error: [BrandUnknown, ForeignWebhook, Auth.AccessDenied, Problem.Unavailable],
    }).annotate(Auth.Roles, sellers),
    HttpApiEndpoint.delete("remove", "/v1/brand-notifications/channels/:brandId", {
      params: ofBrand,
      success: HttpApiSchema.NoContent,
      error: [BrandUnknown, Auth.AccessDenied, Problem.Unavailable],
    }).annotate(Auth.Roles, sellers),
  )
  .middleware(Auth.Bearer) {}

export class NotificationApi extends HttpApi.make("notification")
  .add(Notifications, Channels, DeadLetters)
  .annotateMerge(Problem.reportAll) {}
