/** The payment context over HTTP: what the shopper has to pay, where, and the confirmation of it. */
import { Auth, IdempotencyKey, Problem } from "@destiny/sdk/http";
import * as Schema from "effect/Schema";
import * as HttpApi from "effect/http-api/HttpApi";
import * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint";
import * as HttpApiGroup from "effect/http-api/HttpApiGroup";
import * as HttpApiSchema from "effect/http-api/HttpApiSchema";
import { Instant, OrderId, Text, UserId, Won } from "./common.ts";
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

const roles = ["CUSTOMER", "PARTNER", "MASTER"] as const;

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
  )
  .middleware(Auth.Bearer) {}

export class PaymentApi extends HttpApi.make("payment").add(Payments).annotateMerge(Problem.reportAll) {}
