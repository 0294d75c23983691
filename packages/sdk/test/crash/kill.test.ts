import { EventBus, PostgresBus } from "@destiny/sdk/bus";
import { Ids, Message } from "@destiny/sdk/message";
import { OutboxAudit } from "@destiny/sdk/outbox";
import { ReservationAudit } from "@destiny/sdk/reservation";
import { TestDatabase } from "@destiny/testkit/postgres";
import { assert, describe, layer } from "@effect/vitest";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Redacted from "effect/Redacted";
import * as SqlClient from "effect/sql/SqlClient";
import { inject } from "vitest";
import * as Child from "./Child.ts";
import * as Pipeline from "./Pipeline.ts";

const bus = Layer.unwrap(
  Effect.map(TestDatabase.TestDatabase, ({ url }) => PostgresBus.layer({ url: Redacted.make(url) })),
);
const world = Layer.mergeAll(bus, Pipeline.standing).pipe(
  Layer.provideMerge(Pipeline.migrated),
  Layer.provideMerge(TestDatabase.layer(inject("pgPort"), { maxConnections: 3 })),
);

const plenty = Array.from({ length: 12 }, (_, index) => `plenty-${index}`);
const scarce = Array.from({ length: 8 }, (_, index) => `scarce-${index}`);
const claimed = plenty.filter((_, index) => index % 2 === 0);
const asks = [
  ...plenty.map((orderId) => ({ action: "Hold", orderId, sku: "plenty" }) as const),
  ...scarce.map((orderId) => ({ action: "Hold", orderId, sku: "scarce" }) as const),
  ...claimed.map((orderId) => ({ action: "Claim", orderId, sku: "plenty" }) as const),
];

const number = (statement: Effect.Effect<ReadonlyArray<{ readonly n: number }>, unknown>) =>
  Effect.map(Effect.orDie(statement), ([row]) => row?.n ?? 0);

/** Stocks the shelves and puts all commands on the bus; answers their ids. */
const prepare = Effect.gen(function* () {
  const port = yield* EventBus.EventBus;
  const stock = yield* Pipeline.makeStock();
  for (const [sku, quantity] of [
    ["plenty", 100],
    ["scarce", 3],
  ] as const) {
    yield* stock.submit({ id: `seed:${sku}`, at: 1, input: { _tag: "Restock", sku, quantity, cause: `seed ${sku}` } });
  }
  yield* port.createTopics([Pipeline.commands, Pipeline.answers]);
  const envelopes = yield* Effect.forEach(asks, (ask) =>
    Effect.map(Ids.fresh, (id) => ({
      ...Message.draft(Pipeline.Ask, ask, { replyTo: Pipeline.answers.name }),
      id,
      source: "test",
      time: 1,
    })),
  );
  yield* port.publish(envelopes);
  return envelopes.map(({ id }) => id);
});

/** How much is done on one side of the point and not on the other: more than nothing proves that the kill hit. */
const torn = Effect.fnUntraced(function* (point: Pipeline.Point) {
  const sql = yield* SqlClient.SqlClient;
  const applied = (consumer: string) =>
    number(sql`SELECT count(*)::int AS n FROM inbox WHERE consumer = ${consumer} AND id NOT LIKE 'seed:%'`);
  const position = (group: string) =>
    number(sql`SELECT coalesce(sum(position), 0)::int AS n FROM bus_position p JOIN bus_group g ON g.id = p.group_id
      WHERE g.name = ${group}`);
  const waiting = (published: boolean) =>
    number(sql`SELECT count(*)::int AS n FROM outbox
      WHERE ${published} = (id::text IN (SELECT headers::json->>'ce_id' FROM bus_message))`);
  switch (point) {
    case "before commit":
      return yield* number(sql`SELECT count(*)::int AS n FROM pg_stat_activity
        WHERE datname = current_database() AND state = 'idle in transaction' AND backend_xid IS NOT NULL`);
    case "after commit":
      return (yield* applied("reservation")) - (yield* position("reservation"));
    case "before publish":
      return yield* waiting(false);
    case "after publish":
      return yield* waiting(true);
    case "after consume":
      return (yield* applied("diary")) - (yield* position("diary"));
  }
});

const flowed = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient;
  const port = yield* EventBus.EventBus;
  const waiting = yield* number(sql`SELECT count(*)::int AS n FROM outbox`);
  const answered = yield* number(sql`SELECT count(*)::int AS n FROM inbox WHERE consumer = 'diary'`);
  const behind = [
    ...(yield* port.lag("reservation", [Pipeline.commands])),
    ...(yield* port.lag("diary", [Pipeline.answers])),
  ];
  return waiting === 0 && answered >= asks.length && behind.every(({ records }) => records === 0);
});

/** What lies on the answers' topic: per command, the ids of its answers. */
const answersOnTheBus = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient;
  return yield* sql<{ readonly cause: string; readonly ids: ReadonlyArray<string>; readonly records: number }>`
    SELECT headers::json->>'ce_causationid' AS cause, count(*)::int AS records,
      array_agg(DISTINCT headers::json->>'ce_id') AS ids
    FROM bus_message m JOIN bus_topic t ON t.id = m.topic_id WHERE t.name = ${Pipeline.answers.name} GROUP BY 1`;
});

const verify = Effect.fnUntraced(function* (commandIds: ReadonlyArray<string>) {
  const sql = yield* SqlClient.SqlClient;
  assert.deepStrictEqual(yield* sql`SELECT sku, total, held, claimed FROM stock ORDER BY sku`, [
    { sku: "plenty", total: 100, held: plenty.length - claimed.length, claimed: claimed.length },
    { sku: "scarce", total: 3, held: 3, claimed: 0 },
  ]);
  assert.deepStrictEqual(
    yield* sql`SELECT kind, sku, count(*)::int AS n, count(DISTINCT order_id)::int AS orders FROM stock_ledger
      WHERE kind <> 'Restock' GROUP BY kind, sku ORDER BY kind, sku`,
    [
      { kind: "Claim", sku: "plenty", n: claimed.length, orders: claimed.length },
      { kind: "Hold", sku: "plenty", n: plenty.length, orders: plenty.length },
      { kind: "Hold", sku: "scarce", n: 3, orders: 3 },
    ],
  );

  const answers = yield* answersOnTheBus;
  assert.deepStrictEqual(answers.map(({ cause }) => cause).sort(), [...commandIds].sort());
  assert.deepStrictEqual(
    answers.filter(({ ids }) => ids.length !== 1),
    [],
    "one command, one answer",
  );

  const diary = yield* sql<{ readonly key: string; readonly words: ReadonlyArray<string> }>`
    SELECT key, words FROM notebook`;
  const written = diary.flatMap(({ words }) => words.flatMap((word) => word.split(" ").slice(1)));
  assert.deepStrictEqual(written.sort(), answers.flatMap(({ ids }) => ids).sort(), "each answer is applied once");
  const outcomes = new Map(diary.map(({ key, words }) => [key, words.map((word) => word.split(" ")[0]).join(" ")]));
  for (const orderId of plenty) {
    assert.strictEqual(outcomes.get(orderId), claimed.includes(orderId) ? "Held Claimed" : "Held");
  }
  assert.deepStrictEqual(scarce.map((orderId) => outcomes.get(orderId) ?? "nothing").sort(), [
    ...Array.from({ length: 3 }, () => "Held"),
    ...Array.from({ length: 5 }, () => "Refused"),
  ]);

  assert.deepStrictEqual(yield* sql`SELECT * FROM dead_letter`, []);
  assert.deepStrictEqual(yield* sql`SELECT * FROM parked_key`, []);
  for (const { checked, id, violations } of [...(yield* ReservationAudit.audit), ...(yield* OutboxAudit.audit)]) {
    assert.deepStrictEqual(violations, [], id);
    assert.isAbove(checked, 0, id);
  }
  return answers.reduce((sum, { records }) => sum + records, 0);
});

describe("kill -9 of the pipeline", () => {
  for (const point of Pipeline.points) {
    layer(world, { excludeTestServices: true })(point, (it) => {
      it.effect("every command has one effect and one answer, which is applied once", () =>
        Effect.gen(function* () {
          const { url } = yield* TestDatabase.TestDatabase;
          const commandIds = yield* prepare;
          const victim = yield* Child.start(url, point);
          yield* Child.eventually(`the child is at "${point}"`, victim.said(point));
          assert.isAbove(yield* torn(point), 0, "the kill comes between the two effects");
          assert.isFalse(yield* flowed);
          assert.strictEqual(yield* victim.kill, "SIGKILL");

          yield* Child.start(url);
          yield* Child.eventually("everything flows", flowed);
          const records = yield* verify(commandIds);
          // Only a relay that dies before it noted what it published says something again, and under the same id.
          if (point === "after publish") assert.isAbove(records, commandIds.length);
        }),
      );
    });
  }
});
