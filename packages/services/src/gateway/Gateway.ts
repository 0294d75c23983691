/**
 * The gateway: the only door of the shop. Proxies by path prefix, streaming both ways.
 *
 * Guarantee: one trace, one request id and one account of the caller's address from here on; every failure of the
 * gateway's own is a problem (`GW-502`, `GW-503`, `GW-504`, or one of the SDK's).
 *
 * Limits: see `Limits` and `Routes`. HTTP/1.1 only; upgrades are not passed on.
 */
import { TokenVerifier } from "@destiny/sdk/http";
import * as NodeHttpServerRequest from "@effect/platform-node/NodeHttpServerRequest";
import * as Context from "effect/Context";
import * as Effect from "effect/Effect";
import * as HttpMiddleware from "effect/http/HttpMiddleware";
import * as HttpRouter from "effect/http/HttpRouter";
import * as HttpServerRequest from "effect/http/HttpServerRequest";
import * as HttpServerResponse from "effect/http/HttpServerResponse";
import * as Tracer from "effect/Tracer";
import type { IncomingMessage } from "node:http";
import type { ServiceName } from "../catalogue.ts";
import * as ApiDocs from "./ApiDocs.ts";
import * as Callers from "./Callers.ts";
import * as EdgeAuth from "./EdgeAuth.ts";
import * as Limits from "./Limits.ts";
import * as TrustedProxies from "./TrustedProxies.ts";
import * as Upstream from "./Upstream.ts";

export interface Options {
  readonly port: number;
  /** A prefix is a whole path, or is followed by a slash. */
  readonly routes: ReadonlyArray<readonly [prefix: string, service: ServiceName]>;
  readonly originOf: (service: ServiceName) => string;
  /** Addresses and networks whose `X-Forwarded-*` is believed. */
  readonly trustedProxies?: ReadonlyArray<string> | undefined;
  /** Origins whose scripts may read answers; none means that browsers get no CORS headers. */
  readonly corsOrigins?: ReadonlyArray<string> | undefined;
  readonly limits?: Partial<Limits.Limits> | undefined;
  readonly drainTimeoutMillis?: number | undefined;
}

/** What a script needs beyond the headers that browsers show anyway. */
const exposedHeaders = ["location", "retry-after", "ratelimit", "ratelimit-policy", "x-request-id", "traceparent"];

const preflightSeconds = 600;

/** Where passwords are guessed at. */
const guessed = "/v1/auths";

type Handler<E> = Effect.Effect<HttpServerResponse.HttpServerResponse, E, HttpServerRequest.HttpServerRequest>;

const corsFor = (origins: ReadonlyArray<string>) => {
  if (origins.length === 0) return <E>(handler: Handler<E>): Handler<E> => handler;
  const known = new Set(origins);
  return HttpMiddleware.cors({
    allowedOrigins: (origin) => known.has(origin),
    exposedHeaders,
    maxAge: preflightSeconds,
  });
};

const routesLayer = (options: Options, limits: Limits.Limits) =>
  HttpRouter.use(
    Effect.fnUntraced(function* (router) {
      const authenticate = EdgeAuth.make(yield* TokenVerifier.TokenVerifier);
      const trusted = TrustedProxies.make(options.trustedProxies ?? TrustedProxies.loopback);
      const callers = Callers.make(limits, trusted);
      const judge = <E, R>(
        request: HttpServerRequest.HttpServerRequest,
        asked: Callers.Asked,
        admitted: Effect.Effect<HttpServerResponse.HttpServerResponse, E, R>,
      ) => callers(NodeHttpServerRequest.toIncomingMessage(request) as IncomingMessage, asked, admitted);
      const withCors = corsFor(options.corsOrigins ?? []);
      const upstreams = new Map<string, Upstream.Upstream>();
      for (const [prefix, service] of options.routes) {
        const upstream =
          upstreams.get(service) ??
          (yield* Upstream.make({ service, origin: options.originOf(service), trusted, limits }));
        upstreams.set(service, upstream);
        const asked = prefix === guessed ? "login" : "anything";
        const proxy = Effect.withFiber<
          HttpServerResponse.HttpServerResponse,
          Upstream.UpstreamError | TokenVerifier.Unauthenticated,
          HttpServerRequest.HttpServerRequest
        >((fiber) => {
          const request = Context.getUnsafe(fiber.context, HttpServerRequest.HttpServerRequest);
          const span = Context.getOrUndefined(fiber.context, Tracer.ParentSpan);
          // Counted before the token is looked at, because verifying costs more.
          return judge(
            request,
            asked,
            Effect.andThen(authenticate(request.headers["authorization"]), upstream.proxy(request, span)),
          );
        });
        yield* router.add("*", `${prefix}/*` as HttpRouter.PathInput, withCors(proxy));
      }
      const shown = (text: () => string, options: HttpServerResponse.Options.WithContentType) =>
        Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) =>
          judge(
            request,
            "anything",
            Effect.sync(() => HttpServerResponse.text(text(), options)),
          ),
        );
      yield* router.add("GET", "/openapi.json", withCors(shown(ApiDocs.json, { contentType: "application/json" })));
      yield* router.add(
        "GET",
        "/docs",
        shown(ApiDocs.page, {
          contentType: "text/html; charset=utf-8",
          headers: { "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'" },
        }),
      );
    }),
  );

/** For `Service.make` and `Service.layer`. */
export const serviceOptions = (options: Options) => {
  const limits = { ...Limits.defaults, ...options.limits };
  return {
    name: "gateway",
    port: options.port,
    routes: routesLayer(options, limits),
    maxBodyBytes: limits.maxBodyBytes,
    drainTimeoutMillis: options.drainTimeoutMillis,
  };
};
