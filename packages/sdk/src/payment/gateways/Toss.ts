/**
 * Toss Payments (core API, version 2022-11-16) behind the port.
 *
 * Guarantee: the port's. The one subtlety is the vendor's idempotency: a key replays its first answer for 15 days, errors
 * included and whatever the body says, so `Unknown.answered` tells whether the vendor's own answer came back under it.
 *
 * Limits: `timeoutMillis` a call, `connectTimeoutMillis` of it to connect; `maxConnections` sockets. Card and transfer
 * payments only move money at our confirm; a virtual account that waits for its deposit is `Pending`.
 */
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient";
import * as Config from "effect/Config";
import * as Effect from "effect/Effect";
import type * as HttpBody from "effect/http/HttpBody";
import * as HttpClient from "effect/http/HttpClient";
import * as HttpClientRequest from "effect/http/HttpClientRequest";
import * as Layer from "effect/Layer";
import * as Option from "effect/Option";
import type * as Redacted from "effect/Redacted";
import * as Schema from "effect/Schema";
import {
  type CancelOutcome,
  type ConfirmOutcome,
  type InquiryOutcome,
  type NotSent,
  notSent,
  type PaymentGateway,
  PaymentGateways,
  type Unknown,
  unknown,
} from "../PaymentGateway.ts";
import { cancelCodes, confirmCodes, methods } from "./TossCodes.ts";
import { outcomeOf } from "./Transport.ts";

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
/** The vendor advises 30 s or more; a peak-day saga rather asks again, so a call is given up sooner. */
export const defaultTimeoutMillis = 5000;
export const connectTimeoutMillis = 2000;
export const maxConnections = 256;

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

/** What came back: the payment, the vendor's refusal, or nothing to be trusted. */
type Answer =
  | { readonly _tag: "Payment"; readonly payment: Payment }
  | { readonly _tag: "Refusal"; readonly status: number; readonly code: string; readonly message: string }
  | NotSent
  | Unknown;

const read = (status: number, text: string): Answer => {
  if (status >= 200 && status < 300) {
    return Option.match(decodePayment(text), {
      onSome: (payment): Answer => ({ _tag: "Payment", payment }),
      onNone: () => unknown("unreadable payment", true),
    });
  }
  return Option.match(decodeRefusal(text), {
    onSome: ({ code, message }): Answer => ({ _tag: "Refusal", status, code, message }),
    // Said by something in front of the vendor: its own answer, if there is one, still waits under the key.
    onNone: () => (status === 429 ? notSent("rate-limited") : unknown(`HTTP ${status}`)),
  });
};

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
    case "Payment":
      return answer.payment.status === "DONE"
        ? approved(answer.payment)
        : unknown(`status ${answer.payment.status}`, true);
    case "Refusal": {
      const { code, message } = answer;
      const meaning = answer.status === 429 ? "throttled" : confirmCodes.get(code);
      if (meaning === "hard" || meaning === "soft") return { _tag: "Declined", kind: meaning, code, message };
      if (meaning === "configuration") return notSent("configuration");
      if (meaning === "throttled") return notSent("rate-limited");
      return unknown(code, meaning !== "busy");
    }
    default:
      return answer;
  }
};

export const make = Effect.fnUntraced(function* (
  options: Options,
): Effect.fn.Return<PaymentGateway, never, HttpClient.HttpClient> {
  const timeoutMillis = options.timeoutMillis ?? defaultTimeoutMillis;
  const client = (yield* HttpClient.HttpClient).pipe(
    HttpClient.mapRequest((request) =>
      request.pipe(
        HttpClientRequest.prependUrl(options.baseUrl),
        // The colon after the key is part of the vendor's format: a user name with an empty password.
        HttpClientRequest.basicAuth(options.secretKey, ""),
        HttpClientRequest.setHeaders({ "accept-language": "en-US", ...options.headers }),
      ),
    ),
  );

  const call = (request: HttpClientRequest.HttpClientRequest): Effect.Effect<Answer> =>
    client.execute(request).pipe(
      Effect.flatMap((response) => Effect.map(response.text, (text) => read(response.status, text))),
      Effect.scoped,
      Effect.catch((error) => Effect.succeed<Answer>(outcomeOf(error))),
      Effect.timeoutOrElse({
        duration: timeoutMillis,
        orElse: () => Effect.succeed<Answer>(unknown(`no answer in ${timeoutMillis} ms`)),
      }),
    );

  const post = (path: string, idempotencyKey: string, body: Parameters<typeof HttpBody.jsonUnsafe>[0]) =>
    call(
      HttpClientRequest.post(path).pipe(
        HttpClientRequest.setHeader("idempotency-key", idempotencyKey),
        HttpClientRequest.bodyJsonUnsafe(body),
      ),
    );

  const pathOf = (paymentKey: string): string => `/v1/payments/${encodeURIComponent(paymentKey)}`;

  const afterCancel = (answer: Answer, paymentKey: string): Effect.Effect<CancelOutcome> => {
    if (answer._tag === "Payment") {
      const { balanceAmount, totalAmount } = answer.payment;
      return Effect.succeed(
        balanceAmount === 0 ? { _tag: "Cancelled", amount: totalAmount } : unknown("partly canceled", true),
      );
    }
    if (answer._tag !== "Refusal") return Effect.succeed(answer);
    const { code, message } = answer;
    switch (answer.status === 429 ? "throttled" : cancelCodes.get(code)) {
      case "settled":
        return Effect.map(call(HttpClientRequest.get(pathOf(paymentKey))), (looked): CancelOutcome =>
          looked._tag !== "Payment"
            ? unknown(code, true)
            : looked.payment.balanceAmount === 0
              ? { _tag: "AlreadyCancelled" }
              : { _tag: "Refused", code, message },
        );
      case "refused":
        return Effect.succeed({ _tag: "Refused", code, message });
      case "configuration":
        return Effect.succeed(notSent("configuration"));
      case "throttled":
        return Effect.succeed(notSent("rate-limited"));
      case "busy":
        return Effect.succeed(unknown(code));
      default:
        return Effect.succeed(unknown(code, true));
    }
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
      Effect.map(call(HttpClientRequest.get(pathOf(paymentKey))), (answer): InquiryOutcome => {
        switch (answer._tag) {
          case "Payment":
            return inquired(answer.payment, vendorOrderId);
          case "Refusal":
            return answer.code === "NOT_FOUND_PAYMENT" ? { _tag: "NotFound" } : unknown(answer.code, true);
          case "NotSent":
            return unknown(answer.reason);
          default:
            return answer;
        }
      }),
    ),
    cancel: Effect.fn("Toss.cancel")(({ amount, idempotencyKey, paymentKey, reason }) =>
      Effect.flatMap(
        post(`${pathOf(paymentKey)}/cancel`, idempotencyKey, {
          cancelReason: reason.slice(0, maxReasonLength).toWellFormed(),
          cancelAmount: amount,
        }),
        (answer) => afterCancel(answer, paymentKey),
      ),
    ),
  };
});

const maxReasonLength = 200;

/** An HTTP client whose errors tell a connection that never opened from a request that got lost. */
export const httpClient: Layer.Layer<HttpClient.HttpClient> = NodeHttpClient.layerUndiciOptions({
  connect: { timeout: connectTimeoutMillis },
  connections: maxConnections,
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
