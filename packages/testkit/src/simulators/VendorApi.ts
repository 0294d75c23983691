/**
 * What every simulated vendor does around its own rules: faults, who may ask, how often, and idempotency keys, in that order.
 *
 * Guarantee: a request is acted on at most once per idempotency key, and has been acted on before its answer is made.
 */
import * as Result from "effect/Result";
import type { Drawn, Faults } from "./Faults.ts";
import * as IdempotentAnswers from "./IdempotentAnswers.ts";
import type { Kept, Move, PaymentLedger } from "./PaymentLedger.ts";
import * as Server from "./SimulatorServer.ts";

export type Request = Server.SimulatorRequest;

/** How a vendor says what all of them say. */
export interface Dialect<Payment> {
  /** The bytes of an answer; without a request it is an answer to none in particular. */
  readonly reply: (kept: Kept<Payment>, request?: Request, headers?: Server.Headers) => Server.Answer;
  readonly refuse: (code: string, request?: Request) => Kept<Payment>;
  /** The secret of a request, or the vendor's code for why it has none. */
  readonly authenticate: (request: Request) => Result.Result<string, string>;
  /** The idempotency key of a request, or the vendor's code for what is wrong with it. */
  readonly idempotencyKey: (request: Request) => Result.Result<string | undefined, string>;
  readonly codes: {
    readonly tooManyRequests: string;
    /** The first request of this idempotency key is still in flight. */
    readonly inFlight: string;
    /** Another confirm of this payment is still in flight. */
    readonly confirming: string;
  };
}

export interface Settings<Payment, Command> {
  readonly dialect: Dialect<Payment>;
  readonly faults: Faults;
  readonly ledger: PaymentLedger<Payment, Command>;
  /** Calls a minute, operation and secret; absent: no limit. */
  readonly rateLimitPerMinute: number | undefined;
  readonly now: () => number;
}

export interface Outcome<Payment> {
  readonly answer: Kept<Payment>;
  readonly move?: Move<Payment>;
}

/** A header that is there. */
export const header = (request: Request, name: string): string | undefined => {
  const value = request.headers[name];
  return typeof value === "string" && value !== "" ? value : undefined;
};

/** A text field of a body that nobody has looked at yet. */
export const field = (request: Request, name: string): string | undefined => {
  const value = (request.body as Readonly<Record<string, unknown>> | null | undefined)?.[name];
  return typeof value === "string" ? value : undefined;
};

const rateWindowMillis = 60_000;

/** Counts calls in windows of a minute; answers the seconds to wait when the window's calls are used up. */
const limiter = (maxPerMinute: number | undefined, now: () => number) => {
  let from = 0;
  let counts = new Map<string, number>();
  return (id: string): number | undefined => {
    if (maxPerMinute === undefined) return undefined;
    const at = now();
    if (at - from >= rateWindowMillis) {
      from = at;
      counts = new Map();
    }
    const count = (counts.get(id) ?? 0) + 1;
    counts.set(id, count);
    return count > maxPerMinute ? Math.ceil((from + rateWindowMillis - at) / 1_000) : undefined;
  };
};

/** The vendor has acted; the plan may still keep the client from learning it. */
const deliver = (drawn: Drawn, answer: Server.Answer): Server.Answer => {
  if (drawn.fault?.kind === "approveThenHang") return Server.hang;
  if (drawn.fault?.kind === "approveThenReset") return Server.reset;
  return Server.later(drawn.afterMillis, () => answer);
};

export const make = <Payment, Command>(settings: Settings<Payment, Command>) => {
  const { dialect, faults, ledger } = settings;
  const { codes, refuse, reply } = dialect;
  const throttle = limiter(settings.rateLimitPerMinute, settings.now);
  /** Payments whose confirm is under way. */
  const confirming = new Set<string>();

  const tooMany = (waitSeconds: number, request?: Request) =>
    reply(refuse(codes.tooManyRequests, request), request, { "retry-after": String(waitSeconds) });

  /** What happens in front of the vendor: its keys and its state never see the request. */
  const atEdge = (drawn: Drawn): Server.Answer | undefined => {
    switch (drawn.fault?.kind) {
      case "hang":
        return Server.hang;
      case "reset":
        return Server.reset;
      case "unavailable":
        return Server.json(drawn.fault.status, { message: "upstream unavailable" });
      case "tooManyRequests":
        return tooMany(drawn.fault.retryAfterSeconds);
      default:
        return undefined;
    }
  };

  const admitted =
    (operation: string, handle: (request: Request, drawn: Drawn, secret: string) => Server.Answer) =>
    (request: Request): Server.Answer => {
      const drawn = faults.draw(operation);
      const edge = atEdge(drawn);
      if (edge !== undefined) return edge;
      const secret = dialect.authenticate(request);
      if (Result.isFailure(secret)) return reply(refuse(secret.failure, request), request);
      const waitSeconds = throttle(`${operation} ${secret.success}`);
      return waitSeconds === undefined ? handle(request, drawn, secret.success) : tooMany(waitSeconds, request);
    };

  return {
    isConfirming: (paymentKey: string): boolean => confirming.has(paymentKey),

    /** What a decision of the ledger means to who asked. */
    conclude: (decided: Result.Result<Move<Payment>, string>, request: Request): Outcome<Payment> =>
      Result.isSuccess(decided)
        ? { answer: { status: 200, payment: decided.success.payment }, move: decided.success }
        : { answer: refuse(decided.failure, request) },

    /** A request that may move money. `alone` names the payment of which only one such request may be under way. */
    post: (
      operation: string,
      run: (request: Request, drawn: Drawn, secret: string) => Outcome<Payment>,
      alone: (request: Request) => string | undefined = () => undefined,
    ) =>
      admitted(operation, (request, drawn, secret) => {
        const key = dialect.idempotencyKey(request);
        if (Result.isFailure(key)) return reply(refuse(key.failure, request));
        const identity =
          key.success === undefined
            ? undefined
            : IdempotentAnswers.identify(key.success, secret, request.url, request.method);
        if (identity !== undefined) {
          const begun = ledger.keys.begin(identity);
          if (begun._tag === "InFlight") return reply(refuse(codes.inFlight, request), request);
          if (begun._tag === "Answered") return deliver(drawn, reply(begun.answer, request));
        }
        const payment = alone(request);
        if (payment !== undefined && confirming.has(payment)) {
          if (identity !== undefined) ledger.keys.abandon(identity);
          return reply(refuse(codes.confirming, request), request);
        }
        if (payment !== undefined) confirming.add(payment);
        return Server.later(drawn.beforeMillis, () => {
          try {
            const outcome = run(request, drawn, secret);
            const answer =
              drawn.fault?.kind === "approveThenError" && outcome.move !== undefined
                ? refuse(drawn.fault.code, request)
                : outcome.answer;
            ledger.commit(outcome.move, identity, answer);
            return deliver(drawn, reply(answer, request));
          } finally {
            if (identity !== undefined) ledger.keys.abandon(identity);
            if (payment !== undefined) confirming.delete(payment);
          }
        });
      }),

    /** A question, answered with what `look` found: a payment or an error, or bytes of its own. */
    get: (operation: string, look: (request: Request) => Kept<Payment> | Server.Answer) =>
      admitted(operation, (request, drawn) =>
        Server.later(drawn.beforeMillis, () => {
          const { fault } = drawn;
          const failed = fault?.kind === "error" || fault?.kind === "approveThenError" ? fault.code : undefined;
          const found = failed === undefined ? look(request) : refuse(failed, request);
          return deliver(drawn, "_tag" in found ? found : reply(found, request));
        }),
      ),
  };
};
