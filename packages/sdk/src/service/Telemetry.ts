/**
 * Logs, traces and metrics of a process.
 *
 * Guarantee: a log entry is one line of JSON (`time`, `level`, `service`, `message`, `annotations`, `traceId`, `spanId`, `cause`) that went
 * through `Redaction`; traces and metrics leave the process only if `OTEL_EXPORTER_OTLP_ENDPOINT` is set. Which spans there are
 * then, and what they cost when there are none, is the business of `Tracing`.
 *
 * Limits: logs go to standard output only; OTLP would carry them past the redaction. Spans carry names, routes and statements
 * without their parameters, never headers or bodies. `LOG_LEVEL` is `Info` unless set.
 */
import * as Cause from "effect/Cause";
import * as Config from "effect/Config";
import * as ConfigProvider from "effect/ConfigProvider";
import * as Context from "effect/Context";
import * as Effect from "effect/Effect";
import * as FetchHttpClient from "effect/http/FetchHttpClient";
import * as Layer from "effect/Layer";
import * as Logger from "effect/Logger";
import * as Option from "effect/Option";
import * as PrometheusMetrics from "effect/observability/PrometheusMetrics";
import * as References from "effect/References";
import * as Tracer from "effect/Tracer";
import * as Redaction from "./Redaction.ts";
import * as Tracing from "./Tracing.ts";

/** The log annotation that names the service in a process that hosts several. */
export const serviceAnnotation = "service";

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Error);

/** One entry as a line: texts of the message are joined, objects of it become annotations. */
export const formatLine = (options: Logger.Options<unknown>): string => {
  const parts: ReadonlyArray<unknown> = Array.isArray(options.message) ? options.message : [options.message];
  const { [serviceAnnotation]: service, ...annotations } = options.fiber.getRef(References.CurrentLogAnnotations);
  const span = Context.getOrUndefined(options.fiber.context, Tracer.ParentSpan);
  const texts = parts.filter((part) => !isRecord(part));
  const all: Record<string, unknown> = Object.assign({}, annotations, ...parts.filter(isRecord));
  return JSON.stringify({
    time: options.date.toISOString(),
    level: options.logLevel,
    ...(service === undefined ? {} : { service }),
    message: texts
      .map((part) => (typeof part === "string" ? Redaction.text(part) : JSON.stringify(Redaction.redact(part))))
      .join(" "),
    ...(Object.keys(all).length === 0 ? {} : { annotations: Redaction.redact(all) }),
    ...(span === undefined ? {} : { traceId: span.traceId, spanId: span.spanId }),
    ...(options.cause.reasons.length === 0 ? {} : { cause: Redaction.text(Cause.pretty(options.cause)) }),
  });
};

export const jsonLogger: Logger.Logger<unknown, void> = Logger.withConsoleLog(Logger.make(formatLine));

/** OpenTelemetry's own default for these is `otlp`; the framework's is none. */
const exporterDefaults = ConfigProvider.layerAdd(
  ConfigProvider.fromEnvRecord({ OTEL_TRACES_EXPORTER: "otlp", OTEL_METRICS_EXPORTER: "otlp" }),
);

const exporters = (service: string) =>
  Layer.unwrap(
    Effect.promise(async () => {
      // Loaded on demand: most processes export nothing.
      const [OtlpMetrics, OtlpSerialization, OtlpTracer] = await Promise.all([
        import("effect/observability/OtlpMetrics"),
        import("effect/observability/OtlpSerialization"),
        import("effect/observability/OtlpTracer"),
      ]);
      const resource = { serviceName: service };
      return Layer.mergeAll(OtlpTracer.layerFromConfig({ resource }), OtlpMetrics.layerFromConfig({ resource })).pipe(
        Layer.provide([OtlpSerialization.layerJson, FetchHttpClient.layer, exporterDefaults]),
      );
    }),
  );

/** Logging and, if configured, exporting for the process (or the one service in it) called `service`. */
export const layer = (options: { readonly service: string }) =>
  Layer.unwrap(
    Effect.gen(function* () {
      const level = yield* Config.LogLevel("LOG_LEVEL").pipe(Config.withDefault("Info"));
      const endpoint = yield* Config.option(Config.NonEmptyString("OTEL_EXPORTER_OTLP_ENDPOINT"));
      const logging = Layer.mergeAll(
        Logger.layer([jsonLogger]),
        Layer.succeed(References.MinimumLogLevel, level),
        Layer.succeed(References.CurrentLogAnnotations, { [serviceAnnotation]: options.service }),
      );
      const tracing = Option.isNone(endpoint)
        ? Tracing.layer
        : Layer.provideMerge(Tracing.layer, exporters(options.service));
      return Layer.merge(logging, tracing);
    }),
  );

/** Prometheus wants the unit in the name; the instruments carry the OpenTelemetry names. */
const prometheusName = (name: string): string => (name.endsWith(".duration") ? `${name}_seconds` : name);

export const prometheusText: Effect.Effect<string> = PrometheusMetrics.format({ metricNameMapper: prometheusName });

export const prometheusContentType = "text/plain; version=0.0.4; charset=utf-8";
