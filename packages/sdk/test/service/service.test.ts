import { connect, type Socket } from "node:net";
import { assert, describe, it } from "@effect/vitest";
import * as Deferred from "effect/Deferred";
import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import * as Fiber from "effect/Fiber";
import * as HttpRouter from "effect/http/HttpRouter";
import * as HttpServerResponse from "effect/http/HttpServerResponse";
import * as Layer from "effect/Layer";
import * as Schedule from "effect/Schedule";
import * as Scope from "effect/Scope";
import { createServer } from "node:net";
import { Service } from "@destiny/sdk/service";
import { type Answer, call, captureLogs, silent } from "../http/support.ts";

const freePort = Effect.promise(
  () =>
    new Promise<number>((resolve) => {
      const server = createServer().listen(0, "127.0.0.1", () => {
        const address = server.address();
        server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
      });
    }),
);

/** Asks until the answer is the one wanted; a refused connection is no answer. */
const until = (url: string, wanted: (answer: Answer) => boolean) =>
  Effect.exit(call(url)).pipe(
    Effect.flatMap((exit) =>
      Exit.isSuccess(exit) && wanted(exit.value) ? Effect.succeed(exit.value) : Effect.fail("not yet"),
    ),
    Effect.retry({ schedule: Schedule.spaced("5 millis"), times: 400 }),
  );

const refused = (url: string) =>
  Effect.exit(call(url)).pipe(
    Effect.flatMap((exit) => (Exit.isFailure(exit) ? Effect.void : Effect.fail("still open"))),
    Effect.retry({ schedule: Schedule.spaced("5 millis"), times: 400 }),
  );

const onStop = (events: Array<string>, event: string) =>
  Layer.effectDiscard(Effect.addFinalizer(() => Effect.sync(() => void events.push(event))));

describe("readiness", () => {
  it.live(
    "starting, ready, failing: /readyz says which and why; routes answer 503 until ready; /healthz is 200 throughout",
    () =>
      Effect.gen(function* () {
        const port = yield* freePort;
        const url = `http://127.0.0.1:${port}`;
        const migrated = yield* Deferred.make<void>();
        let broken: string | undefined;
        const starting = yield* Effect.forkChild(
          Service.make({
            name: "shop",
            port,
            routes: HttpRouter.add("GET", "/hello", HttpServerResponse.text("hello")),
            migrations: Deferred.await(migrated),
            checks: [
              {
                name: "database",
                check: Effect.suspend(() => (broken === undefined ? Effect.void : Effect.fail(broken))),
              },
            ],
          }).pipe(Effect.provide(silent)),
        );
        const early = yield* until(`${url}/readyz`, (answer) => answer.status === 503);
        assert.deepStrictEqual(early.body, { status: "starting", checks: [] });
        assert.strictEqual((yield* call(`${url}/healthz`)).status, 200);
        const tooEarly = yield* call(`${url}/hello`);
        assert.deepStrictEqual(
          [tooEarly.status, tooEarly.body["code"], tooEarly.headers["retry-after"]],
          [503, "SERV-503", "1"],
        );

        yield* Deferred.succeed(migrated, undefined);
        const service = yield* Fiber.join(starting);
        assert.strictEqual(service.url, url);
        assert.strictEqual((yield* call(`${url}/readyz`)).status, 200);
        assert.strictEqual((yield* call(`${url}/hello`)).text, "hello");

        broken = "refused postgres://app:hunter2@db";
        const failing = yield* call(`${url}/readyz`);
        assert.strictEqual(failing.status, 503);
        assert.deepStrictEqual(failing.body, {
          status: "failing",
          checks: [{ name: "database", ok: false, reason: "refused postgres://app:<redacted>@db" }],
        });
        assert.strictEqual((yield* call(`${url}/healthz`)).status, 200);
        assert.strictEqual(
          (yield* call(`${url}/hello`)).status,
          200,
          "a failing check turns traffic away, it does not refuse it",
        );
      }),
  );

  it.live("a migration that fails stops the start and frees the port", () =>
    Effect.gen(function* () {
      const port = yield* freePort;
      const failed = yield* Effect.exit(
        Effect.scoped(
          Service.make({ name: "shop", port, routes: Layer.empty, migrations: Effect.fail("bad migration") }).pipe(
            Effect.provide(silent),
          ),
        ),
      );
      assert.deepStrictEqual(failed, Exit.fail("bad migration"));
      yield* refused(`http://127.0.0.1:${port}/healthz`);
    }),
  );
});

describe("drain", () => {
  const slowService = (options: { readonly drainTimeoutMillis: number; readonly drainDelayMillis?: number }) =>
    Effect.gen(function* () {
      const events: Array<string> = [];
      const entered = yield* Deferred.make<void>();
      const release = yield* Deferred.make<void>();
      const scope = yield* Scope.make();
      const slow = Effect.gen(function* () {
        yield* Deferred.succeed(entered, undefined);
        yield* Deferred.await(release);
        events.push("answered");
        return HttpServerResponse.text("done");
      });
      const pool = yield* Layer.buildWithScope(onStop(events, "pool closed"), scope);
      const service = yield* Service.make({
        name: "slow",
        port: 0,
        routes: HttpRouter.add("GET", "/slow", slow),
        workers: onStop(events, "workers stopped"),
        ...options,
      }).pipe(Effect.provide([silent, Layer.succeedContext(pool)]), Scope.provide(scope));
      const request = yield* Effect.forkChild(call(`${service.url}/slow`));
      yield* Deferred.await(entered);
      const stopping = yield* Effect.forkChild(Scope.close(scope, Exit.void));
      return { service, events, release, request, stopping };
    });

  it.live("requests that were let in are answered, new ones refused, then workers stop, then pools close", () =>
    Effect.gen(function* () {
      const { events, release, request, service, stopping } = yield* slowService({
        drainTimeoutMillis: 5_000,
        drainDelayMillis: 150,
      });
      const draining = yield* until(`${service.url}/readyz`, (answer) => answer.status === 503);
      assert.deepStrictEqual(draining.body, { status: "draining", checks: [] });
      const late = yield* call(`${service.url}/slow`);
      assert.deepStrictEqual([late.status, late.body["code"], late.headers["connection"]], [503, "SERV-503", "close"]);
      yield* refused(`${service.url}/healthz`);
      assert.deepStrictEqual(events, []);
      assert.strictEqual(yield* service.phase, "draining");

      yield* Deferred.succeed(release, undefined);
      const answer = yield* Fiber.join(request);
      assert.deepStrictEqual([answer.status, answer.text, answer.headers["connection"]], [200, "done", "close"]);
      yield* Fiber.join(stopping);
      assert.deepStrictEqual(events, ["answered", "workers stopped", "pool closed"]);
    }),
  );

  it.live("a request that outlasts the drain is told 503, and the rest goes on", () =>
    Effect.gen(function* () {
      const { events, request, stopping } = yield* slowService({ drainTimeoutMillis: 100 });
      const answer = yield* Fiber.join(request);
      assert.deepStrictEqual([answer.status, answer.body["code"]], [503, "SERV-503"]);
      yield* Fiber.join(stopping);
      assert.deepStrictEqual(events, ["workers stopped", "pool closed"]);
    }),
  );

  const hello = Effect.fnUntraced(function* (name: string) {
    const scope = yield* Scope.make();
    const service = yield* Service.make({
      name,
      port: 0,
      routes: HttpRouter.add("GET", "/hello", HttpServerResponse.text("hello")),
      drainTimeoutMillis: 10_000,
    }).pipe(Effect.provide(silent), Scope.provide(scope));
    return { service, drained: Scope.close(scope, Exit.void).pipe(Effect.timeout("5 seconds")) };
  });

  it.live("an idle keep-alive connection does not hold the drain up", () =>
    Effect.gen(function* () {
      const { drained, service } = yield* hello("idle");
      yield* Effect.promise(async () => (await fetch(`${service.url}/hello`)).text());
      yield* drained;
    }),
  );

  it.live("nor does one that was opened in advance and never used", () =>
    Effect.gen(function* () {
      const { drained, service } = yield* hello("unused");
      const socket = yield* Effect.callback<Socket>((resume) => {
        const opened = connect(Number(new URL(service.url).port), "127.0.0.1", () => resume(Effect.succeed(opened)));
      });
      yield* drained;
      socket.destroy();
    }),
  );
});

it.live("a client that goes away interrupts its handler, which is counted as 499 and logged as nothing", () =>
  Effect.gen(function* () {
    const logs = captureLogs();
    const entered = yield* Deferred.make<void>();
    const interrupted = yield* Deferred.make<void>();
    const handler = Deferred.succeed(entered, undefined).pipe(
      Effect.andThen(Effect.never),
      Effect.onInterrupt(() => Deferred.succeed(interrupted, undefined)),
    );
    const { url } = yield* Service.make({
      name: "left",
      port: 0,
      routes: HttpRouter.add("GET", "/left", handler),
    }).pipe(Effect.provide(logs.layer));
    const abort = new AbortController();
    const request = yield* Effect.forkChild(
      Effect.exit(Effect.tryPromise(() => fetch(`${url}/left`, { signal: abort.signal }))),
    );
    yield* Deferred.await(entered);
    abort.abort();
    yield* Fiber.join(request);
    yield* Deferred.await(interrupted);
    yield* until(`${url}/metrics`, (answer) =>
      answer.text.includes('http_route="/left",http_response_status_code="499"'),
    );
    assert.deepStrictEqual(
      logs.lines.map((line) => line["message"]),
      ["ready"],
    );
  }),
);

it.live("several services share a process, each with its own routes, name in the metrics, and drain", () =>
  Effect.gen(function* () {
    const hello = (name: string) =>
      Service.make({ name, port: 0, routes: HttpRouter.add("GET", `/${name}/:id`, HttpServerResponse.text(name)) });
    const scope = yield* Scope.make();
    const order = yield* hello("order").pipe(Scope.provide(scope), Effect.provide(silent));
    const stock = yield* hello("stock").pipe(Effect.provide(silent));
    assert.strictEqual((yield* call(`${order.url}/order/1`)).text, "order");
    assert.strictEqual((yield* call(`${order.url}/stock/1`)).status, 404);
    assert.strictEqual((yield* call(`${stock.url}/stock/1`)).text, "stock");
    const metrics = yield* call(`${stock.url}/metrics`);
    assert.match(
      metrics.text,
      /http_server_request_duration_seconds_count\{service="order",http_request_method="GET",http_route="\/order\/:id",http_response_status_code="200"\} 1/,
    );
    assert.match(metrics.text, /http_route="unmatched",http_response_status_code="404"/);
    yield* Scope.close(scope, Exit.void);
    yield* refused(`${order.url}/healthz`);
    assert.strictEqual((yield* call(`${stock.url}/stock/1`)).text, "stock");
  }),
);
