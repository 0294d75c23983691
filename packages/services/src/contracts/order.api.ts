/** The order context over HTTP. */
import { Auth, IdempotencyKey, Page, Problem } from "@destiny/sdk/http";
import * as Schema from "effect/Schema";
import * as HttpApi from "effect/http-api/HttpApi";
import * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint";
import * as HttpApiGroup from "effect/http-api/HttpApiGroup";
import * as HttpApiSchema from "effect/http-api/HttpApiSchema";
import {
  BrandId,
  CancellationId,
  CouponId,
  Instant,
  Lines,
  maxQuantity,
  mergeLines,
  OrderId,
  ProductId,
  Quantity,
  Text,
  UserId,
  Won,
} from "./common.ts";
import { DeadLetters } from "./dead-letters.api.ts";
import { FailureReason } from "./order.messages.ts";

export const OrderStatus = Schema.Literals([
  "PENDING",
  "WAITING_PAYMENT",
  "PAYMENT_REVIEW",
  "COMPLETED",
  "FAILED",
  "CANCEL_REQUESTED",
  "CANCELED",
  "CANCEL_FAILED",
]);
export type OrderStatus = typeof OrderStatus.Type;

/** Where the parcel is, once the order is completed. One parcel an order. */
export const DeliveryStatus = Schema.Literals(["PREPARING", "SHIPPING", "DELIVERED"]);
export type DeliveryStatus = typeof DeliveryStatus.Type;

const text = (maxLength: number) => Text({ minLength: 1, maxLength });
const optionalText = (maxLength: number) => Schema.optionalKey(Text({ minLength: 0, maxLength }));

/** Where the parcel goes. */
export const Recipient = Schema.Struct({
  recipientName: text(50),
  recipientPhone: Schema.String.check(
    Schema.isPattern(/^\d{2,3}-\d{3,4}-\d{4}$/, { expected: "a phone number such as 010-1234-5678" }),
  ),
  zipcode: text(10),
  address1: text(200),
  address2: optionalText(200),
  deliveryMessage: optionalText(200),
});
export type Recipient = typeof Recipient.Type;

/** The same product twice is merged into one line, which has the bound of every line. */
const items = Lines.check(
  Schema.makeFilter((lines) => mergeLines(lines).every(({ quantity }) => quantity <= maxQuantity), {
    expected: `at most ${maxQuantity} pieces of one product`,
  }),
);

export const PlaceOrder = Schema.Struct({
  ...Recipient.fields,
  items,
  /** A coupon of the shopper's own; whether it fits is said by the order's state, not by this answer. */
  couponId: Schema.optionalKey(CouponId),
});

export const OrderItem = Schema.Struct({
  productId: ProductId,
  quantity: Quantity,
  /** Known once the saga has validated the products. */
  brandId: Schema.NullOr(BrandId),
  unitPrice: Schema.NullOr(Won),
  /** What the coupon takes off this line; known together with what has to be paid. */
  discount: Schema.NullOr(Won),
});

/** The last wish to cancel, whatever became of it. */
export const Cancellation = Schema.Struct({
  id: CancellationId,
  reason: Schema.String,
  /** Why operators gave it up: the order is CANCEL_FAILED. */
  givenUp: Schema.NullOr(Schema.String),
});
export type Cancellation = typeof Cancellation.Type;

export const Order = Schema.Struct({
  id: OrderId,
  userId: UserId,
  status: OrderStatus,
  /** null: not sold, or given back. */
  deliveryStatus: Schema.NullOr(DeliveryStatus),
  failureReason: Schema.NullOr(FailureReason),
  failureDetail: Schema.NullOr(Schema.String),
  cancellation: Schema.NullOr(Cancellation),
  couponId: Schema.NullOr(CouponId),
  originalAmount: Schema.NullOr(Won),
  discountAmount: Won,
  finalAmount: Schema.NullOr(Won),
  items: Schema.Array(OrderItem),
  recipient: Recipient,
  createdAt: Instant,
  updatedAt: Instant,
});
export type Order = typeof Order.Type;

/** Also the answer to somebody else's order: whether it exists is not their business. */
export class OrderNotFound extends Problem.Class<OrderNotFound>()("OrderNotFound", {
  code: "ORDER-001",
  status: 404,
  title: "Order not found",
}) {}

export class CancelNotAllowed extends Problem.Class<CancelNotAllowed>()(
  "CancelNotAllowed",
  { code: "ORDER-003", status: 409, title: "The order cannot be cancelled any more" },
  { orderStatus: OrderStatus, deliveryStatus: Schema.NullOr(DeliveryStatus) },
) {}

/** Only what is completed is sent, and a parcel moves one way: PREPARING, SHIPPING, DELIVERED. */
export class DeliveryNotPossible extends Problem.Class<DeliveryNotPossible>()(
  "DeliveryNotPossible",
  { code: "ORDER-004", status: 409, title: "The parcel cannot get there from where it is" },
  { orderStatus: OrderStatus, deliveryStatus: Schema.NullOr(DeliveryStatus) },
) {}

export class OrderUnderWay extends Problem.Class<OrderUnderWay>()(
  "OrderUnderWay",
  { code: "ORDER-005", status: 409, title: "The order is still under way" },
  { orderStatus: OrderStatus, deliveryStatus: Schema.NullOr(DeliveryStatus) },
) {}

const Position = Schema.Struct({ at: Instant, id: OrderId });
const byId = { id: OrderId };

export class Orders extends HttpApiGroup.make("orders")
  .add(
    HttpApiEndpoint.post("place", "/v1/orders", {
      headers: { "idempotency-key": IdempotencyKey.Header },
      payload: PlaceOrder,
      success: HttpApiSchema.WithHeaders(Order.pipe(HttpApiSchema.status(201)), { location: Schema.String }),
      error: [IdempotencyKey.Reused, Problem.Unavailable],
    }).annotate(Auth.Roles, ["CUSTOMER", "PARTNER", "MASTER"]),
    /** `Prefer: wait=5` holds the answer until the status differs from `since` (default: from the one read first). */
    HttpApiEndpoint.get("get", "/v1/orders/:id", {
      params: byId,
      headers: { prefer: Schema.optionalKey(Schema.String) },
      query: { since: Schema.optionalKey(OrderStatus) },
      success: Order,
      error: OrderNotFound,
    }).annotate(Auth.Roles, ["CUSTOMER", "PARTNER", "MASTER"]),
    HttpApiEndpoint.get("list", "/v1/orders", {
      query: Page.Query(Position),
      success: Page.Of(Order, Position),
    }).annotate(Auth.Roles, ["CUSTOMER", "PARTNER", "MASTER"]),
    /**
     * Asks for the cancellation, of a completed order too while its parcel is not sent: 202, and the order says how it went. Asking again is no second
     * cancellation. One that operators gave up only they can start again, because they may have helped by hand.
     */
    HttpApiEndpoint.patch("cancel", "/v1/orders/:id/cancel", {
      params: byId,
      payload: Schema.Struct({ message: optionalText(500) }),
      success: Order.pipe(HttpApiSchema.status(202)),
      error: [OrderNotFound, CancelNotAllowed, Problem.Unavailable],
    }).annotate(Auth.Roles, ["CUSTOMER", "PARTNER", "MASTER"]),
    /** Where the parcel is; all other states are the sagas' to say. Saying it again changes nothing. */
    HttpApiEndpoint.patch("deliver", "/v1/orders/:id/status", {
      params: byId,
      payload: Schema.Struct({ deliveryStatus: Schema.Literals(["SHIPPING", "DELIVERED"]) }),
      success: Order,
      error: [OrderNotFound, DeliveryNotPossible, Problem.Unavailable],
    }).annotate(Auth.Roles, ["MASTER"]),
    /** Takes an order that is over out of its shopper's sight. A MASTER sees it still: money and stock are proved by it. */
    HttpApiEndpoint.delete("remove", "/v1/orders/:id", {
      params: byId,
      success: HttpApiSchema.NoContent,
      error: [OrderNotFound, OrderUnderWay, Problem.Unavailable],
    }).annotate(Auth.Roles, ["CUSTOMER", "PARTNER", "MASTER"]),
  )
  .middleware(Auth.Bearer) {}

export class OrderApi extends HttpApi.make("order").add(Orders).add(DeadLetters).annotateMerge(Problem.reportAll) {}
