import { assert, describe, it } from "@effect/vitest";
import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import * as Fiber from "effect/Fiber";
import * as Schedule from "effect/Schedule";
import * as Scope from "effect/Scope";
import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import * as Rig from "./Rig.ts";

const firstChunk = (incoming: IncomingMessage) =>
  Effect.promise(async () => String((await once(incoming, "data"))[0] as Buffer));

const responseTo = (outgoing: ReturnType<typeof Rig.open>) =>
  Effect.promise(async () => (await once(outgoing, "response"))[0] as IncomingMessage);

describe("bodies", () => {
  it.live("the answer's first byte arrives before the service has finished", () =>
    Effect.gen(function* () {
      const begun = Rig.signal<ServerResponse>();
      const { url } = yield* Rig.rig((_, response) => {
        response.write("first");
        begun.resolve(response);
      });
      const outgoing = Rig.open(`${url}/v1/orders`);
      outgoing.end();
      const upstream = yield* begun.wait;
      const incoming = yield* responseTo(outgoing);
      assert.strictEqual(yield* firstChunk(incoming), "first");
      upstream.end(" and last");
      assert.strictEqual((yield* Effect.promise(() => Rig.read(incoming))).text, " and last");
    }),
  );

  it.live("the request's first byte arrives before the caller has finished", () =>
    Effect.gen(function* () {
      const arrived = Rig.signal<string>();
      const { url } = yield* Rig.rig((request, response) => {
        request.once("data", (chunk: Buffer) => arrived.resolve(String(chunk)));
        request.on("end", () => response.end("thanks"));
      });
      const outgoing = Rig.open(`${url}/v1/orders`, { method: "POST" });
      outgoing.write("first");
      assert.strictEqual(yield* arrived.wait, "first");
      outgoing.end(" and last");
      const incoming = yield* responseTo(outgoing);
      assert.strictEqual((yield* Effect.promise(() => Rig.read(incoming))).text, "thanks");
    }),
  );

  it.live("bodies arrive whole: with a length, without one, and larger than any buffer on the way back", () =>
    Effect.gen(function* () {
      const large = "0123456789abcdef".repeat(256 * 1024);
      const { url } = yield* Rig.rig((request, response) => {
        void Rig.bodyOf(request).then((text) => {
          if (text === "large") response.setHeader("content-length", large.length);
          response.end(text === "large" || text === "large, chunked" ? large : `${request.method} ${text}`);
        });
      });
      const post = (body: string | ReadonlyArray<string>) => Rig.call(`${url}/v1/orders`, { method: "POST", body });
      assert.strictEqual((yield* post("x".repeat(60_000))).text, `POST ${"x".repeat(60_000)}`);
      assert.strictEqual((yield* post(["a", "b", "c"])).text, "POST abc");
      assert.strictEqual((yield* post("")).text, "POST ");
      for (const wish of ["large", "large, chunked"]) {
        const answer = yield* post(wish);
        assert.isTrue(answer.text === large && answer.isComplete, wish);
      }
    }),
  );

  it.live("a caller who does not read does not make the gateway read on", () =>
    Effect.gen(function* () {
      const megabyte = Buffer.alloc(1024 * 1024);
      const stalled = Rig.signal<number>();
      const { url } = yield* Rig.rig((_, response) => {
        let written = 0;
        const write = (): void => {
          if (written++ < 200) response.write(megabyte, write);
          else stalled.resolve(written);
        };
        write();
        // Everything that buffers on the way is full when nothing has moved for a while.
        let last = -1;
        const watch = setInterval(() => {
          if (written === last) stalled.resolve(written);
          last = written;
        }, 200);
        response.on("close", () => clearInterval(watch));
      });
      const outgoing = Rig.open(`${url}/v1/orders`);
      outgoing.on("response", (incoming: IncomingMessage) => incoming.pause()).on("error", () => {});
      outgoing.end();
      assert.isBelow(yield* stalled.wait, 100);
      outgoing.destroy();
    }),
  );

  it.live("too large a body is a 413, declared or counted, and the service is spared it", () =>
    Effect.gen(function* () {
      let completed = 0;
      const { url } = yield* Rig.rig(
        (request, response) => {
          request.on("end", () => {
            completed++;
            response.end("ok");
          });
          request.on("error", () => {}).resume();
        },
        { limits: { maxBodyBytes: 1_000 } },
      );
      const post = (body: string | ReadonlyArray<string>) => Rig.call(`${url}/v1/orders`, { method: "POST", body });
      const declared = yield* post("x".repeat(1_001));
      assert.deepStrictEqual([declared.status, declared.body["code"]], [413, "SERV-413"]);
      const counted = yield* post(["x".repeat(600), "x".repeat(600)]);
      assert.deepStrictEqual([counted.status, counted.body["code"]], [413, "SERV-413"]);
      assert.strictEqual(completed, 0);
      assert.strictEqual((yield* post("x".repeat(1_000))).status, 200);
      assert.strictEqual((yield* post(["x".repeat(600), "x".repeat(400)])).status, 200);
    }),
  );

  it.live("a caller who asks first is told to go on, once there is a connection", () =>
    Effect.gen(function* () {
      const { url } = yield* Rig.rig((request, response) => {
        void Rig.bodyOf(request).then((text) => response.end(`${text} ${String(request.headers.expect)}`));
      });
      const headers = { expect: "100-continue", "content-length": "2" };
      const outgoing = Rig.open(`${url}/v1/orders`, { method: "POST", headers });
      outgoing.flushHeaders();
      yield* Effect.promise(() => once(outgoing, "continue"));
      outgoing.end("hi");
      const incoming = yield* responseTo(outgoing);
      assert.strictEqual((yield* Effect.promise(() => Rig.read(incoming))).text, "hi undefined");

      const dead = yield* Rig.gateway(Rig.deadPort);
      const refused = Rig.open(`${dead.url}/v1/orders`, { method: "POST", headers });
      refused.on("error", () => {}).on("continue", () => refused.end("hi"));
      refused.flushHeaders();
      assert.strictEqual((yield* responseTo(refused)).statusCode, 503);
      refused.destroy();
    }),
  );

  it.live("a service that answers without reading the body is heard", () =>
    Effect.gen(function* () {
      const { url } = yield* Rig.rig((_, response) => {
        response.writeHead(409, { "content-type": "application/problem+json" });
        response.end('{"code":"ORDER-1"}');
      });
      const outgoing = Rig.open(`${url}/v1/orders`, { method: "POST" });
      outgoing.on("error", () => {}).write("begun");
      const incoming = yield* responseTo(outgoing);
      const answer = yield* Effect.promise(() => Rig.read(incoming));
      assert.deepStrictEqual([answer.status, answer.text], [409, '{"code":"ORDER-1"}']);
      outgoing.destroy();
    }),
  );

  it.live("answers without a body keep their heads, and a bare error gets a problem", () =>
    Effect.gen(function* () {
      const { url } = yield* Rig.rig((request, response) => {
        const status = Number(request.url?.split("/").at(-1));
        const length = request.method === "HEAD" ? { "content-length": "5" } : {};
        const head = { etag: '"1"', "content-type": "text/plain", ...length };
        response.writeHead(status, status === 404 ? { "content-length": "0" } : head);
        response.end();
      });
      const head = yield* Rig.call(`${url}/v1/orders/200`, { method: "HEAD" });
      assert.deepStrictEqual([head.status, head.headers["content-length"], head.headers["etag"]], [200, "5", '"1"']);
      const unchanged = yield* Rig.call(`${url}/v1/orders/304`);
      assert.deepStrictEqual([unchanged.status, unchanged.headers["etag"]], [304, '"1"']);
      assert.strictEqual((yield* Rig.call(`${url}/v1/orders/204`)).status, 204);
      const bare = yield* Rig.call(`${url}/v1/orders/404`);
      assert.deepStrictEqual([bare.status, bare.body["code"]], [404, "SERV-404"]);
    }),
  );

  it.live("a request that offers another protocol is answered in this one", () =>
    Effect.gen(function* () {
      const { url } = yield* Rig.rig((request, response) => {
        void Rig.bodyOf(request).then((text) => response.end(`${text}${String(request.headers.upgrade)}`));
      });
      const headers = { connection: "Upgrade, HTTP2-Settings", upgrade: "h2c", "http2-settings": "AAMAAABk" };
      assert.strictEqual((yield* Rig.call(`${url}/v1/orders`, { headers })).text, "undefined");
      // Node cannot read a body there: it is refused, and does not arrive empty.
      const withBody = yield* Rig.call(`${url}/v1/orders`, { method: "POST", headers, body: "hi" });
      assert.deepStrictEqual([withBody.status, withBody.body["code"]], [400, "SERV-001"]);
    }),
  );
});

describe("a caller who goes away", () => {
  it.live("takes the request back, before the answer and during it", () =>
    Effect.gen(function* () {
      for (const writes of [false, true]) {
        const arrived = Rig.signal();
        const cancelled = Rig.signal();
        const { url } = yield* Rig.rig((_, response) => {
          response.on("close", () => cancelled.resolve());
          if (writes) response.write("first");
          arrived.resolve();
        });
        const outgoing = Rig.open(`${url}/v1/orders`);
        outgoing.on("error", () => {}).end();
        yield* arrived.wait;
        if (writes) yield* firstChunk(yield* responseTo(outgoing));
        outgoing.destroy();
        yield* cancelled.wait;
      }
    }),
  );

  it.live("in the middle of sending, too", () =>
    Effect.gen(function* () {
      const arrived = Rig.signal();
      const cancelled = Rig.signal();
      const { url } = yield* Rig.rig((request) => {
        request.on("error", () => cancelled.resolve()).once("data", () => arrived.resolve());
      });
      const outgoing = Rig.open(`${url}/v1/orders`, { method: "POST", headers: { "content-length": "100" } });
      outgoing.on("error", () => {}).write("begun");
      yield* arrived.wait;
      outgoing.destroy();
      yield* cancelled.wait;
    }),
  );
});

it.live("a drain lets the answers finish that were begun, and takes no more", () =>
  Effect.gen(function* () {
    const begun = Rig.signal<ServerResponse>();
    const upstream = yield* Rig.listen((_, response) => {
      response.write("first");
      begun.resolve(response);
    });
    const scope = yield* Scope.make();
    const { url } = yield* Scope.provide(Rig.gateway(upstream.port), scope);
    const request = yield* Effect.forkChild(Rig.call(`${url}/v1/orders`));
    const response = yield* begun.wait;
    const stopping = yield* Effect.forkChild(Scope.close(scope, Exit.void));
    yield* Effect.promise(() => fetch(`${url}/healthz`)).pipe(
      Effect.sandbox,
      Effect.flip,
      Effect.retry({ times: 100, schedule: Schedule.spaced(20) }),
    );
    response.end(" and last");
    const answer = yield* Fiber.join(request);
    assert.deepStrictEqual([answer.text, answer.isComplete], ["first and last", true]);
    yield* Fiber.join(stopping);
    // The pool is closed with it.
    const left = yield* Effect.promise(
      () => new Promise((resolve) => upstream.server.getConnections((_, count) => resolve(count))),
    ).pipe(Effect.repeat({ until: (count) => count === 0, times: 100, schedule: Schedule.spaced(20) }));
    assert.strictEqual(left, 0);
  }),
);
