/**
 * Toss Payments (core API, version 2022-11-16) behind the port.
 *
 * Guarantee: the port's. The one subtlety is the vendor's idempotency: a key replays its first answer for 15 days, errors
 * included and whatever the body says, so `Unknown.answered` tells whether the vendor's own answer came back under it.
 *
 * Limits: `timeoutMillis` a call; those of `Calls`. Card and transfer
 * payments only move money at our confirm; a virtual account that waits for its deposit is `Pending`.
 */
import * as Config from "effect/Config";
import * as Effect from "effect/Effect";
import type * as HttpBody from "effect/http/HttpBody";
import type * as HttpClient from "effect/http/HttpClient";
import * as HttpClientRequest from "effect/http/HttpClientRequest";
import * as Layer from "effect/Layer";
import type * as Redacted from "effect/Redacted";
import * as Schema from "effect/Schema";
import {
  type CancelOutcome,
  type ConfirmOutcome,
  type InquiryOutcome,
  type PaymentGateway,
  PaymentGateways,
  unknown,
} from "../PaymentGateway.ts";
import * as Calls from "./Calls.ts";
import * as Meanings from "./Meanings.ts";
import { cancelCodes, confirmCodes, methods } from "./TossCodes.ts";

export const provider = "toss";

export interface Options {
  /** Without a slash at its end. */
  readonly baseUrl: string;
  readonly secretKey: Redacted.Redacted;
  /** Sent with every call; for a sandbox that forces errors. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly timeoutMillis?: number | undefined;
}

export const defaultBaseUrl = "https://api.tosspayments.com";
export const { defaultTimeoutMillis, httpClient } = Calls;

const Payment = Schema.Struct({
  orderId: Schema.String,
  status: Schema.String,
  totalAmount: Schema.Int,
  balanceAmount: Schema.Int,
  method: Schema.NullOr(Schema.String),
  approvedAt: Schema.NullOr(Schema.String),
  failure: Schema.NullOr(Schema.Struct({ code: Schema.String, message: Schema.String })),
});
type Payment = typeof Payment.Type;

const decodePayment = Schema.decodeUnknownOption(Schema.fromJsonString(Payment));
const decodeRefusal = Schema.decodeUnknownOption(
  Schema.fromJsonString(Schema.Struct({ code: Schema.String, message: Schema.String })),
);

type Answer = Calls.Answer<Payment>;
const read = Calls.reader(decodePayment, decodeRefusal);

const approved = (payment: Payment): ConfirmOutcome & InquiryOutcome => {
  const approvedAt = Date.parse(payment.approvedAt ?? "");
  if (Number.isNaN(approvedAt)) return unknown("approved without a time", true);
  const method = payment.method === null ? undefined : (methods[payment.method] ?? payment.method);
  return {
    _tag: "Approved",
    amount: payment.totalAmount,
    approvedAt,
    ...(method === undefined ? {} : { method }),
  };
};

const inquired = (payment: Payment, vendorOrderId: string): InquiryOutcome => {
  const declined = (code: string, message: string): InquiryOutcome => ({
    _tag: "Declined",
    kind: "hard",
    code: payment.failure?.code ?? code,
    message: payment.failure?.message ?? message,
  });
  if (payment.orderId !== vendorOrderId) {
    return { _tag: "Declined", kind: "hard", code: "OTHER_ORDER", message: "The payment belongs to another order." };
  }
  switch (payment.status) {
    case "DONE":
      return approved(payment);
    case "READY":
    case "IN_PROGRESS":
    case "WAITING_FOR_DEPOSIT":
      return { _tag: "Pending" };
    case "ABORTED":
    case "EXPIRED":
      return declined(payment.status, "The payment did not take place.");
    case "CANCELED":
    case "PARTIAL_CANCELED":
      // The status says how it was canceled; only the balance says whether anything is left.
      return payment.balanceAmount === 0
        ? declined("CANCELED", "The payment was given back.")
        : unknown("partly canceled", true);
    default:
      return unknown(`status ${payment.status}`, true);
  }
};

const confirmed = (answer: Answer): ConfirmOutcome => {
  switch (answer._tag) {
    case "Body":
      return answer.body.status === "DONE" ? approved(answer.body) : unknown(`status ${answer.body.status}`, true);
    case "Refusal":
      return Meanings.ofConfirm(confirmCodes, answer);
    default:
      return answer;
  }
};

export const make = Effect.fnUntraced(function* (
  options: Options,
): Effect.fn.Return<PaymentGateway, never, HttpClient.HttpClient> {
  const timeoutMillis = options.timeoutMillis ?? defaultTimeoutMillis;
  const client = yield* Calls.clientAt(options.baseUrl, (request) =>
    request.pipe(
      // The colon after the key is part of the vendor's format: a user name with an empty password.
      HttpClientRequest.basicAuth(options.secretKey, ""),
      HttpClientRequest.setHeaders({ "accept-language": "en-US", ...options.headers }),
    ),
  );

  const call = (request: HttpClientRequest.HttpClientRequest): Effect.Effect<Answer> =>
    Calls.send(client, request, read, timeoutMillis);

  const post = (path: string, idempotencyKey: string, body: Parameters<typeof HttpBody.jsonUnsafe>[0]) =>
    call(
      HttpClientRequest.post(path).pipe(
        HttpClientRequest.setHeader("idempotency-key", idempotencyKey),
        HttpClientRequest.bodyJsonUnsafe(body),
      ),
    );

  const pathOf = (paymentKey: string): string => `/v1/payments/${encodeURIComponent(paymentKey.toWellFormed())}`;

  const look = (paymentKey: string): Effect.Effect<Answer> => call(HttpClientRequest.get(pathOf(paymentKey)));

  const left = (paymentKey: string): Effect.Effect<number | undefined> =>
    Effect.map(look(paymentKey), (answer) => (answer._tag === "Body" ? answer.body.balanceAmount : undefined));

  const cancelled = (answer: Answer, paymentKey: string): Effect.Effect<CancelOutcome> => {
    if (answer._tag === "Refusal") return Meanings.ofCancel(cancelCodes, answer, left(paymentKey));
    if (answer._tag !== "Body") return Effect.succeed(answer);
    const { balanceAmount, totalAmount } = answer.body;
    return Effect.succeed(
      balanceAmount === 0 ? { _tag: "Cancelled", amount: totalAmount } : unknown("partly canceled", true),
    );
  };

  return {
    name: provider,
    confirm: Effect.fn("Toss.confirm")(({ amount, idempotencyKey, paymentKey, vendorOrderId }) =>
      Effect.map(
        post("/v1/payments/confirm", idempotencyKey, { paymentKey, orderId: vendorOrderId, amount }),
        confirmed,
      ),
    ),
    inquire: Effect.fn("Toss.inquire")(({ paymentKey, vendorOrderId }) =>
      Effect.map(look(paymentKey), (answer) =>
        answer._tag === "Body" ? inquired(answer.body, vendorOrderId) : Calls.notLooked(answer, "NOT_FOUND_PAYMENT"),
      ),
    ),
    cancel: Effect.fn("Toss.cancel")(({ amount, idempotencyKey, paymentKey, reason }) =>
      Effect.flatMap(
        post(`${pathOf(paymentKey)}/cancel`, idempotencyKey, {
          cancelReason: Calls.reasonOf(reason),
          cancelAmount: amount,
        }),
        (answer) => cancelled(answer, paymentKey),
      ),
    ),
  };
});

/** Toss as the only gateway, with a client of its own. */
export const layer = (options: Options): Layer.Layer<PaymentGateways> =>
  PaymentGateways.layer([make(options)]).pipe(Layer.provide(httpClient));

/** `TOSS_BASE_URL` (default: the vendor's), `TOSS_SECRET_KEY`, `TOSS_TIMEOUT_MILLIS`. */
export const config: Config.Config<Options> = Config.all({
  baseUrl: Config.String("TOSS_BASE_URL").pipe(Config.withDefault(defaultBaseUrl)),
  secretKey: Config.Redacted("TOSS_SECRET_KEY"),
  timeoutMillis: Config.Int("TOSS_TIMEOUT_MILLIS").pipe(Config.withDefault(defaultTimeoutMillis)),
});

export const layerConfig: Layer.Layer<PaymentGateways, Config.ConfigError> = Layer.unwrap(Effect.map(config, layer));
