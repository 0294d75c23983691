/**
 * Bootpay (PG API v2) behind the port, with separate confirmation: the buyer authenticates, money moves at our confirm.
 *
 * Guarantee: the port's. The vendor's confirm takes no amount, so the receipt is read first, and confirmed only when it is
 * of this order, costs exactly that much and waits for us; a payment that is not read is not confirmed.
 *
 * The vendor has no idempotency keys. A receipt is confirmed at most once because of its state, and a repeated confirm finds
 * in the receipt what became of the first; returns carry a `cancel_id`, which the vendor executes once.
 *
 * Limits: `timeoutMillis` for each of confirm, inquire and cancel, all calls and waits for an access token included; those of
 * `Calls` and `BootpayAccess`.
 */
import * as Clock from "effect/Clock";
import * as Config from "effect/Config";
import * as Effect from "effect/Effect";
import type * as HttpClient from "effect/http/HttpClient";
import * as HttpClientRequest from "effect/http/HttpClientRequest";
import * as Layer from "effect/Layer";
import * as Option from "effect/Option";
import * as Schema from "effect/Schema";
import {
  type CancelOutcome,
  type ConfirmOutcome,
  notSent,
  type PaymentGateway,
  PaymentGateways,
  unknown,
} from "../PaymentGateway.ts";
import * as BootpayAccess from "./BootpayAccess.ts";
import { cancelCodes, confirmCodes, tokenInvalid } from "./BootpayCodes.ts";
import { approved, beforeConfirm, inquired, isReceiptId, notAReceipt, Receipt } from "./BootpayReceipt.ts";
import * as Calls from "./Calls.ts";
import * as Meanings from "./Meanings.ts";

export const provider = "bootpay";

export interface Options {
  /** Without a slash at its end, and without the version. */
  readonly baseUrl: string;
  readonly credentials: BootpayAccess.Credentials;
  readonly timeoutMillis?: number | undefined;
}

export const defaultBaseUrl = "https://api.bootpay.co.kr";
export const { defaultTimeoutMillis, httpClient } = Calls;

const apiVersion = "5.0.0";

type Answer = Calls.Answer<Receipt>;

const Refusal = Schema.Struct({
  error_code: Schema.String,
  message: Schema.optionalKey(Schema.String),
  pg_error_code: Schema.optionalKey(Schema.NullOr(Schema.String)),
});
const decodeRefusal = (text: string) =>
  Option.map(
    Schema.decodeOption(Schema.fromJsonString(Refusal))(text),
    ({ error_code: code, message = "", pg_error_code: acquirer }) => ({
      code,
      message: acquirer === undefined || acquirer === null ? message : `${acquirer}: ${message}`,
    }),
  );

/** The vendor documents no status of a refusal; that it carries an error code is what makes it one. */
const reads = <Body>(schema: Schema.Codec<Body, unknown>): Calls.Read<Body> => {
  const read = Calls.reader(Schema.decodeUnknownOption(Schema.fromJsonString(schema)), decodeRefusal);
  return (status, text) =>
    Option.match(decodeRefusal(text), {
      onSome: ({ code, message }): Calls.Answer<Body> => ({ _tag: "Refusal", status, code, message }),
      onNone: () => read(status, text),
    });
};
const readReceipt = reads(Receipt);
const readToken = reads(BootpayAccess.Token);

export const make = Effect.fnUntraced(function* (
  options: Options,
): Effect.fn.Return<PaymentGateway, never, HttpClient.HttpClient> {
  const timeoutMillis = options.timeoutMillis ?? defaultTimeoutMillis;
  const client = yield* Calls.clientAt(options.baseUrl, HttpClientRequest.setHeader("bootpay-api-version", apiVersion));
  const access = BootpayAccess.make(options.credentials, (request, millis) =>
    Calls.send(client, request, readToken, millis),
  );

  /** One call under its share of the operation's time. */
  const once = Effect.fnUntraced(function* (request: HttpClientRequest.HttpClientRequest, until: number) {
    const signed = yield* access.sign(request, until - (yield* Clock.currentTimeMillis));
    if (!HttpClientRequest.isHttpClientRequest(signed)) return { answer: signed, again: false };
    const left = until - (yield* Clock.currentTimeMillis);
    if (left <= 0) return { answer: notSent("preflight"), again: false };
    const answer: Answer = yield* Calls.send(client, signed, readReceipt, left);
    const again = answer._tag === "Refusal" && answer.code === tokenInvalid && access.forget(signed);
    return { answer, again };
  });

  /** Turned away for its token a request was not read, so that sending it with a new one is no second try. */
  const call = Effect.fnUntraced(function* (request: HttpClientRequest.HttpClientRequest, until: number) {
    const first = yield* once(request, until);
    return first.again ? (yield* once(request, until)).answer : first.answer;
  });

  const deadline = Effect.map(Clock.currentTimeMillis, (now) => now + timeoutMillis);

  const look = (receiptId: string, until: number): Effect.Effect<Answer> =>
    call(HttpClientRequest.get(`/v2/receipt/${encodeURIComponent(receiptId)}?lookup_user_data=false`), until);

  return {
    name: provider,
    confirm: Effect.fn("Bootpay.confirm")(function* ({
      amount,
      paymentKey,
      vendorOrderId,
    }): Effect.fn.Return<ConfirmOutcome> {
      if (!isReceiptId(paymentKey)) return notAReceipt;
      const until = yield* deadline;
      const looked = yield* look(paymentKey, until);
      switch (looked._tag) {
        case "NotSent":
          return looked;
        case "Unknown":
          return notSent("preflight");
        case "Refusal": {
          const outcome = Meanings.ofConfirm(confirmCodes, looked);
          return outcome._tag === "Unknown" ? notSent("preflight") : outcome;
        }
        case "Body": {
          const outcome = beforeConfirm(looked.body, vendorOrderId, amount);
          if (outcome !== undefined) return outcome;
        }
      }
      const answer = yield* call(
        HttpClientRequest.post("/v2/confirm").pipe(HttpClientRequest.bodyJsonUnsafe({ receipt_id: paymentKey })),
        until,
      );
      if (answer._tag === "Refusal") return Meanings.ofConfirm(confirmCodes, answer);
      if (answer._tag !== "Body") return answer;
      return answer.body.status === 1 ? approved(answer.body) : unknown(`status ${answer.body.status}`, true);
    }),
    inquire: Effect.fn("Bootpay.inquire")(function* ({ paymentKey, vendorOrderId }) {
      if (!isReceiptId(paymentKey)) return notAReceipt;
      const answer = yield* look(paymentKey, yield* deadline);
      return answer._tag === "Body" ? inquired(answer.body, vendorOrderId) : Calls.notLooked(answer, "RC_NOT_FOUND");
    }),
    cancel: Effect.fn("Bootpay.cancel")(function* ({
      amount,
      idempotencyKey,
      paymentKey,
      reason,
    }): Effect.fn.Return<CancelOutcome> {
      const until = yield* deadline;
      const answer = yield* call(
        HttpClientRequest.post("/v2/cancel").pipe(
          HttpClientRequest.bodyJsonUnsafe({
            receipt_id: paymentKey,
            cancel_price: amount,
            cancel_id: idempotencyKey,
            cancel_message: Calls.reasonOf(reason),
          }),
        ),
        until,
      );
      if (answer._tag === "Refusal") {
        const left = Effect.map(look(paymentKey, until), (looked) =>
          looked._tag === "Body" ? looked.body.price - looked.body.cancelled_price : undefined,
        );
        return yield* Meanings.ofCancel(cancelCodes, answer, left);
      }
      if (answer._tag !== "Body") return answer;
      const { cancelled_price: cancelled, price, status } = answer.body;
      return status === 20 && cancelled === price
        ? { _tag: "Cancelled", amount: price }
        : unknown(`status ${status}, ${cancelled} of ${price} given back`, true);
    }),
  };
});

/** Bootpay as the only gateway, with a client of its own. */
export const layer = (options: Options): Layer.Layer<PaymentGateways> =>
  PaymentGateways.layer([make(options)]).pipe(Layer.provide(httpClient));

const keys: Config.Config<BootpayAccess.Credentials> = Config.map(
  Config.all({
    clientKey: Config.NonEmptyString("BOOTPAY_CLIENT_KEY"),
    secretKey: Config.Redacted("BOOTPAY_SECRET_KEY"),
  }),
  (known) => ({ _tag: "Keys", ...known }),
);
const tokens: Config.Config<BootpayAccess.Credentials> = Config.map(
  Config.all({
    applicationId: Config.NonEmptyString("BOOTPAY_APPLICATION_ID"),
    privateKey: Config.Redacted("BOOTPAY_PRIVATE_KEY"),
  }),
  (known) => ({ _tag: "Token", ...known }),
);

/**
 * `BOOTPAY_BASE_URL` (default: the vendor's), `BOOTPAY_TIMEOUT_MILLIS`, and `BOOTPAY_CLIENT_KEY` with `BOOTPAY_SECRET_KEY`,
 * or of the older kind `BOOTPAY_APPLICATION_ID` with `BOOTPAY_PRIVATE_KEY`.
 */
export const config: Config.Config<Options> = Config.all({
  baseUrl: Config.String("BOOTPAY_BASE_URL").pipe(Config.withDefault(defaultBaseUrl)),
  credentials: Config.orElse(keys, () => tokens),
  timeoutMillis: Config.Int("BOOTPAY_TIMEOUT_MILLIS").pipe(Config.withDefault(defaultTimeoutMillis)),
});

export const layerConfig: Layer.Layer<PaymentGateways, Config.ConfigError> = Layer.unwrap(Effect.map(config, layer));
