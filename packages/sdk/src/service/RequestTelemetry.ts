/**
 * A span, a duration and the correlation headers for every request.
 *
 * Guarantee: a server span exists whether or not anything records it, continues the caller's `traceparent`, and its ids are in the answer
 * (`traceparent`, `X-Request-Id`) and in every problem and log line.
 *
 * Limits: durations are recorded by route template, so the number of series is bounded by the routes; unmatched paths are one series.
 */
import * as Clock from "effect/Clock";
import * as Context from "effect/Context";
import * as Effect from "effect/Effect";
import * as HttpMiddleware from "effect/http/HttpMiddleware";
import * as HttpRouter from "effect/http/HttpRouter";
import * as HttpServerRequest from "effect/http/HttpServerRequest";
import * as HttpServerResponse from "effect/http/HttpServerResponse";
import * as Metric from "effect/Metric";
import * as Tracer from "effect/Tracer";
import * as TraceContext from "../message/TraceContext.ts";

type Request = HttpServerRequest.HttpServerRequest;
type Response = HttpServerResponse.HttpServerResponse;

export const durationName = "http.server.request.duration";

/** Seconds. From a cache hit to a held answer (`Prefer: wait`). */
export const durationBoundaries: ReadonlyArray<number> = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
];

/** nginx's number for "the client went away"; never sent. */
const clientClosedStatus = 499;

const methods = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);

/** One metric object per series, made once: attributes are merged and hashed when it is made, not for every request. */
const makeDurations = (service: string) => {
  const series = new Map<string, Metric.Histogram<number>>();
  return (method: string, route: string, status: number): Metric.Histogram<number> => {
    const key = `${method} ${status} ${route}`;
    const known = series.get(key);
    if (known !== undefined) return known;
    const made = Metric.histogram(durationName, {
      description: "Duration of HTTP server requests",
      boundaries: durationBoundaries,
      attributes: {
        service,
        "http.request.method": methods.has(method) ? method : "_OTHER",
        "http.route": route,
        "http.response.status_code": String(status),
      },
    });
    series.set(key, made);
    return made;
  };
};

const requestIdPattern = /^[!-~]{1,128}$/;

const requestId = (request: Request, span: Tracer.AnySpan | undefined): string | undefined => {
  const given = request.headers["x-request-id"];
  return given !== undefined && requestIdPattern.test(given) ? given : span?.traceId;
};

const isServerSpan = (span: Tracer.AnySpan | undefined): boolean => span?._tag === "Span" && span.kind === "server";

/** The framework opens the span only for tracers that export; with the built-in one it is opened here. */
const traced = <E, R>(self: Effect.Effect<Response, E, R | Request>): Effect.Effect<Response, E, R | Request> =>
  Effect.withFiber((fiber) =>
    isServerSpan(Context.getOrUndefined(fiber.context, Tracer.ParentSpan)) ? self : HttpMiddleware.tracer(self),
  );

export interface Options {
  readonly service: string;
  /** While true, answers ask the client to close its connection. */
  readonly isDraining: () => boolean;
}

export const middleware = (options: Options) => {
  const durations = makeDurations(options.service);

  const observed = <E, R>(self: Effect.Effect<Response, E, R>): Effect.Effect<Response, E, R | Request> =>
    Effect.withFiber((fiber) => {
      const request = Context.getUnsafe(fiber.context, HttpServerRequest.HttpServerRequest);
      const span = Context.getOrUndefined(fiber.context, Tracer.ParentSpan);
      const clock = fiber.getRef(Clock.Clock);
      const startedAt = clock.currentTimeNanosUnsafe();

      const record = (status: number): void => {
        // The router leaves the matched route in the fiber's context until the request ends.
        const route = Context.getOrUndefined(fiber.context, HttpRouter.RouteContext)?.route.path ?? "unmatched";
        const seconds = Number(clock.currentTimeNanosUnsafe() - startedAt) / 1e9;
        durations(request.method, route, status).updateUnsafe(seconds, fiber.context);
      };

      return Effect.matchCauseEffect(self, {
        onSuccess: (response) => {
          record(response.status);
          const id = requestId(request, span);
          return Effect.succeed(
            HttpServerResponse.setHeaders(response, {
              ...(span === undefined ? {} : { traceparent: TraceContext.format(span) }),
              ...(id === undefined ? {} : { "x-request-id": id }),
              ...(options.isDraining() ? { connection: "close" } : {}),
            }),
          );
        },
        onFailure: (cause) => {
          record(clientClosedStatus);
          return Effect.failCause(cause);
        },
      });
    });

  return <E, R>(self: Effect.Effect<Response, E, R>): Effect.Effect<Response, E, R | Request> => traced(observed(self));
};
