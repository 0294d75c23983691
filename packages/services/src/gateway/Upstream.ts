/**
 * One service behind the gateway: its connections, and the requests that it has.
 *
 * Guarantee: a request is sent at most once. What could not be sent (connection refused) is tried again a bounded number
 * of times and then told 503; whatever happens after the first byte may have left is told 502 or 504, never repeated.
 *
 * Limits: see `Limits`. Failures are logged at most once per `logEveryMillis`, because a service that is down fails
 * thousands of requests a second; the metrics count them all.
 */
import { Prefer, Problem } from "@destiny/sdk/http";
import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import type * as HttpServerRequest from "effect/http/HttpServerRequest";
import * as HttpServerResponse from "effect/http/HttpServerResponse";
import type * as Scope from "effect/Scope";
import type * as Tracer from "effect/Tracer";
import * as NodeHttpServerRequest from "@effect/platform-node/NodeHttpServerRequest";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Readable } from "node:stream";
import { type Dispatcher, Pool } from "undici";
import { Exchange, type Head } from "./Exchange.ts";
import type { Limits } from "./Limits.ts";
import * as Problems from "./Problems.ts";
import * as ProxyHeaders from "./ProxyHeaders.ts";
import * as RequestBody from "./RequestBody.ts";
import type { TrustedProxies } from "./TrustedProxies.ts";

type Response = HttpServerResponse.HttpServerResponse;

export interface Options {
  readonly service: string;
  /** Such as `http://127.0.0.1:18080`. */
  readonly origin: string;
  readonly trusted: TrustedProxies;
  readonly limits: Limits;
}

export type UpstreamError =
  | Problems.UpstreamUnavailable
  | Problems.UpstreamBroken
  | Problems.UpstreamTimeout
  | Problem.PayloadTooLarge
  | Problem.InvalidInput;

export interface Upstream {
  readonly proxy: (
    request: HttpServerRequest.HttpServerRequest,
    span: Tracer.AnySpan | undefined,
  ) => Effect.Effect<Response, UpstreamError>;
}

export const logEveryMillis = 1_000;

/** Nothing of the request has left. */
class NotSent {
  readonly _tag = "NotSent";
  readonly error: Error;
  constructor(error: Error) {
    this.error = error;
  }
}

/** Something of the request may have left. */
class Broken {
  readonly _tag = "Broken";
  readonly error: Error;
  constructor(error: Error) {
    this.error = error;
  }
}

const codeOf = (error: Error): unknown => ("code" in error ? error.code : undefined);

const responseOf = (head: Head, body: Buffer | Readable, isHead: boolean): Response => {
  const { cookies, headers } = ProxyHeaders.forResponse(head.headers);
  const options = { status: head.status, headers, cookies };
  if (!Buffer.isBuffer(body)) return HttpServerResponse.raw(body, options);
  if (body.length > 0) {
    return HttpServerResponse.uint8Array(body, { ...options, contentType: headers["content-type"] });
  }
  // A bare error is given a problem as its body, whose length is another one.
  if (head.status >= 400 && !isHead) delete headers["content-length"];
  return HttpServerResponse.empty(options);
};

export const make = Effect.fnUntraced(function* (options: Options): Effect.fn.Return<Upstream, never, Scope.Scope> {
  const { limits, service } = options;
  const pool = yield* Effect.acquireRelease(
    Effect.sync(
      () =>
        new Pool(options.origin, {
          connections: limits.maxConnectionsPerUpstream,
          connect: { timeout: limits.connectTimeoutMillis },
          // The server's own hint may shorten it, never lengthen it.
          keepAliveTimeout: limits.keepAliveMillis,
          keepAliveMaxTimeout: limits.keepAliveMillis,
          bodyTimeout: limits.answerIdleTimeoutMillis,
          allowH2: false,
          pipelining: 1,
        }),
    ),
    (pool) => Effect.promise(() => pool.destroy()),
  );
  let inFlight = 0;
  let silentUntilMillis = 0;
  let silenced = 0;

  const logged = (message: string, error: Error) =>
    Effect.flatMap(Clock.currentTimeMillis, (now) => {
      if (now < silentUntilMillis) {
        silenced++;
        return Effect.void;
      }
      const since = silenced;
      silenced = 0;
      silentUntilMillis = now + logEveryMillis;
      return Effect.logWarning(message, {
        upstream: service,
        reason: error.message,
        code: codeOf(error),
        silenced: since,
      });
    });

  const exchange = (
    dispatch: Dispatcher.DispatchOptions,
    incoming: IncomingMessage,
    outgoing: () => ServerResponse,
  ): Effect.Effect<Response, NotSent | Broken | Problems.UpstreamUnavailable> =>
    Effect.callback((resume) => {
      if (inFlight >= limits.maxInFlightPerUpstream) {
        return resume(Effect.fail(Problems.unavailable(`The ${service} service has too many requests under way`)));
      }
      inFlight++;
      const running = new Exchange({
        onSending: () => {
          // Only now is the body wanted.
          if (incoming.headers.expect !== undefined) outgoing().writeContinue();
        },
        onAnswered: (head, body) => resume(Effect.sync(() => responseOf(head, body, dispatch.method === "HEAD"))),
        onFailed: (error, wasSent) => {
          // The caller's fiber is interrupted by the same event; there is nobody to tell.
          if (error instanceof RequestBody.ClientGone) return;
          resume(Effect.fail(wasSent ? new Broken(error) : new NotSent(error)));
        },
        onDone: () => {
          inFlight--;
        },
      });
      pool.dispatch(dispatch, running);
      return Effect.sync(running.abort);
    });

  const explain = (failure: NotSent | Broken): Effect.Effect<never, UpstreamError> => {
    const { _tag: tag, error } = failure;
    if (error instanceof RequestBody.BodyTooLarge) return Effect.fail(new Problem.PayloadTooLarge({}));
    switch (codeOf(error)) {
      case "UND_ERR_INVALID_ARG":
      case "UND_ERR_NOT_SUPPORTED":
      // Node hands over no body with an upgrade. What the service got is no whole request, so there is no outcome to ask about.
      case "UND_ERR_REQ_CONTENT_LENGTH_MISMATCH":
        return Effect.fail(new Problem.InvalidInput({ detail: "The request cannot be passed on" }));
      case "UND_ERR_HEADERS_TIMEOUT":
        return Effect.andThen(logged("no answer in time", error), Effect.fail(Problems.timeout(service)));
      default:
        return tag === "NotSent"
          ? Effect.andThen(
              logged("no connection", error),
              Effect.fail(Problems.unavailable(`The ${service} service cannot be reached`)),
            )
          : Effect.andThen(logged("the connection broke", error), Effect.fail(Problems.broken(service)));
    }
  };

  const isRetried = (failure: NotSent | Broken, retries: number): boolean =>
    failure._tag === "NotSent" && retries > 0 && !String(codeOf(failure.error)).startsWith("UND_ERR_INVALID");

  const attempt = (
    dispatch: Dispatcher.DispatchOptions,
    incoming: IncomingMessage,
    outgoing: () => ServerResponse,
    retries: number,
  ): Effect.Effect<Response, UpstreamError> =>
    Effect.catchTag(exchange(dispatch, incoming, outgoing), ["NotSent", "Broken"], (failure) =>
      isRetried(failure, retries)
        ? Effect.andThen(
            Effect.sleep(limits.connectRetryDelayMillis),
            attempt(dispatch, incoming, outgoing, retries - 1),
          )
        : explain(failure),
    );

  return {
    proxy: (request, span) => {
      const incoming = NodeHttpServerRequest.toIncomingMessage(request) as IncomingMessage;
      const outgoing = () => NodeHttpServerRequest.toServerResponse(request) as ServerResponse;
      const waitMillis = Prefer.waitSeconds(request.headers[Prefer.headerName]) * 1_000;
      const dispatch: Dispatcher.DispatchOptions = {
        method: request.method,
        path: request.url,
        headers: ProxyHeaders.forRequest(incoming, options.trusted, span),
        body: RequestBody.make(incoming, limits.maxBodyBytes) ?? null,
        headersTimeout: limits.upstreamTimeoutMillis + waitMillis,
      };
      return attempt(dispatch, incoming, outgoing, limits.maxConnectRetries);
    },
  };
});
