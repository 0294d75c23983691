/**
 * Hosts a simulated vendor: its API, the routes that steer it, its faults, and the file of what it captured.
 *
 * Every simulator has the same `/__sim` routes, so that a scenario or an audit needs to know none of them.
 */
import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import * as Result from "effect/Result";
import * as Schema from "effect/Schema";
import type * as Scope from "effect/Scope";
import * as Crypto from "node:crypto";
import * as Path from "node:path";
import * as Captures from "./Captures.ts";
import * as Faults from "./Faults.ts";
import * as PaymentLedger from "./PaymentLedger.ts";
import * as Server from "./SimulatorServer.ts";

export interface SimulatorOptions {
  /** 0 lets the system choose. */
  readonly port: number;
  /** Where `<vendor>.ndjson` is kept; absent: in memory, lost at the end. */
  readonly directory?: string;
  readonly rateLimitPerMinute?: number;
  readonly maxPayments?: number;
  readonly maxIdempotencyKeys?: number;
  readonly maxBodyBytes?: number;
  readonly drainMillis?: number;
  /** Epoch millis; default: the `Clock` the layer is built with. Latencies and outages run on the machine's timers. */
  readonly now?: () => number;
}

/** What a vendor is given to act with. */
export interface Parts<Payment, Command> {
  readonly now: () => number;
  readonly faults: Faults.Faults;
  readonly ledger: PaymentLedger.PaymentLedger<Payment, Command>;
  readonly rateLimitPerMinute: number | undefined;
}

/** What a vendor adds to the host. */
export interface Vendor<Payment, Command, NewPayment> {
  /** Of the file and of `/healthz`. */
  readonly name: string;
  readonly rules: PaymentLedger.Rules<Payment, Command>;
  readonly operations: ReadonlyArray<string>;
  readonly newPayment: Schema.Codec<NewPayment, unknown>;
  readonly make: (parts: Parts<Payment, Command>) => {
    readonly routes: ReadonlyArray<Server.Route>;
    /** The vendor's body for errors of the transport. */
    readonly failure: (status: 404 | 413 | 500) => Server.Answer;
    /** The payment as the browser step leaves it. */
    readonly create: (input: NewPayment) => Payment;
    /** What the browser step hands to the shop. */
    readonly handed: (payment: Payment) => Readonly<Record<string, unknown>>;
  };
}

export interface SimulatorShape<Payment, NewPayment> {
  readonly port: number;
  /** The base URL for an adapter, without a slash at its end. */
  readonly url: string;
  readonly faults: Faults.Faults;
  readonly captures: () => ReadonlyArray<Captures.Capture>;
  readonly payments: () => ReadonlyArray<Payment>;
  /** The browser step, as `POST /__sim/payments` does it; `undefined` when its key is taken or there are `maxPayments`. */
  readonly createPayment: (input: NewPayment) => Payment | undefined;
  readonly reset: () => void;
}

export const control = (method: string, path: string, handle: Server.Route["handle"]): Server.Route => ({
  method,
  path,
  control: true,
  handle,
});

/** 32 hexadecimal digits that nobody can guess. */
export const randomHex = (): string => Crypto.randomBytes(16).toString("hex");

/** The routes that plan what goes wrong. */
export const faultRoutes = (faults: Faults.Faults): ReadonlyArray<Server.Route> => [
  control("PUT", "/__sim/faults", (request) => {
    const taken = faults.put(request.body);
    return Result.isFailure(taken) ? Server.json(400, { message: taken.failure }) : Server.json(200, taken.success);
  }),
  control("GET", "/__sim/faults", () => Server.json(200, faults.report())),
  control("DELETE", "/__sim/faults", () => {
    faults.clear();
    return Server.json(204, undefined);
  }),
];

/** A plan for the server that will listen; ends with the scope. */
export const faultPlan = (
  operations: ReadonlyArray<string>,
  now: () => number,
  listening: () => Server.SimulatorServer | undefined,
) =>
  Effect.acquireRelease(
    Effect.sync(() =>
      Faults.make({
        operations,
        now,
        outage: (active) => (active ? listening()?.pause() : listening()?.resume()),
      }),
    ),
    (plan) => Effect.sync(plan.close),
  );

const maxPageSize = 50_000;
const defaultPageSize = 10_000;
const defaultMaxPayments = 1_000_000;

/** A page of what a control route lists: `after` is the position of the last one seen. */
export const page = (items: ReadonlyArray<unknown>, request: Server.SimulatorRequest): Server.Answer => {
  const after = Number(request.query.get("after") ?? 0);
  const limit = Number(request.query.get("limit") ?? defaultPageSize);
  if (!Number.isInteger(after) || after < 0 || !Number.isInteger(limit) || limit < 1 || limit > maxPageSize) {
    return Server.json(400, { message: `after: 0 or more, limit: 1 to ${maxPageSize}` });
  }
  const end = after + limit;
  return Server.json(200, { items: items.slice(after, end), nextCursor: end < items.length ? String(end) : null });
};

/** Starts the vendor in the scope. */
export const make = <Payment, Command, NewPayment>(
  vendor: Vendor<Payment, Command, NewPayment>,
  options: SimulatorOptions,
): Effect.Effect<SimulatorShape<Payment, NewPayment>, Server.ListenError | Captures.CapturesError, Scope.Scope> =>
  Effect.gen(function* () {
    const clock = yield* Clock.Clock;
    const now = options.now ?? (() => clock.currentTimeMillisUnsafe());
    let listening: Server.SimulatorServer | undefined;
    const faults = yield* faultPlan(vendor.operations, now, () => listening);
    const ledger = PaymentLedger.make(vendor.rules, {
      maxPayments: options.maxPayments ?? defaultMaxPayments,
      maxIdempotencyKeys: options.maxIdempotencyKeys ?? defaultMaxPayments,
      now,
    });
    ledger.attach(
      yield* Captures.open<PaymentLedger.State<Payment>>({
        path: options.directory === undefined ? undefined : Path.join(options.directory, `${vendor.name}.ndjson`),
        restore: ledger.restore,
      }),
    );
    const { create, failure, handed, routes } = vendor.make({
      now,
      faults,
      ledger,
      rateLimitPerMinute: options.rateLimitPerMinute,
    });
    const decodeNewPayment = Schema.decodeUnknownResult(vendor.newPayment);
    const createPayment = (input: NewPayment) => ledger.add(create(input));
    const reset = () => {
      faults.clear();
      ledger.reset();
    };

    listening = yield* Server.make({
      port: options.port,
      failure,
      routes: [
        ...routes,
        control("GET", "/healthz", () =>
          Server.json(200, {
            status: "UP",
            simulator: vendor.name,
            captures: ledger.captures().length,
            evictedIdempotencyKeys: ledger.keys.evicted(),
          }),
        ),
        control("POST", "/__sim/payments", (request) => {
          const decoded = decodeNewPayment(request.body);
          if (Result.isFailure(decoded)) return Server.json(400, { message: String(decoded.failure) });
          const payment = createPayment(decoded.success);
          return payment === undefined
            ? Server.json(503, { message: "its key is taken, or there are maxPayments" }, { "retry-after": "60" })
            : Server.json(201, handed(payment));
        }),
        control("GET", "/__sim/payments", (request) => page(ledger.payments(), request)),
        control("GET", "/__sim/captures", (request) => page(ledger.captures(), request)),
        ...faultRoutes(faults),
        control("POST", "/__sim/reset", () => {
          reset();
          return Server.json(204, undefined);
        }),
      ],
      ...(options.maxBodyBytes === undefined ? {} : { maxBodyBytes: options.maxBodyBytes }),
      ...(options.drainMillis === undefined ? {} : { drainMillis: options.drainMillis }),
    });
    const { captures, payments } = ledger;
    return { port: listening.port, url: listening.url, faults, captures, payments, createPayment, reset };
  });
