/**
 * Toss Payments on 127.0.0.1: the core API, version 2022-11-16, with faults on demand.
 *
 * Guarantee: what it answered is what it did, unless the fault plan says otherwise; `GET /__sim/captures` is the truth
 * about the money either way, and survives `kill -9` when a directory is given.
 * Limits: see `TossOptions`. Not simulated: billing keys, webhooks, asynchronous foreign wallets.
 */
import * as Clock from "effect/Clock";
import * as Context from "effect/Context";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Result from "effect/Result";
import * as Schema from "effect/Schema";
import type * as Scope from "effect/Scope";
import * as Crypto from "node:crypto";
import * as Path from "node:path";
import * as Captures from "./Captures.ts";
import * as Faults from "./Faults.ts";
import * as Server from "./SimulatorServer.ts";
import * as Gateway from "./toss/TossGateway.ts";
import * as Ledger from "./toss/TossLedger.ts";
import type { Payment } from "./toss/TossPayment.ts";
import * as Requests from "./toss/TossRequests.ts";

export const defaultSecretKey = "test_sk_destiny";

export interface TossOptions {
  /** 0 lets the system choose. */
  readonly port: number;
  /** Where `toss.ndjson` is kept; absent: in memory, lost at the end. */
  readonly directory?: string;
  /** Default `[defaultSecretKey]`. The prefix `test_` allows `TossPayments-Test-Code`. */
  readonly secretKeys?: ReadonlyArray<string>;
  readonly merchantId?: string;
  readonly rateLimitPerMinute?: number;
  readonly forbidConsecutiveCancels?: boolean;
  readonly maxPayments?: number;
  readonly maxIdempotencyKeys?: number;
  readonly maxBodyBytes?: number;
  readonly drainMillis?: number;
  /** Epoch millis; default: the `Clock` the layer is built with. Latencies and outages run on the machine's timers. */
  readonly now?: () => number;
  readonly ids?: Gateway.Settings["ids"];
}

export interface TossSimulatorShape {
  readonly port: number;
  /** The base URL for an adapter, without a slash at its end. */
  readonly url: string;
  readonly secretKey: string;
  readonly faults: Faults.Faults;
  readonly captures: () => ReadonlyArray<Captures.Capture>;
  readonly payments: () => ReadonlyArray<Payment>;
  /** The browser step, as `POST /__sim/payments` does it; `undefined` when there are `maxPayments`. */
  readonly createPayment: (input: Requests.NewPayment) => Payment | undefined;
  readonly reset: () => void;
}

export class TossSimulator extends Context.Service<TossSimulator, TossSimulatorShape>()(
  "@destiny/testkit/simulators/TossSimulator",
) {}

const randomIds: Gateway.Settings["ids"] = (kind) => {
  const random = Crypto.randomBytes(16).toString("hex");
  return kind === "payment" ? `tviva${random}` : kind === "transaction" ? random.toUpperCase() : random.slice(0, 16);
};

const decodeNewPayment = Schema.decodeUnknownResult(Requests.NewPayment);
const decodeState = Schema.decodeUnknownSync(Ledger.State);
const maxPageSize = 50_000;
const defaultPageSize = 10_000;

/** A page of what a control route lists: `after` is the position of the last one seen. */
const page = (items: ReadonlyArray<unknown>, request: Server.SimulatorRequest): Server.Answer => {
  const after = Number(request.query.get("after") ?? 0);
  const limit = Number(request.query.get("limit") ?? defaultPageSize);
  if (!Number.isInteger(after) || after < 0 || !Number.isInteger(limit) || limit < 1 || limit > maxPageSize) {
    return Server.json(400, { message: `after: 0 or more, limit: 1 to ${maxPageSize}` });
  }
  const end = after + limit;
  return Server.json(200, { items: items.slice(after, end), nextCursor: end < items.length ? String(end) : null });
};

/** Starts the simulator in the scope. */
export const make = (
  options: TossOptions,
): Effect.Effect<TossSimulatorShape, Server.ListenError | Captures.CapturesError, Scope.Scope> =>
  Effect.gen(function* () {
    const clock = yield* Clock.Clock;
    const now = options.now ?? (() => clock.currentTimeMillisUnsafe());
    const secretKeys = options.secretKeys ?? [defaultSecretKey];
    let listening: Server.SimulatorServer | undefined;
    const faults = yield* Effect.acquireRelease(
      Effect.sync(() =>
        Faults.make({
          operations: Gateway.operations,
          now,
          outage: (active) => (active ? listening?.pause() : listening?.resume()),
        }),
      ),
      (plan) => Effect.sync(plan.close),
    );
    const ids = options.ids ?? randomIds;
    const ledger = Ledger.make({
      maxPayments: options.maxPayments ?? 1_000_000,
      maxIdempotencyKeys: options.maxIdempotencyKeys ?? 1_000_000,
      now,
    });
    ledger.attach(
      yield* Captures.open<Ledger.State>({
        path: options.directory === undefined ? undefined : Path.join(options.directory, "toss.ndjson"),
        restore: (state) => ledger.restore(decodeState(state)),
      }),
    );
    const gateway = Gateway.make(
      {
        secretKeys,
        merchantId: options.merchantId ?? "destiny",
        rateLimitPerMinute: options.rateLimitPerMinute,
        forbidConsecutiveCancels: options.forbidConsecutiveCancels ?? false,
        now,
        ids,
      },
      faults,
      ledger,
    );
    const createPayment = (input: Requests.NewPayment) => ledger.create(ids("payment"), input);
    const reset = () => {
      faults.clear();
      ledger.reset();
    };

    const control = (method: string, path: string, handle: Server.Route["handle"]): Server.Route => ({
      method,
      path,
      control: true,
      handle,
    });
    const routes: ReadonlyArray<Server.Route> = [
      { method: "POST", path: "/v1/payments/confirm", handle: gateway.confirm },
      { method: "GET", path: "/v1/payments/orders/:orderId", handle: gateway.inquireByOrder },
      { method: "GET", path: "/v1/payments/:paymentKey", handle: gateway.inquire },
      { method: "POST", path: "/v1/payments/:paymentKey/cancel", handle: gateway.cancel },
      { method: "GET", path: "/v1/transactions", handle: gateway.list },
      control("GET", "/healthz", () =>
        Server.json(200, {
          status: "UP",
          simulator: "toss",
          captures: ledger.captures().length,
          evictedIdempotencyKeys: ledger.keys.evicted(),
        }),
      ),
      control("POST", "/__sim/payments", (request) => {
        const decoded = decodeNewPayment(request.body);
        if (Result.isFailure(decoded)) return Server.json(400, { message: String(decoded.failure) });
        const payment = createPayment(decoded.success);
        if (payment === undefined) return Server.json(503, { message: "maxPayments reached" }, { "retry-after": "60" });
        const { paymentKey, orderId, totalAmount } = payment;
        return Server.json(201, { paymentKey, orderId, amount: totalAmount });
      }),
      control("GET", "/__sim/payments", (request) => page(ledger.payments(), request)),
      control("POST", "/__sim/payments/:paymentKey/authenticate", (request) => gateway.act(request, "Authenticate")),
      control("POST", "/__sim/payments/:paymentKey/deposit", (request) => gateway.act(request, "Deposit")),
      control("GET", "/__sim/captures", (request) => page(ledger.captures(), request)),
      control("PUT", "/__sim/faults", (request) => {
        const taken = faults.put(request.body);
        return Result.isFailure(taken) ? Server.json(400, { message: taken.failure }) : Server.json(200, taken.success);
      }),
      control("GET", "/__sim/faults", () => Server.json(200, faults.report())),
      control("DELETE", "/__sim/faults", () => {
        faults.clear();
        return Server.json(204, undefined);
      }),
      control("POST", "/__sim/reset", () => {
        reset();
        return Server.json(204, undefined);
      }),
    ];
    listening = yield* Server.make({
      port: options.port,
      routes,
      failure: gateway.failure,
      ...(options.maxBodyBytes === undefined ? {} : { maxBodyBytes: options.maxBodyBytes }),
      ...(options.drainMillis === undefined ? {} : { drainMillis: options.drainMillis }),
    });
    return {
      port: listening.port,
      url: listening.url,
      secretKey: secretKeys[0] ?? defaultSecretKey,
      faults,
      captures: ledger.captures,
      payments: ledger.payments,
      createPayment,
      reset,
    };
  });

/** A running simulator as a service, for tests: `Toss.layer({ port: 0 })`. */
export const layer = (options: TossOptions): Layer.Layer<TossSimulator, Server.ListenError | Captures.CapturesError> =>
  Layer.effect(TossSimulator, make(options));
