/**
 * Toss Payments on 127.0.0.1: the core API, version 2022-11-16, with faults on demand.
 *
 * Guarantee: what it answered is what it did, unless the fault plan says otherwise; `GET /__sim/captures` is the truth
 * about the money either way, and survives `kill -9` when a directory is given.
 * Limits: see `TossOptions`. Not simulated: billing keys, webhooks, asynchronous foreign wallets.
 */
import * as Context from "effect/Context";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import type * as Scope from "effect/Scope";
import type * as Captures from "./Captures.ts";
import * as Simulator from "./Simulator.ts";
import type * as Server from "./SimulatorServer.ts";
import * as Gateway from "./toss/TossGateway.ts";
import * as Ledger from "./toss/TossLedger.ts";
import type { Payment } from "./toss/TossPayment.ts";
import * as Requests from "./toss/TossRequests.ts";

export const defaultSecretKey = "test_sk_destiny";

export interface TossOptions extends Simulator.SimulatorOptions {
  /** Default `[defaultSecretKey]`. The prefix `test_` allows `TossPayments-Test-Code`. */
  readonly secretKeys?: ReadonlyArray<string>;
  readonly merchantId?: string;
  readonly forbidConsecutiveCancels?: boolean;
  readonly ids?: Gateway.Settings["ids"];
}

export interface TossSimulatorShape extends Simulator.SimulatorShape<Payment, Requests.NewPayment> {
  readonly secretKey: string;
}

export class TossSimulator extends Context.Service<TossSimulator, TossSimulatorShape>()(
  "@destiny/testkit/simulators/TossSimulator",
) {}

const randomIds: Gateway.Settings["ids"] = (kind) => {
  const random = Simulator.randomHex();
  return kind === "payment" ? `tviva${random}` : kind === "transaction" ? random.toUpperCase() : random.slice(0, 16);
};

/** Starts the simulator in the scope. */
export const make = (
  options: TossOptions,
): Effect.Effect<TossSimulatorShape, Server.ListenError | Captures.CapturesError, Scope.Scope> => {
  const { secretKeys = [defaultSecretKey], ids = randomIds } = options;
  const started = Simulator.make(
    {
      name: "toss",
      rules: Ledger.rules,
      operations: Gateway.operations,
      newPayment: Requests.NewPayment,
      make: ({ faults, ledger, now, rateLimitPerMinute }) => {
        const gateway = Gateway.make(
          {
            secretKeys,
            merchantId: options.merchantId ?? "destiny",
            rateLimitPerMinute,
            forbidConsecutiveCancels: options.forbidConsecutiveCancels ?? false,
            now,
            ids,
          },
          faults,
          ledger,
        );
        return {
          routes: [
            { method: "POST", path: "/v1/payments/confirm", handle: gateway.confirm },
            { method: "GET", path: "/v1/payments/orders/:orderId", handle: gateway.inquireByOrder },
            { method: "GET", path: "/v1/payments/:paymentKey", handle: gateway.inquire },
            { method: "POST", path: "/v1/payments/:paymentKey/cancel", handle: gateway.cancel },
            { method: "GET", path: "/v1/transactions", handle: gateway.list },
            Simulator.control("POST", "/__sim/payments/:paymentKey/authenticate", (request) =>
              gateway.act(request, "Authenticate"),
            ),
            Simulator.control("POST", "/__sim/payments/:paymentKey/deposit", (request) =>
              gateway.act(request, "Deposit"),
            ),
          ],
          failure: gateway.failure,
          create: (input) => Ledger.create(ids("payment"), input, now()),
          handed: ({ orderId, paymentKey, totalAmount }) => ({ paymentKey, orderId, amount: totalAmount }),
        };
      },
    },
    options,
  );
  return Effect.map(started, (shape) => ({ ...shape, secretKey: secretKeys[0] ?? defaultSecretKey }));
};

/** A running simulator as a service, for tests: `Toss.layer({ port: 0 })`. */
export const layer = (options: TossOptions): Layer.Layer<TossSimulator, Server.ListenError | Captures.CapturesError> =>
  Layer.effect(TossSimulator, make(options));
