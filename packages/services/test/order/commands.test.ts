import { assert, describe, layer } from "@effect/vitest";
import { Ids, type Message } from "@destiny/sdk/message";
import * as Effect from "effect/Effect";
import { AwaitPayment, CloseOrder, CompleteOrder, type OrderId } from "../../src/contracts/index.ts";
import { ServiceTest } from "../shared/ServiceTest.ts";
import * as Orders from "./Orders.ts";

const done = { _tag: "Done", value: {} } as const;

/** Everything of an order that a command may change. */
const stored = (id: OrderId) =>
  Effect.gen(function* () {
    const { http, tokens } = yield* ServiceTest;
    const { body } = yield* http.get(`/v1/orders/${id}`, { as: yield* tokens.master });
    return body;
  });

layer(Orders.service, { excludeTestServices: true })("commands of the saga", (it) => {
  const fresh = Effect.gen(function* () {
    const { tokens } = yield* ServiceTest;
    return (yield* Orders.placed(yield* tokens.customer)).id;
  });
  const payable = Effect.gen(function* () {
    const { bus } = yield* ServiceTest;
    const orderId = yield* fresh;
    yield* bus.ask(AwaitPayment, { orderId, ...(yield* Orders.priced()) });
    return orderId;
  });
  const completed = Effect.gen(function* () {
    const { bus } = yield* ServiceTest;
    const orderId = yield* payable;
    yield* bus.ask(CompleteOrder, { orderId });
    return orderId;
  });
  const failure = { _tag: "Failed", reason: "PAYMENT_EXPIRED", detail: "ten minutes" } as const;

  const cases: ReadonlyArray<{
    readonly name: string;
    readonly from: typeof fresh;
    readonly definition: Message.AnyCommand;
    readonly payload: (orderId: OrderId) => Effect.Effect<unknown>;
    readonly expected: Readonly<Record<string, unknown>>;
  }> = [
    {
      name: "await-payment",
      from: fresh,
      definition: AwaitPayment,
      payload: (orderId) => Effect.map(Orders.priced(3), (prices) => ({ orderId, ...prices })),
      expected: { status: "WAITING_PAYMENT", originalAmount: 3000, finalAmount: 3000, failureReason: null },
    },
    {
      name: "complete",
      from: payable,
      definition: CompleteOrder,
      payload: (orderId) => Effect.succeed({ orderId }),
      expected: { status: "COMPLETED", finalAmount: 1000, failureReason: null },
    },
    {
      name: "close as failed",
      from: payable,
      definition: CloseOrder,
      payload: (orderId) => Effect.succeed({ orderId, outcome: failure }),
      expected: { status: "FAILED", failureReason: "PAYMENT_EXPIRED", failureDetail: "ten minutes" },
    },
    {
      name: "close a pending order as cancelled",
      from: fresh,
      definition: CloseOrder,
      payload: (orderId) => Effect.succeed({ orderId, outcome: { _tag: "Canceled" } }),
      expected: { status: "CANCELED", failureReason: null, failureDetail: null },
    },
  ];

  for (const { definition, expected, from, name, payload } of cases) {
    it.effect(
      `${name}: delivered twice and sent again under a new id it moves the order once, and each sending is answered`,
      () =>
        Effect.gen(function* () {
          const { bus } = yield* ServiceTest;
          const orderId = yield* from;
          const operationId = yield* Ids.fresh;
          const command = yield* bus.envelope(definition, yield* payload(orderId), { operationId });
          yield* bus.publish(command, command);
          yield* bus.settled;
          yield* bus.publish(command);
          yield* bus.settled;
          assert.deepStrictEqual(
            yield* bus.replies(definition, operationId),
            [done],
            "a redelivery is no new question",
          );
          const moved = yield* stored(orderId);
          assert.containsSubset(moved, expected);

          const again = yield* bus.envelope(definition, yield* payload(orderId), { operationId });
          yield* bus.publish(again, again);
          yield* bus.settled;
          assert.deepStrictEqual(yield* bus.replies(definition, operationId), [done, done]);
          assert.deepStrictEqual(
            yield* stored(orderId),
            moved,
            "the second sending changes nothing, not even the time",
          );
          const replies = (yield* bus.all).filter(
            (one) => one.operationId === operationId && one.replyTo === undefined,
          );
          assert.deepStrictEqual(
            replies.map(({ key, topic }) => [topic, key]),
            Array.from({ length: 2 }, () => ["saga.replies", orderId]),
          );
          assert.deepStrictEqual(yield* bus.deadLetters, []);
        }),
    );
  }

  it.effect("a late await-payment of an order that has moved on is answered and changes nothing", () =>
    Effect.gen(function* () {
      const { bus } = yield* ServiceTest;
      const orderId = yield* completed;
      const before = yield* stored(orderId);
      assert.deepStrictEqual(yield* bus.ask(AwaitPayment, { orderId, ...(yield* Orders.priced(9)) }), done);
      assert.deepStrictEqual(yield* stored(orderId), before);
    }),
  );
});

describe("commands that no order can follow", () => {
  layer(Orders.service, { excludeTestServices: true })("set aside", (it) => {
    it.effect("an impossible transition is a dead letter with its reason: its order waits, every other one flows", () =>
      Effect.gen(function* () {
        const { bus, tokens } = yield* ServiceTest;
        const as = yield* tokens.customer;
        const [broken, healthy] = [(yield* Orders.placed(as)).id, (yield* Orders.placed(as)).id];
        const bad = yield* bus.envelope(CompleteOrder, { orderId: broken });
        const behind = yield* bus.envelope(AwaitPayment, { orderId: broken, ...(yield* Orders.priced()) });
        const other = yield* bus.envelope(AwaitPayment, { orderId: healthy, ...(yield* Orders.priced()) });
        yield* bus.publish(bad, behind, other, bad);
        yield* bus.settled;
        const letters = yield* bus.deadLetters;
        assert.deepStrictEqual(
          letters.map(({ id, key }) => [id, key]),
          [
            [bad.id, broken],
            [behind.id, broken],
          ],
        );
        assert.match(letters[0]?.reason ?? "", /Complete does not fit an order that is PENDING/);
        assert.isNull(letters[1]?.reason, "innocent, but behind");
        assert.deepStrictEqual(yield* bus.replies(CompleteOrder, bad.id), [], "never an answer that it did not do");
        assert.deepStrictEqual(yield* bus.replies(AwaitPayment, other.id), [done]);
        assert.deepStrictEqual(
          [(yield* stored(broken))["status"], (yield* stored(healthy))["status"]],
          ["PENDING", "WAITING_PAYMENT"],
        );
      }),
    );

    it.effect("an order that nobody placed, and a command that cannot be read, are dead letters as well", () =>
      Effect.gen(function* () {
        const { bus, tokens } = yield* ServiceTest;
        const unknown = yield* bus.envelope(CompleteOrder, { orderId: "0190a000-0000-7000-8000-00000000dead" });
        const { id } = yield* Orders.placed(yield* tokens.customer);
        const unreadable = yield* bus.envelope(
          CloseOrder,
          { orderId: id, outcome: { _tag: "Canceled" } },
          { data: { orderId: id, outcome: { _tag: "Exploded" } } },
        );
        yield* bus.publish(unknown, unreadable);
        yield* bus.settled;
        const reasons = new Map((yield* bus.deadLetters).map((letter) => [letter.id, letter.reason]));
        assert.match(reasons.get(unknown.id) ?? "", /never placed/);
        assert.match(reasons.get(unreadable.id) ?? "", /outcome/);
      }),
    );
  });
});
