/**
 * The W3C trace context between a span and the text that travels with requests and messages.
 *
 * Limits: `traceparent` alone; `tracestate` and baggage are not carried on.
 */
import * as Context from "effect/Context";
import * as Effect from "effect/Effect";
import * as Headers from "effect/http/Headers";
import * as HttpTraceContext from "effect/http/HttpTraceContext";
import * as Option from "effect/Option";
import * as Tracer from "effect/Tracer";

/** True where spans leave the process: then groups and messages get spans of their own, which nobody pays for otherwise. */
export const Recording = Context.Reference<boolean>("@destiny/sdk/message/TraceContext/Recording", {
  defaultValue: () => false,
});

/** The W3C `traceparent` of a span. */
export const format = (span: Tracer.AnySpan): string =>
  `00-${span.traceId.padStart(32, "0")}-${span.spanId}-${span.sampled ? "01" : "00"}`;

/** The span that a `traceparent` names; undefined when it is missing or malformed. */
export const parse = (traceparent: string | undefined): Tracer.ExternalSpan | undefined =>
  traceparent === undefined
    ? undefined
    : Option.getOrUndefined(HttpTraceContext.w3c(Headers.fromRecordUnsafe({ traceparent })));

/** A loop of this process, not a request that its caller does not want to be recorded. */
const startedHere = (span: Tracer.AnySpan): boolean => {
  if (span._tag === "ExternalSpan") return false;
  return span.parent._tag === "None" || startedHere(span.parent.value);
};

/**
 * The running `traceparent`, for an envelope; undefined outside of any span. Undefined too in a loop that is not recorded:
 * what it leads to starts a trace of its own instead of sharing the loop's silence.
 */
export const current: Effect.Effect<string | undefined> = Effect.withFiber((fiber) => {
  const span = Context.getOrUndefined(fiber.context, Tracer.ParentSpan);
  const silent = span !== undefined && !span.sampled && fiber.getRef(Recording) && startedHere(span);
  return Effect.succeed(span === undefined || silent ? undefined : format(span));
});

/** Runs an effect, say a line of log, as a part of the trace that a message carries; without one it runs as it is. */
export const continued =
  (traceparent: string | undefined) =>
  <A, E, R>(
    self: Effect.Effect<A, E, R>,
  ): Effect.Effect<A, E, Exclude<R, Tracer.ParentSpan>> | Effect.Effect<A, E, R> => {
    const parent = parse(traceparent);
    return parent === undefined ? self : Effect.provideService(self, Tracer.ParentSpan, parent);
  };
