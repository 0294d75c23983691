/**
 * Which spans are made, and which of them are recorded.
 *
 * Where nothing exports, a request has one identity (its trace and span id, for logs, problems and messages) and no other
 * span is made inside of it: the statements and functions that ask for one get the request's own back. Rejected: switching
 * the tracer off (`TracerEnabled`), which makes every id `noop` and is no faster.
 *
 * Where something exports, traces start at requests and messages. Loops that poll (relay, sweepers, consumers between two
 * batches) are work for nobody: without a parent they are not recorded, nor is what they do.
 */
import * as Context from "effect/Context";
import * as Effect from "effect/Effect";
import * as Hex from "effect/encoding/Hex";
import * as Layer from "effect/Layer";
import * as Option from "effect/Option";
import * as References from "effect/References";
import * as Tracer from "effect/Tracer";
import * as TraceContext from "../message/TraceContext.ts";

const noAttributes: ReadonlyMap<string, unknown> = new Map();
const noLinks: ReadonlyArray<Tracer.SpanLink> = [];

/** A span that is an identity and nothing else: that of its parent, or a fresh one. */
class Identity implements Tracer.Span {
  readonly _tag = "Span";
  readonly name: string;
  readonly kind: Tracer.SpanKind;
  readonly parent: Option.Option<Tracer.AnySpan>;
  readonly annotations: Context.Context<never>;
  /** Nobody else may hang a recorded span on one that will never arrive. */
  readonly sampled = false;
  readonly attributes = noAttributes;
  readonly links = noLinks;
  readonly status = { _tag: "Started", startTime: 0n } as const;
  #traceId: string | undefined;
  #spanId: string | undefined;

  constructor(options: Parameters<Tracer.Tracer["span"]>[0]) {
    this.name = options.name;
    this.kind = options.kind;
    this.parent = options.parent;
    this.annotations = options.annotations;
    if (options.parent._tag === "Some") {
      this.#traceId = options.parent.value.traceId;
      this.#spanId = options.parent.value.spanId;
    }
  }

  /** Most spans without a parent are never asked. */
  get traceId(): string {
    return (this.#traceId ??= Hex.random(32));
  }

  get spanId(): string {
    return (this.#spanId ??= Hex.random(16));
  }

  attribute(): void {}
  event(): void {}
  end(): void {}
  addLinks(): void {}
}

const identities: Tracer.Tracer = Tracer.make({
  span: (options) =>
    options.parent._tag === "Some" && options.parent.value instanceof Identity
      ? options.parent.value
      : new Identity(options),
});

/** Where a trace may start. */
const starts: ReadonlySet<Tracer.SpanKind> = new Set(["server", "producer", "consumer"]);

const sampled = (exporting: Tracer.Tracer): Tracer.Tracer =>
  Tracer.make({
    span: (options) =>
      exporting.span(
        options.parent._tag === "None" && !starts.has(options.kind) ? { ...options, sampled: false } : options,
      ),
    ...(exporting.context === undefined ? {} : { context: exporting.context }),
  });

/** Names the service in a process that hosts several; the resource names the process. */
export const serviceAttribute = "destiny.service";

/** On top of whatever tracer there is: the framework's own one records for nobody. */
export const layer: Layer.Layer<never> = Layer.effectContext(
  Effect.map(Effect.service(Tracer.Tracer), (tracer) =>
    tracer === Tracer.nativeTracer
      ? Context.make(Tracer.Tracer, identities).pipe(Context.add(References.TracerTimingEnabled, false))
      : Context.make(Tracer.Tracer, sampled(tracer)).pipe(Context.add(TraceContext.Recording, true)),
  ),
);
