import { assert, describe, layer } from "@effect/vitest";
import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import * as Fiber from "effect/Fiber";
import { AwaitPayment } from "../../src/contracts/index.ts";
import { ServiceTest } from "../shared/ServiceTest.ts";
import { type Answer, fieldsOf, itemsOf, nextOf } from "../shared/TestHttp.ts";
import * as Orders from "./Orders.ts";

const idsOf = (answer: Parameters<typeof itemsOf>[0]) => itemsOf(answer).map(({ id }) => id);

layer(Orders.service, { excludeTestServices: true })("reading orders", (it) => {
  it.effect("somebody else's order is as unknown as one that never was; a MASTER sees it", () =>
    Effect.gen(function* () {
      const { http, tokens } = yield* ServiceTest;
      const [owner, stranger, master] = [yield* tokens.customer, yield* tokens.partner, yield* tokens.master];
      const { answer, id } = yield* Orders.placed(owner);
      const never = yield* Orders.product;
      const foreign = yield* http.get(`/v1/orders/${id}`, { as: stranger });
      const unknown = yield* http.get(`/v1/orders/${never}`, { as: stranger });
      const told = ({ body: { instance: _, traceId: __, ...problem } }: typeof foreign) => problem;
      assert.deepStrictEqual([foreign.status, foreign.body["code"]], [404, "ORDER-001"]);
      assert.deepStrictEqual(told(foreign), told(unknown));
      assert.deepStrictEqual((yield* http.get(`/v1/orders/${id}`, { as: master })).body, answer.body);
    }),
  );

  it.effect("an id that is no UUID is 400 and names the path", () =>
    Effect.gen(function* () {
      const { http, tokens } = yield* ServiceTest;
      const as = yield* tokens.customer;
      for (const id of ["1", "null", "%00", "0190A000-0000-7000-8000-00000000B0B0", "' OR 1=1 --"]) {
        const answer = yield* http.get(`/v1/orders/${encodeURI(id)}`, { as });
        assert.deepStrictEqual([answer.status, fieldsOf(answer)], [400, ["path.id"]], id);
      }
    }),
  );

  it.effect("lists page through one's own orders, newest first, each once; a MASTER pages through everybody's", () =>
    Effect.gen(function* () {
      const { http, tokens } = yield* ServiceTest;
      const [shopper, other, master] = [yield* tokens.customer, yield* tokens.customer, yield* tokens.master];
      const mine: Array<string> = [];
      for (let n = 0; n < 5; n++) mine.unshift((yield* Orders.placed(shopper)).id);
      const theirs = (yield* Orders.placed(other)).id;

      const walk = Effect.fnUntraced(function* (as: typeof shopper, limit: number) {
        const seen: Array<unknown> = [];
        let cursor: string | undefined = "";
        while (cursor !== undefined) {
          const page: Answer = yield* http.get(`/v1/orders?limit=${limit}&${cursor}`, { as });
          assert.isAtMost(itemsOf(page).length, limit);
          seen.push(...idsOf(page));
          cursor = nextOf(page);
        }
        return seen;
      });

      assert.deepStrictEqual(yield* walk(shopper, 2), mine);
      assert.deepStrictEqual(yield* walk(shopper, 5), mine);
      const all = yield* walk(master, 3);
      assert.deepStrictEqual(all.slice(0, 6), [theirs, ...mine]);
      assert.strictEqual(new Set(all).size, all.length);
      const spied = yield* http.get("/v1/orders?limit=2", { as: shopper });
      assert.deepStrictEqual(
        idsOf(yield* http.get(`/v1/orders?${nextOf(spied)}`, { as: other })),
        [],
        "only a position",
      );
    }),
  );

  it.effect("a limit outside of 1 to 100 and a cursor of somewhere else are 400", () =>
    Effect.gen(function* () {
      const { http, tokens } = yield* ServiceTest;
      const as = yield* tokens.customer;
      const cursorOf = (position: unknown) => Buffer.from(JSON.stringify(position)).toString("base64url");
      const { id } = yield* Orders.placed(as);
      for (const [query, field] of [
        ["limit=0", "query.limit"],
        ["limit=101", "query.limit"],
        ["limit=1.5", "query.limit"],
        ["limit=many", "query.limit"],
        ["cursor=%21", "query.cursor"],
        [`cursor=${cursorOf({ id })}`, "query.cursor"],
        [`cursor=${cursorOf({ at: 9e15, id })}`, "query.cursor"],
        [`cursor=${cursorOf({ at: -1, id })}`, "query.cursor"],
        [`cursor=${cursorOf({ at: 1, id: "x" })}`, "query.cursor"],
      ] as const) {
        const answer = yield* http.get(`/v1/orders?${query}`, { as });
        assert.strictEqual(answer.status, 400, query);
        assert.isTrue(
          fieldsOf(answer).every((one) => one.startsWith(field)),
          `${query}: ${fieldsOf(answer).join()}`,
        );
      }
      const latest = yield* http.get(`/v1/orders?cursor=${cursorOf({ at: 253_402_300_799_999, id })}`, { as });
      assert.deepStrictEqual(idsOf(latest), [id], "the last instant that a cursor may name");
    }),
  );
});

describe("Prefer: wait", () => {
  layer(Orders.service, { excludeTestServices: true })("on an order", (it) => {
    it.effect("answers at once when the status already is another than `since`", () =>
      Effect.gen(function* () {
        const { http, tokens } = yield* ServiceTest;
        const as = yield* tokens.customer;
        const { id } = yield* Orders.placed(as);
        const answer = yield* http
          .get(`/v1/orders/${id}?since=WAITING_PAYMENT`, { as, headers: { prefer: "wait=20" } })
          .pipe(Effect.timeout("5 seconds"));
        assert.strictEqual(answer.body["status"], "PENDING");
      }),
    );

    it.effect("wakes everybody who waits when the status changes, and nobody who waits for another order", () =>
      Effect.gen(function* () {
        const { bus, http, tokens } = yield* ServiceTest;
        const as = yield* tokens.customer;
        const [mine, other] = [yield* Orders.placed(as), yield* Orders.placed(as)];
        const waitFor = (id: string) =>
          Effect.forkChild(
            http.get(`/v1/orders/${id}?since=PENDING`, { as, headers: { prefer: "respond-async, wait=20" } }),
          );
        const waiting = [yield* waitFor(mine.id), yield* waitFor(mine.id)];
        const elsewhere = yield* waitFor(other.id);
        const reply = yield* bus.ask(AwaitPayment, { orderId: mine.id, ...(yield* Orders.priced()) });
        assert.deepStrictEqual(reply, { _tag: "Done", value: {} });
        const answers = yield* Effect.forEach(waiting, (fiber) => Fiber.join(fiber)).pipe(Effect.timeout("5 seconds"));
        assert.deepStrictEqual(
          answers.map(({ body }) => [body["status"], body["finalAmount"]]),
          [
            ["WAITING_PAYMENT", 1000],
            ["WAITING_PAYMENT", 1000],
          ],
        );
        assert.isUndefined(elsewhere.pollUnsafe());
        yield* Fiber.interrupt(elsewhere);
      }),
    );

    it.effect("ends with the unchanged order when the wait is over, and without waiting for a stranger", () =>
      Effect.gen(function* () {
        const { http, tokens } = yield* ServiceTest;
        const as = yield* tokens.customer;
        const { answer: placed, id } = yield* Orders.placed(as);
        const started = yield* Clock.currentTimeMillis;
        const answer = yield* http.get(`/v1/orders/${id}`, { as, headers: { prefer: "wait=1" } });
        assert.isAtLeast((yield* Clock.currentTimeMillis) - started, 1000);
        assert.deepStrictEqual([answer.status, answer.body], [200, placed.body]);
        const stranger = yield* http
          .get(`/v1/orders/${id}?since=PENDING`, { as: yield* tokens.customer, headers: { prefer: "wait=20" } })
          .pipe(Effect.timeout("5 seconds"));
        assert.strictEqual(stranger.status, 404);
        const status = yield* http.get(`/v1/orders/${id}?since=NEVER`, { as, headers: { prefer: "wait=20" } });
        assert.deepStrictEqual([status.status, fieldsOf(status)], [400, ["query.since"]]);
      }),
    );
  });
});
