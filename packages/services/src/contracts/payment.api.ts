/** The payment context over HTTP: what the shopper has to pay, where, and the confirmation of it. */
import { Auth, IdempotencyKey, Page, Problem } from "@destiny/sdk/http";
import * as Schema from "effect/Schema";
import * as HttpApi from "effect/http-api/HttpApi";
import * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint";
import * as HttpApiGroup from "effect/http-api/HttpApiGroup";
import * as HttpApiSchema from "effect/http-api/HttpApiSchema";
import { Instant, OrderId, Text, UserId, Won } from "./common.ts";
import { DeadLetters } from "./dead-letters.api.ts";
import { PaymentProvider } from "./payment.messages.ts";

/** `CONFIRMING`: a confirm is out, or its outcome is being asked for. */
export const PaymentStatus = Schema.Literals(["OPEN", "CONFIRMING", "CAPTURED", "REFUNDED", "CLOSED"]);

export const Payment = Schema.Struct({
  orderId: OrderId,
  userId: UserId,
  status: PaymentStatus,
  amount: Won,
  /** The gateway that the shopper is sent to. */
  provider: PaymentProvider,
  /** The order id that this gateway knows. */
  vendorOrderId: Schema.String,
  /** Until when a confirm is accepted. */
  until: Instant,
  /** Why the last confirm was declined. */
  declined: Schema.NullOr(Schema.String),
});
export type Payment = typeof Payment.Type;

/** The gateway that the shopper cannot use: when the order goes to another by now nothing changes. */
export const Reissue = Schema.Struct({ provider: PaymentProvider });

const Finding = Schema.Literals(["well", "probing", "open", "tried", "no such method", "no weight"]);

/** Where an order was sent, and why; its attempts with what became of them. For operators. */
export const PaymentRoute = Schema.Struct({
  orderId: OrderId,
  status: PaymentStatus,
  provider: PaymentProvider,
  routes: Schema.Array(
    Schema.Struct({
      provider: PaymentProvider,
      at: Instant,
      why: Schema.Literals(["opened", "not sent", "unusable", "unknown"]),
      /** What the router thought of each gateway; empty for orders from before there was a choice. */
      considered: Schema.Array(
        Schema.Struct({ provider: PaymentProvider, weight: Schema.Finite, finding: Finding, share: Schema.Finite }),
      ),
    }),
  ),
  attempts: Schema.Array(
    Schema.Struct({
      no: Schema.Int,
      provider: PaymentProvider,
      status: Schema.String,
      code: Schema.NullOr(Schema.String),
      startedAt: Instant,
      abandonedAt: Schema.NullOr(Instant),
      observedAt: Schema.NullOr(Instant),
      settledAt: Schema.NullOr(Instant),
      nextActionAt: Schema.NullOr(Instant),
    }),
  ),
});
export type PaymentRoute = typeof PaymentRoute.Type;

/** One breaker of one process. `until`: when an open one lets the first call through. */
const Breaker = Schema.Struct({
  state: Schema.Literals(["closed", "open", "half-open"]),
  calls: Schema.Int,
  failed: Schema.Int,
  until: Schema.NullOr(Instant),
});

export const Gateway = Schema.Struct({
  provider: PaymentProvider,
  /** Share of the new orders, relative to the others. */
  weight: Schema.Finite,
  /** What the process that answered has seen; null: nothing was called yet, which counts as well. */
  confirm: Schema.NullOr(Breaker),
  inquire: Schema.NullOr(Breaker),
  cancel: Schema.NullOr(Breaker),
});
export type Gateway = typeof Gateway.Type;

export const Confirm = Schema.Struct({
  orderId: OrderId,
  provider: PaymentProvider,
  /** What the gateway gave the shopper's browser. */
  paymentKey: Text({ minLength: 1, maxLength: 200 }),
  /** What the shopper was shown; compared with the amount that the saga fixed, before any money moves. */
  amount: Won,
});

export class PaymentNotFound extends Problem.Class<PaymentNotFound>()("PaymentNotFound", {
  code: "PAYM-107",
  status: 404,
  title: "No payment is open for this order",
}) {}

export class AmountMismatch extends Problem.Class<AmountMismatch>()("AmountMismatch", {
  code: "PAYM-111",
  status: 400,
  title: "The amount differs from the order's",
}) {}

export class WrongProvider extends Problem.Class<WrongProvider>()("WrongProvider", {
  code: "PAYM-110",
  status: 400,
  title: "The order is not paid through this gateway",
}) {}

/** A second confirm while the first is out, or with another payment key after it. */
export class AlreadyConfirming extends Problem.Class<AlreadyConfirming>()("AlreadyConfirming", {
  code: "PAYM-112",
  status: 409,
  title: "A confirmation of this order is already under way",
}) {}

export class AlreadyPaid extends Problem.Class<AlreadyPaid>()("AlreadyPaid", {
  code: "PAYM-103",
  status: 409,
  title: "The order is already paid",
}) {}

/** The window ended or the order was cancelled; nothing was captured. */
export class PaymentClosed extends Problem.Class<PaymentClosed>()("PaymentClosed", {
  code: "PAYM-113",
  status: 409,
  title: "The payment window has ended",
}) {}

/** The buyer's instrument was refused; another try with another instrument is possible while the window is open. */
export class PaymentDeclined extends Problem.Class<PaymentDeclined>()(
  "PaymentDeclined",
  { code: "PAYM-102", status: 402, title: "The payment was declined" },
  { vendorCode: Schema.String },
) {}

/** The gateway could not be reached before anything was sent. */
export class GatewayUnavailable extends Problem.Class<GatewayUnavailable>()(
  "GatewayUnavailable",
  { code: "PAYM-114", status: 503, title: "The payment gateway cannot be reached" },
  { retryAfterSeconds: Schema.Int },
) {}

/** Nothing was taken, or it will go back: the shopper pays at the gateway that `GET /v1/payments/{orderId}` names. */
export class PaymentMoved extends Problem.Class<PaymentMoved>()(
  "PaymentMoved",
  { code: "PAYM-115", status: 409, title: "The order is paid at another gateway now" },
  { provider: PaymentProvider },
) {}

/** A refused card is no reason to leave a gateway that is well. */
export class GatewayUsable extends Problem.Class<GatewayUsable>()("GatewayUsable", {
  code: "PAYM-116",
  status: 409,
  title: "The gateway can be used",
}) {}

/** What became of the last confirm is being asked for: for a while its gateway may still answer. */
export class PaymentUnsettled extends Problem.Class<PaymentUnsettled>()(
  "PaymentUnsettled",
  { code: "PAYM-117", status: 503, title: "The outcome of the last confirmation is not known yet" },
  { retryAfterSeconds: Schema.Int },
) {}

export class NoOtherGateway extends Problem.Class<NoOtherGateway>()(
  "NoOtherGateway",
  { code: "PAYM-118", status: 503, title: "No other payment gateway can be used" },
  { retryAfterSeconds: Schema.Int },
) {}

const roles = ["CUSTOMER", "PARTNER", "MASTER"] as const;
const operators = ["MASTER"] as const;
const Position = Schema.Struct({ id: OrderId });

export class Payments extends HttpApiGroup.make("payments")
  .add(
    /** 200 with `CAPTURED`; 202 with `CONFIRMING` when the gateway's answer is not known yet and is being asked for. */
    HttpApiEndpoint.post("confirm", "/v1/payments/confirm", {
      headers: { "idempotency-key": IdempotencyKey.Header },
      payload: Confirm,
      success: [Payment, Payment.pipe(HttpApiSchema.status(202))],
      error: [
        PaymentNotFound,
        AmountMismatch,
        WrongProvider,
        AlreadyConfirming,
        AlreadyPaid,
        PaymentClosed,
        PaymentDeclined,
        PaymentMoved,
        GatewayUnavailable,
        IdempotencyKey.Reused,
        Problem.Unavailable,
      ],
    }).annotate(Auth.Roles, roles),
    HttpApiEndpoint.get("get", "/v1/payments/:orderId", {
      params: { orderId: OrderId },
      success: Payment,
      error: PaymentNotFound,
    }).annotate(Auth.Roles, roles),
    /** Newest order first: one's own, or everybody's for a MASTER. */
    HttpApiEndpoint.get("list", "/v1/payments", {
      query: Page.Query(Position),
      success: Page.Of(Payment, Position),
    }).annotate(Auth.Roles, roles),
    /** The page of the gateway that the shopper is sent to. A front end fetches it with the shopper's token. */
    HttpApiEndpoint.get("checkout", "/v1/payments/:orderId/checkout", {
      params: { orderId: OrderId },
      success: Schema.String.pipe(HttpApiSchema.asText({ contentType: "text/html" })),
      error: PaymentNotFound,
    }).annotate(Auth.Roles, roles),
    /** Sends the shopper to another gateway: see `Reissue`. Repeating it is safe without a key. */
    HttpApiEndpoint.post("reissue", "/v1/payments/:orderId/reissue", {
      params: { orderId: OrderId },
      payload: Reissue,
      success: Payment,
      error: [
        PaymentNotFound,
        AlreadyConfirming,
        AlreadyPaid,
        PaymentClosed,
        GatewayUsable,
        PaymentUnsettled,
        NoOtherGateway,
        IdempotencyKey.Reused,
        Problem.Unavailable,
      ],
    }).annotate(Auth.Roles, roles),
    HttpApiEndpoint.get("route", "/v1/payments/:orderId/route", {
      params: { orderId: OrderId },
      success: PaymentRoute,
      error: PaymentNotFound,
    }).annotate(Auth.Roles, operators),
    /** The gateways as the process that answers sees them: health is not shared between processes. */
    HttpApiEndpoint.get("gateways", "/v1/payments/gateways/health", {
      success: Schema.Struct({ items: Schema.Array(Gateway) }),
    }).annotate(Auth.Roles, operators),
  )
  .middleware(Auth.Bearer) {}

export class PaymentApi extends HttpApi.make("payment")
  .add(Payments)
  .add(DeadLetters)
  .annotateMerge(Problem.reportAll) {}
