import { assert, describe, it } from "@effect/vitest";
import * as Effect from "effect/Effect";
import * as Rig from "./Rig.ts";

const limits = { maxRequestsAtOnce: 3, requestsPerSecond: 0.01, maxLoginsAtOnce: 2, loginsPerSecond: 0.01 };

/** A gateway that lets three through, and counts what arrived behind it. */
const narrow = Effect.fnUntraced(function* (options: Rig.Options = {}) {
  let arrived = 0;
  const { url } = yield* Rig.rig(
    (_, response) => {
      arrived++;
      response.end("ok");
    },
    {
      limits,
      routes: [
        ["/v1/orders", "order"],
        ["/v1/auths", "user"],
      ],
      ...options,
    },
  );
  const ask = (forwarded?: string, path = "/v1/orders") =>
    Rig.call(`${url}${path}`, { headers: forwarded === undefined ? {} : { "x-forwarded-for": forwarded } });
  const statuses = (times: number, ...args: Parameters<typeof ask>) =>
    Effect.map(Effect.replicateEffect(ask(...args), times), (answers) => answers.map(({ status }) => status));
  return { ask, statuses, arrived: () => arrived };
});

describe("an address that asks too often", () => {
  it.live("is told 429 and when to come back, as a problem, and costs no service anything; others go on", () =>
    Effect.gen(function* () {
      const { arrived, ask, statuses } = yield* narrow();
      assert.deepStrictEqual(yield* statuses(4, "203.0.113.7"), [200, 200, 200, 429]);
      const refused = yield* ask("203.0.113.7");
      assert.strictEqual(refused.headers["content-type"], "application/problem+json");
      assert.deepInclude(refused.body, { code: "SERV-429", status: 429, instance: "/v1/orders" });
      assert.strictEqual(refused.headers["retry-after"], String(refused.body["retryAfterSeconds"]));
      assert.match(String(refused.headers["ratelimit"]), /^"default";r=0;t=\d+$/);
      assert.strictEqual(refused.headers["ratelimit-policy"], '"default";q=3;w=300');
      assert.strictEqual(arrived(), 3);
      assert.deepStrictEqual(yield* statuses(1, "203.0.113.8"), [200]);
    }),
  );

  it.live("is the one that the last trusted proxy saw, whatever the caller claims to be", () =>
    Effect.gen(function* () {
      const { statuses } = yield* narrow();
      assert.deepStrictEqual(yield* statuses(3, "198.51.100.1, 203.0.113.7, 127.0.0.1"), [200, 200, 200]);
      assert.deepStrictEqual(yield* statuses(1, "198.51.100.2, 203.0.113.7"), [429]);
      const { statuses: direct } = yield* narrow({ trustedProxies: [] });
      assert.deepStrictEqual(yield* direct(3, "198.51.100.1"), [200, 200, 200]);
      assert.deepStrictEqual(yield* direct(1, "198.51.100.2"), [429]);
    }),
  );

  it.live("is no trusted proxy that speaks for itself", () =>
    Effect.gen(function* () {
      const { statuses } = yield* narrow();
      const own = yield* statuses(10);
      assert.deepStrictEqual(new Set([...own, ...(yield* statuses(10, "127.0.0.1"))]), new Set([200]));
    }),
  );

  it.live("may try to log in less often than it may ask", () =>
    Effect.gen(function* () {
      const { statuses } = yield* narrow();
      assert.deepStrictEqual(yield* statuses(3, "203.0.113.7", "/v1/auths/login"), [200, 200, 429]);
      assert.deepStrictEqual(yield* statuses(2, "203.0.113.7"), [200, 429]);
    }),
  );

  it.live("may not try more often by spelling the path in another way", () =>
    Effect.gen(function* () {
      for (const [at, path] of ["/V1/auths/login", "//v1/auths/login", "/v1/%61uths/login"].entries()) {
        const { statuses } = yield* narrow();
        assert.deepStrictEqual(yield* statuses(3, `203.0.113.${at}`, path), [200, 200, 429], path);
      }
    }),
  );

  it.live("is refused the shop's description too", () =>
    Effect.gen(function* () {
      const { statuses } = yield* narrow();
      for (const [at, path] of ["/openapi.json", "/docs"].entries()) {
        assert.deepStrictEqual(yield* statuses(4, `203.0.113.${at}`, path), [200, 200, 200, 429], path);
      }
    }),
  );
});
