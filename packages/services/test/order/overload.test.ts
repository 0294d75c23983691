/** More than the service can take at once, over real sockets and through the gateway. */
import { assert, layer } from "@effect/vitest";
import { Ids } from "@destiny/sdk/message";
import * as Deferred from "effect/Deferred";
import * as Effect from "effect/Effect";
import * as Fiber from "effect/Fiber";
import * as Layer from "effect/Layer";
import * as SqlClient from "effect/sql/SqlClient";
import { OrderId, OrderPlaced } from "../../src/contracts/index.ts";
import * as Order from "../../src/order/layer.ts";
import { Limits } from "../../src/order/Orders.ts";
import { gateway } from "../gateway/Rig.ts";
import * as ServiceTest from "../shared/ServiceTest.ts";
import * as TestHttp from "../shared/TestHttp.ts";
import * as Orders from "./Orders.ts";

const maxQueuedInputs = 8;
const requests = 200;
/** A group that is on its way, and the next that waits for it. */
const maxAccepted = 2 * maxQueuedInputs;

const service = ServiceTest.layer("order", Order.layer, {
  references: Layer.succeed(Limits, { maxQueuedInputs, maxGroupInputs: maxQueuedInputs }),
});

/** The service behind a gateway that has no keys, so that the service alone judges who asks. */
const outside = Effect.gen(function* () {
  const { url } = yield* ServiceTest.ServiceTest;
  const edge = yield* gateway(Number(new URL(url).port), { jwksUrl: "http://127.0.0.1:1/none" });
  return yield* TestHttp.make(edge.url, []);
});

/** Nobody writes an order until `release`. */
const blocked = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient;
  const [isLocked, release] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()];
  yield* sql
    .withTransaction(
      sql`LOCK TABLE orders IN EXCLUSIVE MODE`.pipe(
        Effect.andThen(Deferred.succeed(isLocked, undefined)),
        Effect.andThen(Deferred.await(release)),
      ),
    )
    .pipe(Effect.forkScoped);
  yield* Deferred.await(isLocked);
  return { release: Deferred.succeed(release, undefined) };
});

/** Each under a key of its own; `answered` grows with the answers. */
const burst = Effect.fnUntraced(function* (http: TestHttp.TestHttp) {
  const { tokens } = yield* ServiceTest.ServiceTest;
  const as = yield* tokens.customer;
  const answered: Array<number> = [];
  const place = Effect.fnUntraced(function* (key: string, body: unknown) {
    const answer = yield* http.post("/v1/orders", { as, key, body });
    answered.push(answer.status);
    return { key, body, answer };
  });
  const asked = yield* Effect.forEach(Array.from({ length: requests }), () => Effect.all([Ids.fresh, Orders.bodyOf()]));
  const all = yield* Effect.forkChild(
    Effect.forEach(asked, ([key, body]) => place(key, body), { concurrency: "unbounded" }),
  );
  return { as, answered, all, place };
});

const storedOf = Effect.fnUntraced(function* (userId: string) {
  const sql = yield* SqlClient.SqlClient;
  const rows = yield* sql<{ readonly id: string }>`SELECT id FROM orders WHERE user_id = ${userId}::uuid`;
  return rows.map(({ id }) => id);
});

layer(service, { excludeTestServices: true })("more orders at once than the queue holds", (it) => {
  it.effect(
    "are each answered, placed or told to come back; what is placed is kept, once, and the service is well",
    () =>
      Effect.gen(function* () {
        const { bus, http: inside } = yield* ServiceTest.ServiceTest;
        const http = yield* outside;
        const { release } = yield* blocked;
        const { all, answered, as, place } = yield* burst(http);
        // The test's own bound is vitest's: every request that is turned away is answered while the others still wait.
        while (answered.length < requests - maxAccepted) yield* Effect.sleep("10 millis");
        assert.deepStrictEqual(new Set(answered), new Set([503]));
        // Reading goes on meanwhile, and nobody takes the service for dead.
        assert.strictEqual((yield* http.get("/v1/orders", { as })).status, 200);
        assert.strictEqual((yield* inside.get("/readyz")).status, 200);
        yield* release;

        const answers = yield* Fiber.join(all);
        const placed = answers.filter(({ answer }) => answer.status === 201);
        const shed = answers.filter(({ answer }) => answer.status === 503);
        assert.strictEqual(placed.length + shed.length, requests);
        assert.isAtLeast(placed.length, maxQueuedInputs);
        for (const { answer } of shed) {
          assert.isTrue(TestHttp.isProblem(answer, "/v1/orders"), answer.text);
          assert.deepInclude(answer.body, { code: "SERV-503", retryAfterSeconds: 1 });
          assert.strictEqual(answer.headers["retry-after"], "1");
        }
        assert.sameMembers(
          [...(yield* storedOf(as.userId))],
          placed.map(({ answer }) => Orders.idOf(answer)),
        );

        // Whoever comes back with the same key gets an order, and whoever has one that one.
        const again = yield* Effect.forEach(answers, ({ body, key }) => place(key, body), {
          concurrency: maxQueuedInputs / 2,
        });
        assert.deepStrictEqual(new Set(again.map(({ answer }) => answer.status)), new Set([201]));
        const ids = new Map(again.map(({ answer, key }) => [key, Orders.idOf(answer)]));
        for (const { answer, key } of placed) assert.strictEqual(ids.get(key), Orders.idOf(answer));
        assert.sameMembers([...(yield* storedOf(as.userId))], [...ids.values()]);
        assert.strictEqual(new Set(ids.values()).size, requests);

        yield* bus.settled;
        for (const id of ids.values()) {
          assert.strictEqual((yield* bus.said(OrderPlaced, OrderId.make(id))).length, 1, id);
        }
      }),
  );

  it.effect("may come and go as they like: no burst leaves anything behind", () =>
    Effect.gen(function* () {
      const http = yield* outside;
      for (let round = 1; round <= 3; round++) {
        const { all, as } = yield* burst(http);
        const answers = yield* Fiber.join(all);
        for (const { answer } of answers) assert.include([201, 503], answer.status, answer.text);
        const placed = answers.filter(({ answer }) => answer.status === 201).map(({ answer }) => Orders.idOf(answer));
        assert.isNotEmpty(placed);
        assert.sameMembers([...(yield* storedOf(as.userId))], placed);
      }
      const { tokens } = yield* ServiceTest.ServiceTest;
      assert.strictEqual((yield* Orders.placed(yield* tokens.customer)).answer.status, 201);
    }),
  );
});
