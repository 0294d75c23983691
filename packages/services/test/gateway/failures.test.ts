import { assert, describe, it } from "@effect/vitest";
import * as Effect from "effect/Effect";
import * as Fiber from "effect/Fiber";
import * as Schedule from "effect/Schedule";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { ServerResponse } from "node:http";
import { createServer, type AddressInfo } from "node:net";
import * as Rig from "./Rig.ts";

const post = (url: string, body: string | ReadonlyArray<string> = "{}") =>
  Rig.call(`${url}/v1/orders`, { method: "POST", body });

describe("before the request is sent", () => {
  it.live("a service that is down is a 503 with Retry-After", () =>
    Effect.gen(function* () {
      const { url } = yield* Rig.gateway(Rig.deadPort, { limits: { connectRetryDelayMillis: 5 } });
      for (const answer of [yield* post(url), yield* post(url, ["{", "}"]), yield* Rig.call(`${url}/v1/orders`)]) {
        assert.deepStrictEqual([answer.status, answer.body["code"]], [503, "GW-503"]);
        assert.strictEqual(answer.headers["retry-after"], "1");
      }
    }),
  );

  it.live("a service that comes back meanwhile gets the request, whole and once", () =>
    Effect.gen(function* () {
      const port = yield* Rig.freePort;
      const refused = Rig.signal();
      const onRefused = () => refused.resolve();
      yield* Effect.acquireRelease(
        Effect.sync(() => subscribe("undici:client:connectError", onRefused)),
        () => Effect.sync(() => unsubscribe("undici:client:connectError", onRefused)),
      );
      const { url } = yield* Rig.gateway(port, { limits: { maxConnectRetries: 100, connectRetryDelayMillis: 20 } });
      const waiting = yield* Effect.forkChild(post(url, ["whole ", "body"]));
      yield* refused.wait;
      const bodies: Array<string> = [];
      yield* Rig.listen((request, response) => {
        void Rig.bodyOf(request).then((text) => {
          bodies.push(text);
          response.end("ok");
        });
      }, port);
      assert.strictEqual((yield* Fiber.join(waiting)).text, "ok");
      assert.deepStrictEqual(bodies, ["whole body"]);
    }),
  );

  it.live("a service that has all that it may have is spared more, until one is done", () =>
    Effect.gen(function* () {
      const held: Array<ServerResponse> = [];
      const bothArrived = Rig.signal();
      const { url } = yield* Rig.rig(
        (_, response) => {
          held.push(response);
          response.write("held");
          if (held.length === 2) bothArrived.resolve();
          if (held.length > 2) response.end();
        },
        { limits: { maxInFlightPerUpstream: 2 } },
      );
      const first = yield* Effect.forkChild(Rig.call(`${url}/v1/orders`));
      const leaving = Rig.open(`${url}/v1/orders`);
      leaving.on("error", () => {}).end();
      yield* bothArrived.wait;
      const refused = yield* post(url);
      assert.deepStrictEqual([refused.status, refused.body["code"]], [503, "GW-503"]);
      assert.strictEqual(refused.headers["retry-after"], "1");
      assert.strictEqual(held.length, 2);

      // One is done because its caller left, the other because it was answered; both count until then, not until their heads.
      leaving.destroy();
      const free = Effect.repeat(post(url), {
        until: ({ status }) => status === 200,
        times: 100,
        schedule: Schedule.spaced(20),
      });
      assert.strictEqual((yield* free).status, 200);
      for (const response of held) response.end();
      assert.strictEqual((yield* Fiber.join(first)).text, "held");
      assert.strictEqual((yield* free).status, 200);
    }),
  );
});

describe("after the request was sent", () => {
  it.live("a connection that breaks is a 502, and neither POST nor GET is repeated", () =>
    Effect.gen(function* () {
      for (const method of ["POST", "GET"]) {
        let received = 0;
        const { url } = yield* Rig.rig((request) => {
          received++;
          request.resume().on("end", () => request.socket.destroy());
        });
        const answer = yield* Rig.call(`${url}/v1/orders`, method === "POST" ? { method, body: "{}" } : {});
        assert.deepStrictEqual([answer.status, answer.body["code"], received], [502, "GW-502", 1], method);
        assert.match(String(answer.body["detail"]), /outcome unknown: repeat with the same Idempotency-Key/);
      }
    }),
  );

  it.live("an answer that is not HTTP is a 502", () =>
    Effect.gen(function* () {
      const garbage = yield* Effect.acquireRelease(
        Effect.promise(async () => {
          const server = createServer((socket) => {
            socket.on("error", () => {}).once("data", () => socket.end("what?\r\n\r\n"));
          });
          await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
          return server;
        }),
        (server) => Effect.promise(() => new Promise((resolve) => server.close(resolve))),
      );
      const { url } = yield* Rig.gateway((garbage.address() as AddressInfo).port);
      const answer = yield* post(url);
      assert.deepStrictEqual([answer.status, answer.body["code"]], [502, "GW-502"]);
    }),
  );

  it.live("an answer that breaks off is not passed off as complete", () =>
    Effect.gen(function* () {
      for (const length of [{}, { "content-length": "100" }]) {
        const { url } = yield* Rig.rig((_, response) => {
          response.writeHead(200, length);
          response.write("half", () => response.destroy());
        });
        const answer = yield* Rig.call(`${url}/v1/orders`);
        assert.deepStrictEqual([answer.status, answer.isComplete], [200, false]);
      }
    }),
  );

  it.live("a service that does not answer in time is a 504, sent once and cancelled", () =>
    Effect.gen(function* () {
      let received = 0;
      const cancelled = Rig.signal();
      const { url } = yield* Rig.rig(
        (_, response) => {
          received++;
          response.on("close", () => cancelled.resolve());
        },
        { limits: { upstreamTimeoutMillis: 150 } },
      );
      const answer = yield* post(url);
      assert.deepStrictEqual([answer.status, answer.body["code"], received], [504, "GW-504", 1]);
      assert.match(String(answer.body["detail"]), /outcome unknown/);
      yield* cancelled.wait;
    }),
  );

  it.live("the time that the caller offers to wait comes on top", () =>
    Effect.gen(function* () {
      const { url } = yield* Rig.rig(
        (_, response) => {
          setTimeout(() => response.end("changed"), 2_200);
        },
        { limits: { upstreamTimeoutMillis: 300 } },
      );
      const held = yield* Effect.forkChild(Rig.call(`${url}/v1/orders/1`, { headers: { prefer: "wait=3" } }));
      assert.strictEqual((yield* Rig.call(`${url}/v1/orders/1`)).status, 504);
      assert.strictEqual((yield* Fiber.join(held)).text, "changed");
    }),
  );
});
