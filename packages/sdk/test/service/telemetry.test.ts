import { assert, describe, it } from "@effect/vitest";
import * as Cause from "effect/Cause";
import * as ConfigProvider from "effect/ConfigProvider";
import * as Console from "effect/Console";
import * as Effect from "effect/Effect";
import * as HttpRouter from "effect/http/HttpRouter";
import * as HttpServerResponse from "effect/http/HttpServerResponse";
import * as HttpApi from "effect/http-api/HttpApi";
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder";
import * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint";
import * as HttpApiGroup from "effect/http-api/HttpApiGroup";
import * as Layer from "effect/Layer";
import * as Redacted from "effect/Redacted";
import * as Schema from "effect/Schema";
import { TraceContext } from "@destiny/sdk/message";
import { Redaction, Service, Telemetry } from "@destiny/sdk/service";
import { call, captureConsole, captureLogs, silent } from "../http/support.ts";

const secret = "s3cr3t-Value";

const logged = (effect: Effect.Effect<void>) =>
  Effect.gen(function* () {
    const { console, written } = captureConsole();
    yield* effect.pipe(
      Effect.provide(Telemetry.layer({ service: "shop" })),
      Effect.provideService(Console.Console, console),
      Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromEnvRecord({})),
    );
    return written;
  });

describe("log lines", () => {
  it.effect("one line of JSON: time, level, service, message, annotations, trace, cause", () =>
    Effect.gen(function* () {
      const written = yield* logged(
        Effect.logError("charge\nfailed", { orderId: "o-1" }, Cause.fail(new Error("boom"))).pipe(
          Effect.annotateLogs("attempt", 2),
          Effect.withSpan("charge"),
        ),
      );
      assert.strictEqual(written.length, 1);
      assert.notInclude(written[0], "\n");
      const line = JSON.parse(written[0] ?? "") as Record<string, unknown>;
      assert.deepStrictEqual(Object.keys(line), [
        "time",
        "level",
        "service",
        "message",
        "annotations",
        "traceId",
        "spanId",
        "cause",
      ]);
      assert.strictEqual(line["time"], "1970-01-01T00:00:00.000Z");
      assert.deepStrictEqual([line["level"], line["service"], line["message"]], ["Error", "shop", "charge\nfailed"]);
      assert.deepStrictEqual(line["annotations"], { attempt: 2, orderId: "o-1" });
      assert.match(String(line["traceId"]), /^[0-9a-f]{32}$/);
      assert.include(String(line["cause"]), "boom");
    }),
  );

  it.effect("no secret gets through: by name at any depth, by shape in texts and causes", () =>
    Effect.gen(function* () {
      const written = yield* logged(
        Effect.logInfo(
          `Authorization: Bearer ${secret}`,
          { headers: { authorization: secret, Cookie: secret }, user: [{ password: secret, id: "u-1" }] },
          {
            paymentKey: secret,
            payment_key: secret,
            apiKey: secret,
            refreshToken: secret,
            wrapped: Redacted.make(secret),
          },
          { url: `postgres://app:${secret}@db/x`, body: `{"password":"${secret}","sku":"s-1"}` },
          Cause.die(new Error(`token=${secret} refused`)),
        ),
      );
      assert.notInclude(written.join("\n"), secret);
      assert.include(written.join("\n"), "u-1");
      assert.include(written.join("\n"), "s-1");
    }),
  );

  it.effect("debug lines are dropped unless asked for", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* logged(Effect.logDebug("noise")), []);
    }),
  );
});

describe("redaction", () => {
  it.effect.prop("its result is JSON, whatever it is given", [Schema.Unknown], ([value]) =>
    Effect.sync(() => assert.doesNotThrow(() => JSON.stringify(Redaction.redact(value)))),
  );

  it("cycles, deep, wide and long values are cut", () => {
    const cycle: Record<string, unknown> = {};
    cycle["self"] = cycle;
    const text = JSON.stringify(
      Redaction.redact({ cycle, long: "x".repeat(100_000), wide: Array.from({ length: 1_000 }, (_, i) => i) }),
    );
    assert.isBelow(text.length, 20_000);
  });

  it("no text takes long, however it is made", () => {
    const shapes = ["secret", "token-", "eyJ-", "a.", "a://b:", "Bearer ", "password  ", '"token":"'];
    const startedAt = performance.now();
    for (const shape of shapes) Redaction.text(shape.repeat(Redaction.maxStringLength / shape.length));
    assert.isBelow(performance.now() - startedAt, 1_000);
  });

  it("bigints, dates, errors, maps and JWTs", () => {
    assert.deepStrictEqual(
      Redaction.redact({
        big: 1n,
        at: new Date(0),
        map: new Map([["password", "p"]]),
        jwt: "x eyJhbGciOiJub25l.eyJzdWIi.sig y",
      }),
      { big: "1", at: "1970-01-01T00:00:00.000Z", map: { password: Redaction.mark }, jwt: `x ${Redaction.mark} y` },
    );
    assert.deepStrictEqual(Redaction.redact(new TypeError("no")), { name: "TypeError", message: "no" });
  });
});

class Traces extends HttpApiGroup.make("traces").add(
  HttpApiEndpoint.get("mine", "/trace", { success: Schema.String }),
) {}

class Api extends HttpApi.make("api").add(Traces) {}

describe("traces", () => {
  it.live("handlers see a real span without any exporter, and what they log carries its trace id", () =>
    Effect.gen(function* () {
      const logs = captureLogs();
      const handler = Effect.gen(function* () {
        yield* Effect.logInfo("inside");
        return HttpServerResponse.text((yield* TraceContext.current) ?? "none");
      });
      const { url } = yield* Service.make({
        name: "shop",
        port: 0,
        routes: HttpRouter.add("GET", "/trace", handler),
      }).pipe(Effect.provide(logs.layer));
      const answer = yield* call(`${url}/trace`);
      assert.strictEqual(answer.text, answer.headers["traceparent"]);
      const traceId = answer.text.split("-")[1];
      assert.strictEqual(answer.headers["x-request-id"], traceId);
      const line = logs.lines.find((entry) => entry["message"] === "inside");
      assert.deepStrictEqual([line?.["traceId"], line?.["service"]], [traceId, "shop"]);
      assert.notStrictEqual((yield* call(`${url}/trace`)).text.split("-")[1], traceId, "one trace per request");
    }),
  );

  it.live("a span around the service is not the parent of its requests", () =>
    Effect.gen(function* () {
      const Live = HttpApiBuilder.group(Api, "traces", (handlers) =>
        handlers.handle("mine", () => Effect.map(TraceContext.current, (traceparent) => traceparent ?? "none")),
      );
      const boot = yield* TraceContext.current;
      const { url } = yield* Service.make({
        name: "shop",
        port: 0,
        routes: HttpApiBuilder.layer(Api).pipe(Layer.provide(Live)),
      }).pipe(Effect.provide(silent));
      const answer = yield* call(`${url}/trace`);
      assert.notInclude(answer.text, boot?.split("-")[1] ?? "no boot span");
      assert.include(answer.text, String(answer.headers["x-request-id"]));
    }).pipe(Effect.withSpan("boot")),
  );

  it.live(
    "without an endpoint a request is one identity, its caller's trace, and nothing inside of it makes another",
    () =>
      Effect.gen(function* () {
        const handler = Effect.gen(function* () {
          const outside = yield* TraceContext.current;
          const inside = yield* Effect.withSpan(Effect.withSpan(TraceContext.current, "inner"), "outer");
          assert.strictEqual(inside, outside);
          return HttpServerResponse.text(inside ?? "none");
        });
        const { url } = yield* Service.make({
          name: "shop",
          port: 0,
          routes: HttpRouter.add("GET", "/trace", handler),
        });
        const caller = { traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" };
        const answer = yield* call(`${url}/trace`, { headers: caller });
        assert.strictEqual(answer.text, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00");
        assert.strictEqual(answer.headers["x-request-id"], "0af7651916cd43dd8448eb211c80319c");
        const [first, second] = [yield* call(`${url}/trace`), yield* call(`${url}/trace`)];
        assert.match(first.text, /^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/);
        assert.strictEqual(first.headers["traceparent"], first.text);
        assert.notStrictEqual(first.text, second.text, "one trace per request");
      }).pipe(
        Effect.provide(Telemetry.layer({ service: "shop" })),
        Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromEnvRecord({ LOG_LEVEL: "Fatal" })),
      ),
  );

  it.live("with an OTLP endpoint one server span a request is exported, named by its route", () =>
    Effect.gen(function* () {
      const received: Array<string> = [];
      const collector = yield* Service.make({
        name: "collector",
        port: 0,
        routes: HttpRouter.add("POST", "/v1/traces", (request) =>
          Effect.map(request.text, (text) => {
            received.push(text);
            return HttpServerResponse.empty();
          }),
        ),
        maxBodyBytes: 1_000_000,
      }).pipe(Effect.provide(silent));
      const telemetry = Telemetry.layer({ service: "shop" }).pipe(
        Layer.provide(
          ConfigProvider.layer(
            ConfigProvider.fromEnvRecord({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, LOG_LEVEL: "Fatal" }),
          ),
        ),
      );
      const traceId = yield* Effect.gen(function* () {
        const { url } = yield* Service.make({
          name: "shop",
          port: 0,
          routes: HttpRouter.add("GET", "/things/:id", HttpServerResponse.text("ok")),
        });
        const answer = yield* call(`${url}/things/1`);
        yield* call(`${url}/readyz`);
        // A loop that polls is nobody's work, and what it leads to does not share its silence.
        const polling = Effect.withSpan(Effect.withSpan(TraceContext.current, "statement", { kind: "client" }), "poll");
        assert.strictEqual(yield* polling, undefined);
        return String(answer.headers["x-request-id"]);
      }).pipe(Effect.provide(telemetry), Effect.scoped);
      const spans = received.join("");
      assert.strictEqual(spans.split('"traceId"').length - 1, 1);
      assert.include(spans, traceId);
      assert.include(spans, "/things/:id");
    }),
  );

  it("a malformed traceparent is none", () => {
    assert.strictEqual(TraceContext.parse("00-nonsense"), undefined);
    assert.strictEqual(TraceContext.parse(undefined), undefined);
    const given = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    const parsed = TraceContext.parse(given);
    assert.strictEqual(parsed && TraceContext.format(parsed), given);
  });
});
