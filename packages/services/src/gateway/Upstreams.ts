/**
 * Connections to the services: a bounded pool each, bodies streamed both ways.
 *
 * Guarantee: a request that may have reached its service is never sent again, unless its method is safe. The answer says what
 * is known: 503 for what was certainly not sent, 502 for an unknown outcome, 504 for a service that is too slow.
 */
import { Problem } from "@destiny/sdk/http";
import * as Effect from "effect/Effect";
import type * as Scope from "effect/Scope";
import { PassThrough, type Readable } from "node:stream";
import { type Dispatcher, Pool } from "undici";
import type { ServiceName } from "../catalogue.ts";

/** Sockets to one service. Long polls hold one each. */
export const maxConnectionsPerUpstream = 512;
/** Requests that wait for one service or are answered by it; more are turned away. */
export const maxInFlightPerUpstream = 2000;
export const connectTimeoutMillis = 1000;
/** Longer than the longest `Prefer: wait`. */
export const answerTimeoutMillis = 35_000;
/** Shorter than the services keep an idle connection. */
export const keepAliveMillis = 30_000;

export class UpstreamDown extends Problem.Class<UpstreamDown>()(
  "UpstreamDown",
  { code: "GW-503", status: 503, title: "The service cannot be reached" },
  { retryAfterSeconds: Problem.Unavailable.fields.retryAfterSeconds },
) {}

export class OutcomeUnknown extends Problem.Class<OutcomeUnknown>()("OutcomeUnknown", {
  code: "GW-502",
  status: 502,
  title: "The service broke off; repeat the request with the same Idempotency-Key",
}) {}

export class UpstreamSlow extends Problem.Class<UpstreamSlow>()("UpstreamSlow", {
  code: "GW-504",
  status: 504,
  title: "The service did not answer in time; repeat the request with the same Idempotency-Key",
}) {}

export type UpstreamProblem =
  | UpstreamDown
  | OutcomeUnknown
  | UpstreamSlow
  | Problem.PayloadTooLarge
  | Problem.Unavailable;

const unsent = new Set(["ECONNREFUSED", "EHOSTUNREACH", "ENETUNREACH", "UND_ERR_CONNECT_TIMEOUT"]);
const slow = new Set(["UND_ERR_HEADERS_TIMEOUT", "UND_ERR_BODY_TIMEOUT"]);
const safe = new Set(["GET", "HEAD"]);

const codeOf = (error: unknown): string =>
  typeof error === "object" && error !== null && "code" in error ? String(error.code) : "";

class TooLarge extends Error {}

/** Counts what streams through: an undeclared length is only known when it is over. */
const bounded = (body: Readable, maxBytes: number): Readable => {
  let bytes = 0;
  const counted = new PassThrough();
  body.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > maxBytes) counted.destroy(new TooLarge());
  });
  body.on("error", (error) => counted.destroy(error));
  return body.pipe(counted);
};

const problemOf = (error: unknown): UpstreamProblem => {
  if (error instanceof TooLarge) return new Problem.PayloadTooLarge({});
  const code = codeOf(error);
  if (unsent.has(code)) return new UpstreamDown({ retryAfterSeconds: 1 });
  return slow.has(code) ? new UpstreamSlow({}) : new OutcomeUnknown({});
};

export interface Request {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  readonly headers: Record<string, string | Array<string>>;
  readonly body: Readable | undefined;
  readonly maxBodyBytes: number;
}

export type Answer = Dispatcher.ResponseData;

export interface Upstreams {
  readonly send: (service: ServiceName, request: Request) => Effect.Effect<Answer, UpstreamProblem>;
}

export const make = Effect.fnUntraced(function* (
  origins: ReadonlyMap<ServiceName, string>,
): Effect.fn.Return<Upstreams, never, Scope.Scope> {
  const pools = new Map<ServiceName, Pool>();
  const inFlight = new Map<ServiceName, number>();
  for (const [service, origin] of origins) {
    const pool = new Pool(origin, {
      connections: maxConnectionsPerUpstream,
      connect: { timeout: connectTimeoutMillis },
      headersTimeout: answerTimeoutMillis,
      bodyTimeout: answerTimeoutMillis,
      keepAliveTimeout: keepAliveMillis,
    });
    pools.set(service, pool);
    yield* Effect.addFinalizer(() => Effect.promise(() => pool.destroy()));
  }

  const count = (service: ServiceName, by: number): void =>
    void inFlight.set(service, (inFlight.get(service) ?? 0) + by);

  const once = (pool: Pool, request: Request): Effect.Effect<Answer, UpstreamProblem> =>
    Effect.tryPromise({
      try: (signal) =>
        pool.request({
          method: request.method,
          path: request.path,
          headers: request.headers,
          body: request.body === undefined ? null : bounded(request.body, request.maxBodyBytes),
          signal,
        }),
      catch: problemOf,
    });

  return {
    send: (service, request) =>
      Effect.suspend(() => {
        const pool = pools.get(service);
        if (pool === undefined) return Effect.fail(new UpstreamDown({ retryAfterSeconds: 1 }));
        if ((inFlight.get(service) ?? 0) >= maxInFlightPerUpstream) {
          return Effect.fail(
            new Problem.Unavailable({ detail: `Too many requests wait for ${service}`, retryAfterSeconds: 1 }),
          );
        }
        count(service, 1);
        const sent = once(pool, request);
        // An idle connection may have been closed while the request was on its way: a safe one is asked again.
        const again = safe.has(request.method)
          ? Effect.catchTag(sent, "OutcomeUnknown", () => once(pool, request))
          : sent;
        return Effect.ensuring(
          again,
          Effect.sync(() => count(service, -1)),
        );
      }),
  };
});
