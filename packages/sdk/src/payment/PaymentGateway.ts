/**
 * The port to a payment gateway: three questions, each answered by a value and never by an error.
 *
 * Guarantee asked of an adapter: `NotSent` is said only when the gateway certainly did not act, `Declined` only when it
 * certainly took nothing; whatever else is not understood is `Unknown`. A payment key is captured at most once, however
 * often it is confirmed. Adapters are stateless translators: they retry nothing and remember nothing.
 */
import * as Context from "effect/Context";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Schema from "effect/Schema";

/** The money is taken. */
export const Approved = Schema.TaggedStruct("Approved", {
  /** In won. */
  amount: Schema.Int,
  /** The gateway's own name of the method, in English. */
  method: Schema.optionalKey(Schema.String),
  /** UTC epoch milliseconds, by the gateway's clock. */
  approvedAt: Schema.Finite,
});
export type Approved = typeof Approved.Type;

/** No money was taken and none will be. `soft`: the same buyer may succeed with another try; `hard`: not with this one. */
export const Declined = Schema.TaggedStruct("Declined", {
  kind: Schema.Literals(["hard", "soft"]),
  code: Schema.String,
  message: Schema.String,
});
export type Declined = typeof Declined.Type;

/** `preflight`: a question that has to come before the request got no answer, so that the request was not made. */
export const NotSentReason = Schema.Literals([
  "connect",
  "dns",
  "tls",
  "breaker",
  "rate-limited",
  "configuration",
  "preflight",
]);
export type NotSentReason = typeof NotSentReason.Type;

/** The gateway certainly did not act: the request never reached it, or it turned it away unread. */
export const NotSent = Schema.TaggedStruct("NotSent", { reason: NotSentReason });
export type NotSent = typeof NotSent.Type;

/** Sent, and no trustworthy answer: never a failure. */
export const Unknown = Schema.TaggedStruct("Unknown", {
  why: Schema.String,
  /** The gateway itself answered, so its idempotency key is spent: it would only say the same again. */
  answered: Schema.Boolean,
  /** Whether it counts against the gateway's health; absent: it does when the gateway did not answer. */
  technical: Schema.optionalKey(Schema.Boolean),
});
export type Unknown = typeof Unknown.Type;

/** The gateway knows the payment, and nothing is decided yet. */
export const Pending = Schema.TaggedStruct("Pending", {});
/** The gateway does not know the payment: soon after a confirm this proves nothing. */
export const NotFound = Schema.TaggedStruct("NotFound", {});

export const ConfirmOutcome = Schema.Union([Approved, Declined, NotSent, Unknown]);
export type ConfirmOutcome = typeof ConfirmOutcome.Type;

export const InquiryOutcome = Schema.Union([Approved, Declined, Pending, NotFound, Unknown]);
export type InquiryOutcome = typeof InquiryOutcome.Type;

export const CancelOutcome = Schema.Union([
  Schema.TaggedStruct("Cancelled", { amount: Schema.Int }),
  /** Nothing was left to give back. */
  Schema.TaggedStruct("AlreadyCancelled", {}),
  Schema.TaggedStruct("Refused", { code: Schema.String, message: Schema.String }),
  NotSent,
  Unknown,
]);
export type CancelOutcome = typeof CancelOutcome.Type;

export const unknown = (why: string, answered = false): Unknown => ({ _tag: "Unknown", why, answered });
export const notSent = (reason: NotSentReason): NotSent => ({ _tag: "NotSent", reason });

export interface PaymentGateway {
  /** The provider's name, as intents and attempts store it. */
  readonly name: string;
  /** Takes the money that the buyer has authorised, if it is exactly `amount` won. */
  readonly confirm: (request: {
    readonly paymentKey: string;
    readonly vendorOrderId: string;
    readonly amount: number;
    readonly idempotencyKey: string;
  }) => Effect.Effect<ConfirmOutcome>;
  /** What became of a payment. Answers `Declined` for a payment of another order: it can never pay for this one. */
  readonly inquire: (request: {
    readonly paymentKey: string;
    readonly vendorOrderId: string;
  }) => Effect.Effect<InquiryOutcome>;
  /**
   * Gives `amount` won back, which is all that was taken. The reason is never blank and may be of any length: an adapter cuts
   * it to what its gateway takes.
   */
  readonly cancel: (request: {
    readonly paymentKey: string;
    readonly amount: number;
    readonly reason: string;
    readonly idempotencyKey: string;
  }) => Effect.Effect<CancelOutcome>;
}

/** The gateways of this process, by provider name. */
export class PaymentGateways extends Context.Service<
  PaymentGateways,
  {
    readonly names: ReadonlyArray<string>;
    readonly get: (provider: string) => PaymentGateway | undefined;
  }
>()("@destiny/sdk/payment/PaymentGateways") {
  /** A registry of gateways; each is made in the layer's scope. */
  static readonly layer = <E, R>(
    gateways: ReadonlyArray<Effect.Effect<PaymentGateway, E, R>>,
  ): Layer.Layer<PaymentGateways, E, R> =>
    Layer.effect(
      PaymentGateways,
      Effect.map(Effect.all(gateways), (made) => {
        const byName = new Map(made.map((gateway) => [gateway.name, gateway]));
        return PaymentGateways.of({ names: [...byName.keys()], get: (provider) => byName.get(provider) });
      }),
    );
}
