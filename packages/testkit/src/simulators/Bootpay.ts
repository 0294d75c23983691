/**
 * Bootpay on 127.0.0.1: the PG API v2 with separate confirmation, with faults on demand.
 *
 * Guarantee: what it answered is what it did, unless the fault plan says otherwise; `GET /__sim/captures` is the truth
 * about the money either way, and survives `kill -9` when a directory is given.
 * Limits: see `BootpayOptions`. Not simulated: webhooks, subscriptions, deposits, and payments that the browser confirms.
 */
import * as Context from "effect/Context";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import type * as Scope from "effect/Scope";
import * as Gateway from "./bootpay/BootpayGateway.ts";
import type { Receipt } from "./bootpay/BootpayReceipt.ts";
import { NewPayment } from "./bootpay/BootpayRequests.ts";
import type * as Captures from "./Captures.ts";
import * as Simulator from "./Simulator.ts";
import type * as Server from "./SimulatorServer.ts";

/** The project's keys: of the current kind, and of the older one that access tokens are made from. */
export interface Keys {
  readonly clientKey: string;
  readonly secretKey: string;
  readonly applicationId: string;
  readonly privateKey: string;
}

export const defaultKeys: Keys = {
  clientKey: "ck_destiny",
  secretKey: "sk_destiny",
  applicationId: "destiny",
  privateKey: "pk_destiny",
};

export interface BootpayOptions extends Simulator.SimulatorOptions {
  /** Each default is that of `defaultKeys`. */
  readonly keys?: Partial<Keys>;
}

export interface BootpaySimulatorShape extends Simulator.SimulatorShape<Receipt, NewPayment> {
  readonly keys: Keys;
}

export class BootpaySimulator extends Context.Service<BootpaySimulator, BootpaySimulatorShape>()(
  "@destiny/testkit/simulators/BootpaySimulator",
) {}

/** Starts the simulator in the scope. */
export const make = (
  options: BootpayOptions,
): Effect.Effect<BootpaySimulatorShape, Server.ListenError | Captures.CapturesError, Scope.Scope> => {
  const keys: Keys = { ...defaultKeys, ...options.keys };
  const started = Simulator.make(
    {
      name: "bootpay",
      rules: Gateway.rules,
      operations: Gateway.operations,
      newPayment: NewPayment,
      make: ({ faults, ledger, now, rateLimitPerMinute }) => {
        const gateway = Gateway.make({ keys, rateLimitPerMinute, now, ids: Simulator.randomHex }, faults, ledger);
        return {
          ...gateway,
          routes: [
            { method: "POST", path: Gateway.tokenPath, handle: gateway.token },
            { method: "POST", path: "/v2/confirm", handle: gateway.confirm },
            { method: "GET", path: "/v2/receipt/:receiptId", handle: gateway.inquire },
            { method: "GET", path: "/v2/lookup/order/:orderId", handle: gateway.inquireByOrder },
            { method: "POST", path: "/v2/cancel", handle: gateway.cancel },
            Simulator.control("POST", "/__sim/payments/:receiptId/authenticate", gateway.authenticate),
            Simulator.control("POST", "/__sim/tokens/revoke", gateway.revoke),
          ],
        };
      },
    },
    options,
  );
  return Effect.map(started, (shape) => ({ ...shape, keys }));
};

/** A running simulator as a service, for tests: `Bootpay.layer({ port: 0 })`. */
export const layer = (
  options: BootpayOptions,
): Layer.Layer<BootpaySimulator, Server.ListenError | Captures.CapturesError> =>
  Layer.effect(BootpaySimulator, make(options));
