import { assert } from "@effect/vitest";
import * as Effect from "effect/Effect";
import * as Toss from "../../src/simulators/Toss.ts";

export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  // Bodies are the subject of the tests, so they are read without a schema.
  // oxlint-disable-next-line typescript/no-explicit-any
  readonly body: any;
}

/** What the socket did when there was no answer. */
export interface NoAnswer {
  readonly _tag: "NoAnswer";
  readonly code: string;
}

export interface Options {
  readonly headers?: Readonly<Record<string, string>>;
  readonly key?: string;
  readonly secret?: string;
  readonly authorization?: string;
  readonly timeoutMillis?: number;
}

export const basic = (text: string): string => `Basic ${Buffer.from(text).toString("base64")}`;

const codeOf = (cause: unknown): string => {
  const error = cause as { readonly name?: string; readonly cause?: { readonly code?: string } };
  return error.cause?.code ?? error.name ?? "unknown";
};

export const makeClient = (url: string) => {
  const call = (method: string, path: string, body?: unknown, options: Options = {}): Effect.Effect<Reply, NoAnswer> =>
    Effect.tryPromise({
      try: async () => {
        const response = await fetch(`${url}${path}`, {
          method,
          signal: AbortSignal.timeout(options.timeoutMillis ?? 5_000),
          headers: {
            authorization: options.authorization ?? basic(`${options.secret ?? Toss.defaultSecretKey}:`),
            ...(options.key === undefined ? {} : { "idempotency-key": options.key }),
            ...options.headers,
          },
          ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
        });
        const text = await response.text();
        return {
          status: response.status,
          headers: response.headers,
          text,
          body: text === "" ? null : JSON.parse(text),
        };
      },
      catch: (cause): NoAnswer => ({ _tag: "NoAnswer", code: codeOf(cause) }),
    });
  return {
    call,
    open: (input: { readonly orderId: string; readonly amount: number } & Record<string, unknown>) =>
      call("POST", "/__sim/payments", input).pipe(
        Effect.map(
          (reply) => reply.body as { readonly paymentKey: string; readonly orderId: string; readonly amount: number },
        ),
      ),
    confirm: (payment: unknown, options?: Options) => call("POST", "/v1/payments/confirm", payment, options),
    inquire: (paymentKey: string, options?: Options) => call("GET", `/v1/payments/${paymentKey}`, undefined, options),
    cancel: (paymentKey: string, body: unknown, options?: Options) =>
      call("POST", `/v1/payments/${paymentKey}/cancel`, body, options),
    faults: (...rules: ReadonlyArray<unknown>) => call("PUT", "/__sim/faults", { seed: 7, rules }),
  };
};

export type Client = ReturnType<typeof makeClient>;

export interface Simulated extends Client {
  readonly toss: Toss.TossSimulatorShape;
  /** Moves the simulator's clock. */
  readonly pass: (millis: number) => void;
}

/** Runs a test against a simulator of its own, over its socket, on a clock that only the test moves. */
export const simulated =
  <A, E>(body: (simulator: Simulated) => Effect.Effect<A, E>, options: Partial<Toss.TossOptions> = {}) =>
  () =>
    Effect.gen(function* () {
      let at = Date.UTC(2026, 10, 27, 0, 0, 0);
      const toss = yield* Toss.make({ port: 0, drainMillis: 200, now: () => at, ...options });
      const pass = (millis: number) => {
        at += millis;
      };
      return yield* body({ toss, pass, ...makeClient(toss.url) });
    }).pipe(Effect.scoped);

export const order = { orderId: "order-0001", amount: 11_000 };
export const reason = { cancelReason: "고객 변심" };

export const refused = (reply: Reply, status: number, code: string): void => {
  assert.strictEqual(reply.body.code, code);
  assert.strictEqual(reply.status, status);
  assert.isString(reply.body.message);
};
