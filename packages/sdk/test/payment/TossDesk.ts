/** The adapter as a shop holds it, in front of a simulated Toss Payments. */
import { Toss } from "@destiny/sdk/payment";
import { Toss as Simulator } from "@destiny/testkit/simulators";
import * as Effect from "effect/Effect";
import * as Redacted from "effect/Redacted";

export const timeoutMillis = 400;

export interface Options {
  readonly baseUrl?: string;
  readonly secretKey?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** An adapter of the running simulator, or of another address. */
export const adapter = (options: Options = {}) =>
  Effect.gen(function* () {
    const simulator = yield* Simulator.TossSimulator;
    return yield* Toss.make({
      baseUrl: options.baseUrl ?? simulator.url,
      secretKey: Redacted.make(options.secretKey ?? simulator.secretKey),
      headers: options.headers,
      timeoutMillis,
    });
  });

/** The browser step: the buyer has authenticated and comes back with this key. */
export const authorised = Effect.fnUntraced(function* (vendorOrderId: string, amount = 15_000) {
  const simulator = yield* Simulator.TossSimulator;
  const payment = simulator.createPayment({ orderId: vendorOrderId, amount });
  if (payment === undefined) return yield* Effect.die(new Error("the simulator is full"));
  return {
    paymentKey: payment.paymentKey,
    vendorOrderId,
    amount,
    idempotencyKey: `confirm:${vendorOrderId}:1`,
  };
});

/** What the gateway itself says about the money of an order: captured less canceled, in won. */
export const net = Effect.fnUntraced(function* (vendorOrderId: string) {
  const simulator = yield* Simulator.TossSimulator;
  return simulator
    .captures()
    .filter(({ orderId }) => orderId === vendorOrderId)
    .reduce((sum, { amount, kind }) => sum + (kind === "captured" ? amount : -amount), 0);
});

/** How often the gateway took money for an order. */
export const captures = Effect.fnUntraced(function* (vendorOrderId: string) {
  const simulator = yield* Simulator.TossSimulator;
  return simulator.captures().filter(({ kind, orderId }) => kind === "captured" && orderId === vendorOrderId).length;
});

/** Replaces the simulator's fault plan. */
export const faults = Effect.fnUntraced(function* (...rules: ReadonlyArray<Record<string, unknown>>) {
  (yield* Simulator.TossSimulator).faults.put({ rules });
});
