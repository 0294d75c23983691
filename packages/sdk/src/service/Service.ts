/**
 * Composes a service: HTTP, migrations, workers, health, telemetry, drain.
 *
 * Guarantee: no request reaches a route before the migrations are done and the workers run, or after the drain began; requests that were
 * let in get their answer unless they outlast `drainTimeoutMillis`; workers stop after the last request, pools (whatever the layer was
 * given) after the workers.
 *
 * Limits: `maxBodyBytes` a body, `requestTimeoutMillis` to receive one, `backlog` connections waiting to be accepted.
 */
import * as ByteSize from "effect/ByteSize";
import * as Context from "effect/Context";
import * as Effect from "effect/Effect";
import * as Fiber from "effect/Fiber";
import * as HttpIncomingMessage from "effect/http/HttpIncomingMessage";
import * as HttpMiddleware from "effect/http/HttpMiddleware";
import * as HttpRouter from "effect/http/HttpRouter";
import * as HttpServerRequest from "effect/http/HttpServerRequest";
import * as HttpServerResponse from "effect/http/HttpServerResponse";
import type * as HttpServerError from "effect/http/HttpServerError";
import * as Layer from "effect/Layer";
import * as References from "effect/References";
import * as Scope from "effect/Scope";
import * as Tracer from "effect/Tracer";
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer";
import * as Problem from "../http/Problem.ts";
import * as ProblemResponse from "../http/ProblemResponse.ts";
import * as Health from "./Health.ts";
import * as HttpListener from "./HttpListener.ts";
import * as Lifeline from "./Lifeline.ts";
import * as RequestTelemetry from "./RequestTelemetry.ts";
import * as RouteTable from "./RouteTable.ts";
import * as Telemetry from "./Telemetry.ts";
import * as Tracing from "./Tracing.ts";

export interface Options<RE, RR, WE = never, WR = never, ME = never, MR = never, CR = never>
  extends HttpListener.Options {
  readonly name: string;
  /** Routes: `HttpApiBuilder.layer(Api)`, `HttpRouter.add(…)`, merged. */
  readonly routes: Layer.Layer<never, RE, RR>;
  /** Consumers, relays, sweepers: whatever runs by itself. Started after the migrations, stopped after the last request. */
  readonly workers?: Layer.Layer<never, WE, WR> | undefined;
  readonly migrations?: Effect.Effect<unknown, ME, MR> | undefined;
  readonly checks?: ReadonlyArray<Health.Check<CR>> | undefined;
  readonly maxBodyBytes?: number | undefined;
  /** How long requests that were let in may still take. */
  readonly drainTimeoutMillis?: number | undefined;
  /** Between `/readyz` turning 503 and the port closing, for balancers that poll. */
  readonly drainDelayMillis?: number | undefined;
}

export const defaultMaxBodyBytes = 64 * 1024;
export const defaultDrainTimeoutMillis = 10_000;

/** What the node platform and the router provide to routes. */
type Provided = HttpRouter.HttpRouter | HttpRouter.Provided | Layer.Success<typeof NodeHttpServer.layerHttpServices>;

export type RoutesRequire<RR> = Exclude<
  HttpRouter.Request.Without<RR> | HttpRouter.Request.Only<"Requires", RR>,
  Provided
>;

/** A service that is up. */
export interface Running {
  readonly name: string;
  readonly port: number;
  readonly url: string;
  readonly phase: Effect.Effect<Health.Phase>;
  /** Takes no more requests and waits for those that were let in. Closing the scope does it too. */
  readonly drain: Effect.Effect<void>;
}

type Handler = Effect.Effect<
  HttpServerResponse.HttpServerResponse,
  unknown,
  HttpServerRequest.HttpServerRequest | Scope.Scope
>;

const operational = ["/healthz", "/readyz", "/metrics"];

const notReady = (phase: Health.Phase) =>
  new Problem.Unavailable({
    detail: phase === "starting" ? "The service is starting" : "The service is draining",
    retryAfterSeconds: 1,
  });

/** Starts a service in the current scope; returns when it is ready. */
export const make = Effect.fnUntraced(function* <RE, RR, WE = never, WR = never, ME = never, MR = never, CR = never>(
  options: Options<RE, RR, WE, WR, ME, MR, CR>,
) {
  const { drainTimeoutMillis = defaultDrainTimeoutMillis, maxBodyBytes = defaultMaxBodyBytes, name } = options;
  const scope = yield* Effect.scope;
  const context = yield* Effect.context<RoutesRequire<RR> | WR | MR | CR>();
  const memoMap = Layer.CurrentMemoMap.forkOrCreate(context);
  const table = yield* RouteTable.make;
  let phase: Health.Phase = "starting";

  const operate = (path: string): Handler => {
    switch (path) {
      case "/healthz":
        return Effect.succeed(HttpServerResponse.jsonUnsafe({ status: "alive" }));
      case "/metrics":
        return Effect.map(Telemetry.prometheusText, (text) =>
          HttpServerResponse.text(text, { contentType: Telemetry.prometheusContentType }),
        );
      default:
        return Effect.map(Effect.provideContext(Health.report(phase, options.checks ?? []), context), (report) =>
          HttpServerResponse.jsonUnsafe(report, { status: report.status === "ready" ? 200 : 503 }),
        );
    }
  };

  const route = table.router.asHttpEffect();
  const admit: Handler = Effect.withFiber((fiber) => {
    if (phase !== "ready") return Effect.fail(notReady(phase));
    const request = Context.getUnsafe(fiber.context, HttpServerRequest.HttpServerRequest);
    // A declared length is refused unread; an undeclared one is counted while it is read.
    return Number(request.headers["content-length"] ?? 0) > maxBodyBytes ? ProblemResponse.payloadTooLarge : route;
  });
  const serveRoutes = admit.pipe(
    ProblemResponse.middleware({ methodsAt: table.methodsAt }),
    RequestTelemetry.middleware({ service: name, isDraining: () => phase === "draining" }),
  );
  const handler: Handler = Effect.withFiber((fiber) => {
    const request = Context.getUnsafe(fiber.context, HttpServerRequest.HttpServerRequest);
    return request.method === "GET" && operational.includes(request.url) ? operate(request.url) : serveRoutes;
  });

  const annotations = { ...(yield* References.CurrentLogAnnotations), [Telemetry.serviceAnnotation]: name };
  const ambient = Context.empty().pipe(
    Context.add(References.CurrentLogAnnotations, annotations),
    Context.add(References.TracerSpanAnnotations, { [Tracing.serviceAttribute]: name }),
    Context.add(HttpIncomingMessage.MaxBodySize, ByteSize.bytes(maxBodyBytes)),
    Context.add(HttpMiddleware.TracerDisabledWhen, (request) => operational.includes(request.url)),
  );
  return yield* Effect.updateContext(
    Effect.gen(function* () {
      const listener = yield* HttpListener.make(options);
      const serving = yield* Scope.fork(scope);
      yield* Scope.provide(listener.serve(handler), serving);

      yield* options.migrations ?? Effect.void;
      const routes = Layer.provide(options.routes, [
        Layer.succeed(HttpRouter.HttpRouter, table.router),
        NodeHttpServer.layerHttpServices,
      ]) as Layer.Layer<never, RE, RoutesRequire<RR>>;
      yield* Layer.buildWithMemoMap(routes, memoMap, scope);
      yield* Layer.buildWithMemoMap(options.workers ?? Layer.empty, memoMap, scope);

      const drainOnce = yield* Effect.cached(
        Effect.gen(function* () {
          phase = "draining";
          yield* Effect.logInfo("draining", { port: listener.port });
          if (options.drainDelayMillis !== undefined) yield* Effect.sleep(options.drainDelayMillis);
          const isEmpty = yield* listener.close(drainTimeoutMillis);
          if (!isEmpty)
            yield* Effect.logWarning("requests outlasted the drain and are cut off", { drainTimeoutMillis });
          yield* Scope.close(serving, yield* Effect.exit(Effect.void));
          yield* listener.cut;
        }),
      );
      // In a fiber of its own: whoever asks may be interrupted already, and then no time-out would wait.
      const drain = Effect.flatMap(Effect.forkDetach(drainOnce), Fiber.join);
      // Added last, so it runs first: before the workers and the routes are torn down.
      yield* Effect.addFinalizer(() => drain);
      phase = "ready";
      yield* Effect.logInfo("ready", { port: listener.port });

      const running: Running = {
        name,
        port: listener.port,
        url: listener.url,
        phase: Effect.sync(() => phase),
        drain,
      };
      return running;
    }),
    // Handlers keep the context that they are built in: the span that the service starts in must not become the parent of every request.
    (current: Context.Context<Scope.Scope | RoutesRequire<RR> | WR | MR | CR>) =>
      Context.merge(Context.omit(Tracer.ParentSpan)(current) as typeof current, ambient),
  );
});

/** The service as a layer; several are merged to share one process. */
export const layer = <RE, RR, WE = never, WR = never, ME = never, MR = never, CR = never>(
  options: Options<RE, RR, WE, WR, ME, MR, CR>,
): Layer.Layer<
  never,
  RE | WE | ME | HttpServerError.ServeError,
  Exclude<RoutesRequire<RR> | WR | MR | CR, Scope.Scope>
> => Layer.effectDiscard(make(options)) as never;

/** The entry point of a process: runs a service, or several merged ones, until the process's end (see `Lifeline`). */
export const run = <E, TE = never>(
  services: Layer.Layer<never, E>,
  options: Lifeline.Options & { readonly telemetry: Layer.Layer<never, TE> },
): void =>
  Lifeline.run(
    Layer.launch(services).pipe(
      Effect.tapCause((cause) => Effect.logFatal("the process ends", cause)),
      Effect.provide(options.telemetry),
    ),
    options,
  );
