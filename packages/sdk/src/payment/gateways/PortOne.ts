/**
 * PortOne V2 (REST 1.16) behind the port, in manual approval: the buyer authenticates, money moves at our confirm.
 *
 * Guarantee: the port's. The vendor is told the amount, the currency and the kind of channel that we expect, and refuses a
 * payment that differs in any of them before it approves.
 *
 * The merchant chooses the vendor's payment id. Every try of an order gets an id of its own (`paymentId`), so that what an
 * inquiry says can only be about that try; with one id an order, a late answer about an abandoned try would be taken for the
 * next one, and its void would take back the wrong money. The port's payment key is the id and the token that the buyer's
 * authentication gave (`paymentKey`), because the vendor answers questions by id and approves by token.
 *
 * Limits: `timeoutMillis` a call; those of `Calls`. The vendor keeps an idempotency key for 3 hours.
 */
import * as Config from "effect/Config";
import * as Effect from "effect/Effect";
import type * as HttpBody from "effect/http/HttpBody";
import type * as HttpClient from "effect/http/HttpClient";
import * as HttpClientRequest from "effect/http/HttpClientRequest";
import * as Layer from "effect/Layer";
import * as Option from "effect/Option";
import * as Redacted from "effect/Redacted";
import * as Schema from "effect/Schema";
import { type CancelOutcome, type PaymentGateway, PaymentGateways, unknown } from "../PaymentGateway.ts";
import * as Calls from "./Calls.ts";
import * as Meanings from "./Meanings.ts";
import { cancelTypes, confirmTypes, refusals } from "./PortOneCodes.ts";
import { keyFor, keyOf } from "./PortOneKeys.ts";
import { approved, inquired, leftOf, Payment } from "./PortOnePayment.ts";

export { paymentId, paymentKey } from "./PortOneKeys.ts";
export const provider = "portone";

export interface Options {
  /** Without a slash at its end. */
  readonly baseUrl: string;
  readonly apiSecret: Redacted.Redacted;
  /** Whether payments of test channels count. They take no money, so live shops say no. */
  readonly isTest: boolean;
  /** Codes of the acquirers behind the channels by which the buyer's instrument refuses; any other proves nothing. */
  readonly refusals?: ReadonlySet<string> | undefined;
  readonly timeoutMillis?: number | undefined;
}

export const defaultBaseUrl = "https://api.portone.io";
export const { defaultTimeoutMillis, httpClient } = Calls;

const otherOrder = {
  _tag: "Declined",
  kind: "hard",
  code: "OTHER_ORDER",
  message: "The payment belongs to another order.",
} as const;

const Confirmation = Schema.Struct({ payment: Schema.Struct({ paidAt: Schema.String }) });
const Cancellation = Schema.Struct({
  cancellation: Schema.Struct({ status: Schema.String, totalAmount: Schema.Int }),
});

const Refusal = Schema.Struct({
  type: Schema.String,
  message: Schema.optionalKey(Schema.String),
  pgCode: Schema.optionalKey(Schema.String),
  pgMessage: Schema.optionalKey(Schema.String),
});

/** A code of the acquirer that is known stands for itself, so that one table translates both. */
const refusalReader = (known: ReadonlySet<string>) => {
  const decode = Schema.decodeUnknownOption(Schema.fromJsonString(Refusal));
  return (text: string) =>
    Option.map(decode(text), ({ message = "", pgCode, pgMessage, type }) =>
      pgCode !== undefined && known.has(pgCode)
        ? { code: pgCode, message: pgMessage ?? message }
        : { code: type, message: pgCode === undefined ? message : `${pgCode}: ${pgMessage ?? message}` },
    );
};

const minKeyLength = 16;

/** The vendor wants a quoted string of 16 to 256 characters; ours are never longer. */
const quoted = (key: string): string => `"${key.padEnd(minKeyLength, ".").replaceAll(/["\\]/g, "\\$&")}"`;

export const make = Effect.fnUntraced(function* (
  options: Options,
): Effect.fn.Return<PaymentGateway, never, HttpClient.HttpClient> {
  const timeoutMillis = options.timeoutMillis ?? defaultTimeoutMillis;
  const refusing = options.refusals ?? refusals;
  const types: Meanings.Codes<Meanings.ConfirmMeaning> = new Map([
    ...confirmTypes,
    ...Array.from(refusing, (code): [string, "soft"] => [code, "soft"]),
  ]);
  const decodeRefusal = refusalReader(refusing);
  const reads = <Body>(schema: Schema.Codec<Body, unknown>) =>
    Calls.reader(Schema.decodeUnknownOption(Schema.fromJsonString(schema)), decodeRefusal);
  const readPayment = reads(Payment);
  const readConfirmation = reads(Confirmation);
  const readCancellation = reads(Cancellation);

  const client = yield* Calls.clientAt(
    options.baseUrl,
    HttpClientRequest.setHeader("authorization", `PortOne ${Redacted.value(options.apiSecret)}`),
  );

  const pathOf = (id: string): string => `/payments/${encodeURIComponent(id)}`;

  const look = (id: string) => Calls.send(client, HttpClientRequest.get(pathOf(id)), readPayment, timeoutMillis);

  const post = <Body>(
    path: string,
    idempotencyKey: string,
    body: Parameters<typeof HttpBody.jsonUnsafe>[0],
    read: Calls.Read<Body>,
  ) =>
    Calls.send(
      client,
      HttpClientRequest.post(path).pipe(
        HttpClientRequest.setHeader("idempotency-key", quoted(idempotencyKey)),
        HttpClientRequest.bodyJsonUnsafe(body),
      ),
      read,
      timeoutMillis,
    );

  return {
    name: provider,
    confirm: Effect.fn("PortOne.confirm")(function* ({ amount, idempotencyKey, paymentKey, vendorOrderId }) {
      const key = keyFor(paymentKey, vendorOrderId);
      if (key === undefined) return otherOrder;
      const answer = yield* post(
        `${pathOf(key.id)}/confirm`,
        idempotencyKey,
        { paymentToken: key.token, currency: "KRW", totalAmount: amount, isTest: options.isTest },
        readConfirmation,
      );
      if (answer._tag === "Refusal") return Meanings.ofConfirm(types, answer);
      // The answer has no amount: the vendor compared ours before it approved.
      return answer._tag === "Body" ? approved(amount, answer.body.payment.paidAt) : answer;
    }),
    inquire: Effect.fn("PortOne.inquire")(function* ({ paymentKey, vendorOrderId }) {
      const key = keyFor(paymentKey, vendorOrderId);
      if (key === undefined) return otherOrder;
      const answer = yield* look(key.id);
      return answer._tag === "Body"
        ? inquired(answer.body, options.isTest)
        : Calls.notLooked(answer, "PAYMENT_NOT_FOUND");
    }),
    cancel: Effect.fn("PortOne.cancel")(function* ({
      amount,
      idempotencyKey,
      paymentKey,
      reason,
    }): Effect.fn.Return<CancelOutcome> {
      const key = keyOf(paymentKey);
      if (key === undefined) return { _tag: "Refused", code: "NO_PAYMENT_KEY", message: "This is no payment key." };
      const answer = yield* post(
        `${pathOf(key.id)}/cancel`,
        idempotencyKey,
        // The whole amount or nothing: a second return, under another key, finds another amount and does nothing.
        { reason: Calls.reasonOf(reason), amount, currentCancellableAmount: amount },
        readCancellation,
      );
      if (answer._tag === "Refusal") {
        const left = Effect.map(look(key.id), (looked) => (looked._tag === "Body" ? leftOf(looked.body) : undefined));
        return yield* Meanings.ofCancel(cancelTypes, answer, left);
      }
      if (answer._tag !== "Body") return answer;
      const { status, totalAmount } = answer.body.cancellation;
      switch (status) {
        case "SUCCEEDED":
          return { _tag: "Cancelled", amount: totalAmount };
        case "FAILED":
          return { _tag: "Refused", code: "CANCELLATION_FAILED", message: "The acquirer refused to give it back." };
        default:
          return unknown(`cancellation ${status}`, true);
      }
    }),
  };
});

/** PortOne as the only gateway, with a client of its own. */
export const layer = (options: Options): Layer.Layer<PaymentGateways> =>
  PaymentGateways.layer([make(options)]).pipe(Layer.provide(httpClient));

/** `PORTONE_BASE_URL` (default: the vendor's), `PORTONE_API_SECRET`, `PORTONE_TEST` (default: no), `PORTONE_TIMEOUT_MILLIS`. */
export const config: Config.Config<Options> = Config.all({
  baseUrl: Config.String("PORTONE_BASE_URL").pipe(Config.withDefault(defaultBaseUrl)),
  apiSecret: Config.Redacted("PORTONE_API_SECRET"),
  isTest: Config.Boolean("PORTONE_TEST").pipe(Config.withDefault(false)),
  timeoutMillis: Config.Int("PORTONE_TIMEOUT_MILLIS").pipe(Config.withDefault(defaultTimeoutMillis)),
});

export const layerConfig: Layer.Layer<PaymentGateways, Config.ConfigError> = Layer.unwrap(Effect.map(config, layer));
