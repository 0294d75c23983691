/** The adapter under test with its simulated vendor, and the tools that all parts of the suite share. */
import type { PaymentGateway } from "@destiny/sdk/payment";
import { assert } from "@effect/vitest";
import * as Effect from "effect/Effect";
import type * as Layer from "effect/Layer";
import type { Capture } from "../../simulators/Captures.ts";
import type { Faults } from "../../simulators/Faults.ts";

interface Simulator {
  readonly port: number;
  readonly faults: Faults;
  readonly captures: () => ReadonlyArray<Capture>;
}

/** An adapter, the simulator that it talks to, and the vendor's words for what the table needs. */
export interface Subject<R, E> {
  readonly layer: Layer.Layer<R, E>;
  readonly simulator: Effect.Effect<Simulator, never, R>;
  /** An adapter of the simulator, unless told otherwise. */
  readonly adapter: (options?: {
    readonly baseUrl?: string;
    readonly secret?: string;
  }) => Effect.Effect<PaymentGateway.PaymentGateway, never, R>;
  /** The buyer authenticates; answers the payment key. */
  readonly authorise: (vendorOrderId: string, amount: number) => Effect.Effect<string, never, R>;
  /** A well-formed payment key of an order that the vendor does not know. */
  readonly unknownKey: (vendorOrderId: string) => string;
  /** Longer than the adapter waits. */
  readonly tooLateMillis: number;
  readonly codes: {
    readonly confirm: Readonly<Record<"hard" | "soft" | "configuration" | "trouble", ReadonlyArray<string>>>;
    readonly cancel: Readonly<Record<"refused" | "configuration" | "trouble", ReadonlyArray<string>>>;
  };
}

export const amount = 15_000;

export const unanswered = { _tag: "Unknown", answered: false } as const;
export const troubled = { _tag: "Unknown", answered: true, technical: true } as const;

let serial = 0;

/** A buyer who has authenticated, and what the vendor knows about the money. */
export const buyer = Effect.fnUntraced(function* <R, E>(subject: Subject<R, E>) {
  const vendorOrderId = `order-${String(++serial).padStart(6, "0")}`;
  const simulator = yield* subject.simulator;
  const gateway = yield* subject.adapter();
  const paymentKey = yield* subject.authorise(vendorOrderId, amount);
  const request = { paymentKey, vendorOrderId, amount, idempotencyKey: `confirm:${vendorOrderId}:1` };
  const entries = () => simulator.captures().filter(({ orderId }) => orderId === vendorOrderId);
  return {
    gateway,
    request,
    simulator,
    /** How often money was taken. */
    captures: () => entries().filter(({ kind }) => kind === "captured").length,
    /** Captured less canceled. */
    net: () => entries().reduce((sum, entry) => sum + (entry.kind === "captured" ? 1 : -1) * entry.amount, 0),
    faults: (...rules: ReadonlyArray<Readonly<Record<string, unknown>>>) =>
      Effect.sync(() => assert.strictEqual(simulator.faults.put({ rules })._tag, "Success")),
    cancel: (no: number, reason = "the suite"): Effect.Effect<PaymentGateway.CancelOutcome> =>
      gateway.cancel({ paymentKey, amount, reason, idempotencyKey: `return:${vendorOrderId}:${no}` }),
  };
});

/** The same, who has paid. */
export const paid = <R, E>(subject: Subject<R, E>) =>
  Effect.tap(buyer(subject), ({ gateway, request }) => gateway.confirm(request));

/** The one thing that may never happen: money that we say was not taken. */
export const assertSound = (outcome: PaymentGateway.ConfirmOutcome, captures: number) => {
  if (outcome._tag === "Approved") assert.strictEqual(captures, 1);
  if (outcome._tag === "Declined" || outcome._tag === "NotSent") assert.strictEqual(captures, 0);
};
