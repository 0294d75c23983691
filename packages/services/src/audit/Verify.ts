/**
 * What an audit of the whole shop takes and gives. docs/invariants.md says what each invariant means.
 *
 * Witnesses from outside the shop come in as values: who knows where a gateway or a shopper keeps its records reads them.
 */
import type { Audit } from "@destiny/sdk/machine";
import type * as Effect from "effect/Effect";
import type * as Redacted from "effect/Redacted";

/** One movement of money as a gateway itself recorded it. */
export interface GatewayMovement {
  readonly kind: "captured" | "canceled";
  readonly orderId: string;
  readonly paymentKey: string;
  /** Won, positive for both kinds. */
  readonly amount: number;
}

/** One order as its shopper saw it. */
export interface ShopperOrder {
  readonly orderId: string;
  /** Other orders that the same idempotency key was answered with: there must be none. */
  readonly otherOrderIds: ReadonlyArray<string>;
  /** The last state that was read. */
  readonly status: string;
  readonly reason: string | null;
  readonly finalAmount: number | null;
  /** A confirm of it was answered with `CAPTURED`. */
  readonly toldCaptured: boolean;
}

/** One ask for a coupon as its shopper saw it. */
export interface ShopperCoupon {
  readonly userId: string;
  readonly templateId: string;
  /** UTC epoch milliseconds, by the shoppers' clock. */
  readonly askedAt: number;
  /** null: nobody answered. */
  readonly answeredAt: number | null;
  /** The coupon that the shopper was told to have; null: none. */
  readonly couponId: string | null;
  /** Other coupons that the same idempotency key was answered with: there must be none. */
  readonly otherCouponIds: ReadonlyArray<string>;
  /** Why this ask was not granted, in the shop's own codes; null: it was, or nobody said. */
  readonly refusedWith: string | null;
}

/** What they said. */
export interface Witnesses {
  readonly gateways?: ReadonlyArray<GatewayMovement> | undefined;
  readonly shoppers?: ReadonlyArray<ShopperOrder> | undefined;
  readonly coupons?: ReadonlyArray<ShopperCoupon> | undefined;
}

export interface VerifyOptions<E = never> {
  /** Server of the service databases, `postgres://user:password@host:port/`. */
  readonly databaseUrl: Redacted.Redacted;
  /**
   * Everything that the gateways captured and gave back; undefined when they cannot be asked. Asked when the shop is quiet,
   * because money moves until then, and before that when what the gateways hold says whether it is.
   */
  readonly gateways?: Effect.Effect<ReadonlyArray<GatewayMovement>, E> | undefined;
  /** The orders of a run's shoppers, and the coupons that they asked for; undefined when no run is verified. */
  readonly shoppers?: ReadonlyArray<ShopperOrder> | undefined;
  readonly coupons?: ReadonlyArray<ShopperCoupon> | undefined;
  /** How long to wait for quiescence. */
  readonly maxWaitMillis: number;
}

export interface VerifyResult {
  readonly ok: boolean;
  /** No arrivals, outboxes empty, lag 0, sagas terminal. */
  readonly quiescent: boolean;
  /** From the start of the wait until everything was quiet; null: the bound was reached. */
  readonly quietAfterMillis: number | null;
  /** What still moved when the bound was reached. */
  readonly moving: ReadonlyArray<string>;
  readonly invariants: ReadonlyArray<Audit.Finding & { readonly ok: boolean }>;
}
