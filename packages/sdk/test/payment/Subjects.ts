/** The three adapters, each in front of its simulated vendor, for what has to hold for all of them. */
import { Bootpay, PortOne, Toss } from "@destiny/sdk/payment";
import type { PaymentGatewaySuite } from "@destiny/testkit/conformance";
import { Bootpay as BootpayVendor, PortOne as PortOneVendor, Toss as TossVendor } from "@destiny/testkit/simulators";
import * as Effect from "effect/Effect";
import type * as HttpClient from "effect/http/HttpClient";
import * as Layer from "effect/Layer";
import * as Redacted from "effect/Redacted";

export const timeoutMillis = 400;
const tooLateMillis = timeoutMillis + 200;

/** What the buyer brings back, or a defect when the simulator is full. */
const brought = <Payment>(payment: Payment | undefined, key: (payment: Payment) => string): Effect.Effect<string> =>
  payment === undefined ? Effect.die(new Error("the simulator is full")) : Effect.succeed(key(payment));

type Subject<Vendor, E> = PaymentGatewaySuite.Subject<Vendor | HttpClient.HttpClient, E>;

export const toss: Subject<TossVendor.TossSimulator, unknown> = {
  layer: Layer.merge(TossVendor.layer({ port: 0 }), Toss.httpClient),
  simulator: TossVendor.TossSimulator,
  adapter: ({ baseUrl, secret } = {}) =>
    Effect.flatMap(TossVendor.TossSimulator, ({ secretKey, url }) =>
      Toss.make({ baseUrl: baseUrl ?? url, secretKey: Redacted.make(secret ?? secretKey), timeoutMillis }),
    ),
  authorise: (orderId, amount) =>
    Effect.flatMap(TossVendor.TossSimulator, ({ createPayment }) =>
      brought(createPayment({ orderId, amount }), ({ paymentKey }) => paymentKey),
    ),
  unknownKey: () => "tviva-nobody",
  tooLateMillis,
  codes: {
    confirm: {
      hard: ["INVALID_REQUEST", "NOT_FOUND_PAYMENT_SESSION"],
      soft: ["REJECT_CARD_PAYMENT", "INVALID_STOPPED_CARD"],
      configuration: ["UNAUTHORIZED_KEY", "INVALID_API_KEY"],
      trouble: ["PROVIDER_ERROR", "COMMON_ERROR"],
    },
    cancel: {
      refused: ["REFUND_REJECTED"],
      configuration: ["UNAUTHORIZED_KEY"],
      trouble: ["PROVIDER_ERROR", "FAILED_REFUND_PROCESS"],
    },
  },
};

export const portOne: Subject<PortOneVendor.PortOneSimulator, unknown> = {
  layer: Layer.merge(PortOneVendor.layer({ port: 0 }), PortOne.httpClient),
  simulator: PortOneVendor.PortOneSimulator,
  adapter: ({ baseUrl, secret } = {}) =>
    Effect.flatMap(PortOneVendor.PortOneSimulator, ({ apiSecret, url }) =>
      PortOne.make({
        baseUrl: baseUrl ?? url,
        apiSecret: Redacted.make(secret ?? apiSecret),
        isTest: true,
        timeoutMillis,
      }),
    ),
  authorise: (orderId, amount) =>
    Effect.flatMap(PortOneVendor.PortOneSimulator, ({ createPayment }) =>
      brought(createPayment({ orderId, amount, paymentId: PortOne.paymentId(orderId, 1) }), (payment) =>
        PortOne.paymentKey(payment.paymentId, payment.paymentToken),
      ),
    ),
  unknownKey: (orderId) => PortOne.paymentKey(PortOne.paymentId(orderId, 9), "nobody"),
  tooLateMillis,
  codes: {
    confirm: {
      hard: ["INVALID_REQUEST", "INVALID_PAYMENT_TOKEN", "INFORMATION_MISMATCH"],
      soft: ["PG_PROVIDER:REJECT_CARD_PAYMENT", "PG_PROVIDER:INVALID_STOPPED_CARD"],
      configuration: ["UNAUTHORIZED", "FORBIDDEN", "CHANNEL_NOT_FOUND"],
      trouble: ["PG_PROVIDER", "INTERNAL_SERVER_ERROR"],
    },
    cancel: {
      refused: ["PAYMENT_NOT_PAID", "MAX_CANCEL_COUNT_REACHED"],
      configuration: ["UNAUTHORIZED"],
      trouble: ["PG_PROVIDER"],
    },
  },
};

export type BootpayMode = "Keys" | "Token";

/** The credentials that a project has of either kind. */
export const bootpayCredentials = (
  mode: BootpayMode,
  keys: BootpayVendor.Keys,
  secret?: string,
): Bootpay.Options["credentials"] =>
  mode === "Keys"
    ? { _tag: mode, clientKey: keys.clientKey, secretKey: Redacted.make(secret ?? keys.secretKey) }
    : { _tag: mode, applicationId: keys.applicationId, privateKey: Redacted.make(secret ?? keys.privateKey) };

export const bootpay = (mode: BootpayMode): Subject<BootpayVendor.BootpaySimulator, unknown> => ({
  layer: Layer.merge(BootpayVendor.layer({ port: 0 }), Bootpay.httpClient),
  simulator: BootpayVendor.BootpaySimulator,
  adapter: ({ baseUrl, secret } = {}) =>
    Effect.flatMap(BootpayVendor.BootpaySimulator, ({ keys, url }) =>
      Bootpay.make({
        baseUrl: baseUrl ?? url,
        credentials: bootpayCredentials(mode, keys, secret),
        timeoutMillis,
      }),
    ),
  authorise: (orderId, amount) =>
    Effect.flatMap(BootpayVendor.BootpaySimulator, ({ createPayment }) =>
      brought(createPayment({ orderId, amount }), ({ receiptId }) => receiptId),
    ),
  unknownKey: () => "nobody",
  tooLateMillis,
  codes: {
    confirm: {
      hard: ["RC_NOT_FOUND"],
      soft: ["RC_CONFIRM_FAILED"],
      configuration: ["APP_KEY_NOT_FOUND", "APP_SK_NOT_MATCHED"],
      trouble: ["RC_CONFIRM_CRITICAL_FAILED"],
    },
    cancel: {
      refused: ["RC_CANCEL_SERVER_ERROR"],
      configuration: ["APP_KEY_NOT_FOUND"],
      trouble: ["RC_CANCEL_CRITICAL_ERROR"],
    },
  },
});
