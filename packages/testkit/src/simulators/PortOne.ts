/**
 * PortOne V2 on 127.0.0.1: the payment API in manual approval, with faults on demand.
 *
 * Guarantee: what it answered is what it did, unless the fault plan says otherwise; `GET /__sim/captures` is the truth
 * about the money either way, and survives `kill -9` when a directory is given.
 * Limits: see `PortOneOptions`. Every channel is a TEST channel. Not simulated: webhooks, billing keys, deposits, login.
 */
import * as Context from "effect/Context";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import type * as Scope from "effect/Scope";
import type * as Captures from "./Captures.ts";
import * as Gateway from "./portone/PortOneGateway.ts";
import type { Payment } from "./portone/PortOnePayment.ts";
import { NewPayment } from "./portone/PortOneRequests.ts";
import * as Simulator from "./Simulator.ts";
import type * as Server from "./SimulatorServer.ts";

export const defaultApiSecret = "portone_secret_destiny";

export interface PortOneOptions extends Simulator.SimulatorOptions {
  /** Default `[defaultApiSecret]`. */
  readonly apiSecrets?: ReadonlyArray<string>;
  readonly storeId?: string;
  /** Cancellations stay REQUESTED until `POST /__sim/payments/:paymentId/settle`. */
  readonly asynchronousCancels?: boolean;
}

export interface PortOneSimulatorShape extends Simulator.SimulatorShape<Payment, NewPayment> {
  readonly apiSecret: string;
}

export class PortOneSimulator extends Context.Service<PortOneSimulator, PortOneSimulatorShape>()(
  "@destiny/testkit/simulators/PortOneSimulator",
) {}

/** Starts the simulator in the scope. */
export const make = (
  options: PortOneOptions,
): Effect.Effect<PortOneSimulatorShape, Server.ListenError | Captures.CapturesError, Scope.Scope> => {
  const { apiSecrets = [defaultApiSecret] } = options;
  const started = Simulator.make(
    {
      name: "portone",
      rules: Gateway.rules,
      operations: Gateway.operations,
      newPayment: NewPayment,
      make: ({ faults, ledger, now, rateLimitPerMinute }) => {
        const { storeId = "store-destiny", asynchronousCancels = false } = options;
        const settings = {
          apiSecrets,
          storeId,
          rateLimitPerMinute,
          asynchronousCancels,
          now,
          ids: Simulator.randomHex,
        };
        const gateway = Gateway.make(settings, faults, ledger);
        return {
          ...gateway,
          routes: [
            { method: "POST", path: "/payments/:paymentId/confirm", handle: gateway.confirm },
            { method: "POST", path: "/payments/:paymentId/cancel", handle: gateway.cancel },
            { method: "GET", path: "/payments/:paymentId", handle: gateway.inquire },
            { method: "GET", path: "/payments", handle: gateway.list },
            Simulator.control("POST", "/__sim/payments/:paymentId/authenticate", (request) =>
              gateway.act(request, "Authenticate"),
            ),
            Simulator.control("POST", "/__sim/payments/:paymentId/settle", (request) => gateway.act(request, "Settle")),
          ],
        };
      },
    },
    options,
  );
  return Effect.map(started, (shape) => ({ ...shape, apiSecret: apiSecrets[0] ?? defaultApiSecret }));
};

/** A running simulator as a service, for tests: `PortOne.layer({ port: 0 })`. */
export const layer = (
  options: PortOneOptions,
): Layer.Layer<PortOneSimulator, Server.ListenError | Captures.CapturesError> =>
  Layer.effect(PortOneSimulator, make(options));
