import { assert, layer } from "@effect/vitest";
import * as Effect from "effect/Effect";
import * as SqlClient from "effect/sql/SqlClient";
import { AwaitPayment, CloseOrder, CompleteOrder } from "../../src/contracts/index.ts";
import { ServiceTest } from "../shared/ServiceTest.ts";
import * as Orders from "./Orders.ts";

/** An order whose first command cannot be applied, with an innocent one behind it. */
const parked = Effect.gen(function* () {
  const { bus, http, tokens } = yield* ServiceTest;
  const { id: orderId } = yield* Orders.placed(yield* tokens.customer);
  const bad = yield* bus.envelope(CompleteOrder, { orderId });
  const behind = yield* bus.envelope(AwaitPayment, { orderId, ...(yield* Orders.priced()) });
  yield* bus.publish(bad, behind);
  yield* bus.settled;
  const as = yield* tokens.master;
  return {
    as,
    orderId,
    bad: bad.id,
    behind: behind.id,
    act: (id: string, action: string) => http.post(`/v1/dead-letters/${id}/${action}`, { as, body: {} }),
    status: Effect.map(http.get(`/v1/orders/${orderId}`, { as }), ({ body }) => body["status"]),
  };
});

layer(Orders.service, { excludeTestServices: true })("the dead letters of a service", (it) => {
  it.effect("are listed with the reason of the first, and shown with what they say", () =>
    Effect.gen(function* () {
      const { http } = yield* ServiceTest;
      const { as, bad, behind, orderId } = yield* parked;
      const list = yield* http.get("/v1/dead-letters", { as });
      const mine = (list.body["items"] as ReadonlyArray<Record<string, unknown>>).filter(({ key }) => key === orderId);
      assert.deepStrictEqual(
        mine.map(({ id, status, type }) => [id, type, status]),
        [
          [bad, CompleteOrder.type, "parked"],
          [behind, AwaitPayment.type, "parked"],
        ],
      );
      assert.match(String(mine[0]?.["reason"]), /does not fit an order that is PENDING/);
      assert.isNull(mine[1]?.["reason"]);
      const shown = yield* http.get(`/v1/dead-letters/${bad}`, { as });
      assert.deepStrictEqual([shown.status, shown.body["data"]], [200, { orderId }]);
      const never = yield* http.get("/v1/dead-letters/nobody", { as });
      assert.deepStrictEqual([never.status, never.body["code"]], [404, "DLQ-001"]);
    }),
  );

  it.effect("a retry that fails again says why and keeps all of them waiting in order", () =>
    Effect.gen(function* () {
      const { act, behind, status } = yield* parked;
      const retried = yield* act(behind, "retry");
      assert.deepStrictEqual(
        [retried.status, retried.body["applied"], retried.body["waiting"]],
        [200, 0, 2],
        "not before the one in front of it",
      );
      assert.match(String(retried.body["reason"]), /does not fit/);
      assert.strictEqual(yield* status, "PENDING");
    }),
  );

  it.effect("a dropped one lets those behind it go on, once; who did it stays on record", () =>
    Effect.gen(function* () {
      const { bus } = yield* ServiceTest;
      const { act, as, bad, orderId, status } = yield* parked;
      const dropped = yield* act(bad, "drop");
      assert.deepStrictEqual(dropped.body, { applied: 1, waiting: 0, reason: null });
      assert.strictEqual(yield* status, "WAITING_PAYMENT");
      yield* bus.ask(CloseOrder, { orderId, outcome: { _tag: "Canceled" } });
      assert.strictEqual(yield* status, "CANCELED", "its key flows again");
      const sql = yield* SqlClient.SqlClient;
      const trail = yield* sql<{ readonly action: string; readonly actor: string }>`
        SELECT action, actor FROM dead_letter_action WHERE key = ${orderId}`;
      assert.deepStrictEqual(trail, [{ action: "drop", actor: as.userId }]);
    }),
  );
});
