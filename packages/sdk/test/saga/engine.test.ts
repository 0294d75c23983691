import { TestDatabase } from "@destiny/testkit/postgres";
import { assert, describe, it } from "@effect/vitest";
import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import type * as Scope from "effect/Scope";
import { TestClock } from "effect/testing";
import * as SqlClient from "effect/sql/SqlClient";
import { inject } from "vitest";
import { Database } from "../../src/machine/Database.ts";
import type { Delivery } from "../../src/machine/GroupCommit.ts";
import type { Draft, Envelope } from "../../src/message/Envelope.ts";
import { Message } from "../../src/message/index.ts";
import * as Ids from "../../src/message/Ids.ts";
import * as Inbox from "../../src/outbox/Inbox.ts";
import * as Outbox from "../../src/outbox/Outbox.ts";
import * as Tables from "../../src/outbox/Tables.ts";
import { SagaEngine, SagaHistory, SagaMigrations, SagaStore } from "../../src/saga/index.ts";
import type { SagaInput } from "../../src/saga/SagaState.ts";
import * as Migrations from "../../src/sql/Migrations.ts";
import * as Shop from "./Shop.ts";

const source = { source: "destiny/saga" };
const memory = () =>
  Layer.mergeAll(
    SagaStore.SagaStore.layerMemory,
    Database.layerMemory,
    Inbox.layerMemory,
    Outbox.layerMemory(source),
  ).pipe(Layer.fresh);
const postgres = () =>
  Layer.mergeAll(SagaStore.SagaStore.layer, Inbox.layer, Outbox.layer(source)).pipe(
    Layer.provideMerge(Database.layer),
    Layer.provide(Layer.effectDiscard(Migrations.run([Tables.migrations, SagaMigrations.migrations]))),
    Layer.provideMerge(TestDatabase.layer(inject("pgPort"))),
    Layer.fresh,
    Layer.orDie,
  );

/** Sweeps come when a test asks for them. */
const quiet: SagaEngine.Options = {
  definitions: [Shop.PlaceOrder],
  replies: Shop.replies,
  sweepMillis: 1e9,
  limits: { maxWeatherMillis: 0 },
};

const orderOf = (orderId: string): Shop.OrderPlaced => ({ orderId });

const envelope = Effect.fnUntraced(function* (draft: Draft) {
  const { orderedBy: _, ...message } = draft;
  return { ...message, id: yield* Ids.fresh, source: "destiny/other", time: 0 } satisfies Envelope;
});

const deliver = Effect.fnUntraced(function* (
  engine: SagaEngine.SagaEngine["Service"],
  envelopes: ReadonlyArray<Envelope>,
) {
  const at = yield* Clock.currentTimeMillis;
  const deliveries = envelopes.flatMap((envelope): ReadonlyArray<Delivery<SagaInput>> => {
    const meaning = engine.decode(envelope);
    if (meaning._tag === "Ignored") return [];
    if (meaning._tag === "Unreadable") return [{ ...meaning, envelope }];
    return [{ _tag: "Readable", input: { id: envelope.id, at, input: meaning.input, envelope } }];
  });
  return yield* engine.commit.apply(deliveries);
});

/** Takes everything out of the outbox. */
const sent = Effect.gen(function* () {
  const outbox = yield* Outbox.Outbox;
  const rows = yield* outbox.waiting({ limit: 1000, except: [], blocked: [] });
  yield* outbox.sent(rows);
  return rows.map((row) => row.envelope);
});

const commands = new Map<string, Message.AnyCommand>(
  Object.values(Shop).flatMap((one) =>
    typeof one === "object" && "kind" in one && one.kind === "command" ? [[one.type, one] as const] : [],
  ),
);

/** Participants that do all they are asked. */
const values: Readonly<Record<string, unknown>> = {
  [Shop.Validate.type]: { total: 500 },
  [Shop.Open.type]: { payUntil: 600_000 },
  [Shop.Close.type]: { state: "closed" },
};

const answersTo = (messages: ReadonlyArray<Envelope>) =>
  Effect.forEach(messages, (message) => {
    const command = commands.get(message.type);
    const done = { _tag: "Done", value: values[message.type] ?? {} } as const;
    return Effect.forEach(command === undefined ? [] : Message.reply(command, message, done), envelope);
  }).pipe(Effect.map((envelopes) => envelopes.flat()));

/** Lets participants answer until nothing is said any more; answers what was said. */
const settle = Effect.fnUntraced(function* (engine: SagaEngine.SagaEngine["Service"]) {
  const said: Array<Envelope> = [];
  for (;;) {
    const messages = yield* sent;
    if (messages.length === 0) return said;
    said.push(...messages);
    yield* deliver(engine, yield* answersTo(messages));
  }
});

const pay = (orderId: string) => envelope(Message.draft(Shop.Settled, { orderId, attemptId: "a1" }));
const historyOf = (id: string) =>
  Effect.flatMap(SagaHistory.history(id), (found) => Effect.fromNullishOr(found).pipe(Effect.orDie));

const suite = (name: string, stack: () => Layer.Layer<Services>) =>
  describe(name, () => {
    const test = (what: string, body: () => Effect.Effect<unknown, unknown, Services | Scope.Scope>) =>
      it.effect(what, () => Effect.provide(body(), stack()));

    test("runs an order from its event to its end, and proves it", () =>
      Effect.gen(function* () {
        const engine = yield* SagaEngine.make(quiet);
        yield* deliver(engine, [yield* envelope(Message.draft(Shop.Placed, orderOf("o1"), { correlationId: "c1" }))]);
        const said = yield* settle(engine);
        assert.strictEqual((yield* historyOf("place-order/o1")).status, "awaiting");
        yield* TestClock.adjust(5000);
        yield* deliver(engine, [yield* pay("o1")]);
        const rest = yield* settle(engine);
        const history = yield* historyOf("place-order/o1");
        assert.strictEqual(history.status, "completed");
        assert.strictEqual(history.steps.find((step) => step.name === "collect payment")?.durationMillis, 5000);
        assert.deepStrictEqual(
          history.journal.map(({ version }) => version),
          history.journal.map((_, index) => index + 1),
        );
        assert.deepStrictEqual(
          history.journal.flatMap(({ emitted }) => emitted),
          [...said, ...rest].map(({ id }) => id),
          "the journal names every message that was sent",
        );
        assert.isTrue([...said, ...rest].every(({ correlationId }) => correlationId === "c1"));
        assert.deepStrictEqual(yield* engine.audit(), [
          { id: "I7", checked: 1, violations: [] },
          { id: "I12", checked: 1, violations: [] },
        ]);
      }));

    test("a message that comes twice is decided once, and a saga is started once", () =>
      Effect.gen(function* () {
        const engine = yield* SagaEngine.make(quiet);
        const placed = yield* envelope(Message.draft(Shop.Placed, orderOf("o1")));
        const report = yield* deliver(engine, [placed, placed]);
        assert.deepInclude(report, { applied: 1, duplicates: 1 });
        assert.deepInclude(yield* deliver(engine, [placed]), { applied: 0, duplicates: 1 });
        assert.lengthOf(yield* sent, 1);
        const twice = yield* Effect.flip(engine.start(Shop.PlaceOrder, orderOf("o1"), { id: "again" }));
        assert.strictEqual(twice._tag === "SagaRejected" && twice.reason._tag, "AlreadyStarted");
        const id = yield* engine.start(Shop.PlaceOrder, orderOf("o2"), { id: "key" });
        assert.strictEqual(yield* engine.start(Shop.PlaceOrder, orderOf("o2"), { id: "key" }), id);
        assert.lengthOf(yield* sent, 1);
      }));

    test("a late answer is asked for again: a new message, the same operation", () =>
      Effect.gen(function* () {
        const engine = yield* SagaEngine.make(quiet);
        yield* engine.start(Shop.PlaceOrder, orderOf("o1"), { id: "key" });
        const [first] = yield* sent;
        assert.strictEqual(yield* engine.sweep, 0, "nothing is due yet");
        yield* TestClock.adjust(10_000);
        assert.strictEqual(yield* engine.sweep, 1);
        const [second] = yield* sent;
        assert.notStrictEqual(second?.id, first?.id);
        assert.strictEqual(second?.operationId, first?.operationId);
        assert.strictEqual(yield* engine.sweep, 0, "the next deadline is further away");
      }));

    test("the sweeper comes by itself", () =>
      Effect.gen(function* () {
        const engine = yield* SagaEngine.make({ ...quiet, sweepMillis: 500 });
        yield* engine.start(Shop.PlaceOrder, orderOf("o1"), { id: "key" });
        yield* sent;
        // A real database answers in real time: the clock moves until the sweep was seen.
        const again = yield* TestClock.adjust(10_000).pipe(
          Effect.andThen(sent),
          Effect.repeat({ until: (messages) => messages.length > 0, times: 1000 }),
        );
        assert.strictEqual(again[0]?.type, Shop.Validate.type);
      }));

    test("a saga that waits in vain closes, turns back and tells the order why", () =>
      Effect.gen(function* () {
        const engine = yield* SagaEngine.make(quiet);
        yield* engine.start(Shop.PlaceOrder, orderOf("o1"), { id: "key" });
        yield* settle(engine);
        yield* TestClock.adjust(Shop.payMillis);
        assert.strictEqual(yield* engine.sweep, 1);
        const said = yield* settle(engine);
        assert.deepStrictEqual(
          said.map(({ type }) => type),
          [Shop.Close.type, Shop.Void.type, Shop.Release.type, Shop.Fail.type],
        );
        assert.deepInclude(said.at(-1)?.data, { reason: "PAYMENT_EXPIRED", cancelled: false });
        assert.strictEqual((yield* historyOf("place-order/o1")).status, "compensated");
      }));

    test("stuck and overdue sagas are violations, until an operator acts", () =>
      Effect.gen(function* () {
        const engine = yield* SagaEngine.make(quiet);
        const id = yield* engine.start(Shop.PlaceOrder, orderOf("o1"), { id: "key" });
        yield* settle(engine);
        yield* deliver(engine, [yield* pay("o1")]);
        yield* sent;
        yield* TestClock.adjust(60_000);
        const [overdue] = yield* engine.audit();
        assert.deepStrictEqual(overdue?.violations, [{ id, what: "running is overdue" }]);
        for (let attempt = 0; attempt < 10; attempt++) {
          yield* engine.sweep;
          yield* TestClock.adjust(60_000);
        }
        yield* sent;
        const [stuck] = yield* engine.audit(["o7"]);
        assert.deepStrictEqual(stuck?.violations, [
          { id, what: "stuck: no answer after 10 attempts" },
          { id: "o7", what: "parked behind a dead letter" },
        ]);
        const kim = { actor: "kim", note: "stock is up again" };
        const refused = yield* Effect.flip(engine.operate(id, "Compensate", { id: "op1", ...kim }));
        assert.strictEqual(refused._tag === "SagaRejected" && refused.reason._tag, "NotApplicable");
        const outputs = yield* engine.operate(id, "Retry", { id: "op2", ...kim });
        assert.deepStrictEqual(
          yield* engine.operate(id, "Retry", { id: "op2", ...kim }),
          outputs,
          "the same answer again",
        );
        yield* settle(engine);
        const history = yield* historyOf(id);
        assert.strictEqual(history.status, "completed");
        assert.include(
          history.journal.map(({ kind }) => kind),
          "Retry",
        );
        assert.deepStrictEqual(
          (yield* engine.audit()).flatMap(({ violations }) => violations),
          [],
        );
      }));

    test("a process without the definition of a live saga does not start", () =>
      Effect.gen(function* () {
        const engine = yield* SagaEngine.make(quiet);
        yield* engine.start(Shop.PlaceOrder, orderOf("o1"), { id: "key" });
        const error = yield* Effect.flip(SagaEngine.make({ ...quiet, definitions: [] }));
        assert.deepInclude(error, { missing: [{ definition: "place-order", version: 1 }] });
      }));

    test("a process that meets a version it does not know takes nothing and is not ready", () =>
      Effect.gen(function* () {
        const old = yield* SagaEngine.make(quiet);
        const next = yield* SagaEngine.make({ ...quiet, definitions: [{ ...Shop.PlaceOrder, version: 2 }] });
        yield* next.start({ ...Shop.PlaceOrder, version: 2 }, orderOf("o1"), { id: "key" });
        const answers = yield* answersTo(yield* sent);
        const error = yield* Effect.flip(deliver(old, answers));
        assert.strictEqual(error.reason._tag, "Unavailable");
        assert.isFalse(yield* old.ready);
        assert.isTrue(yield* next.ready);
        yield* TestClock.adjust(31_000);
        assert.isTrue(yield* old.ready);
        assert.strictEqual(yield* old.sweep, 0, "it is left to the process that knows it");
        assert.strictEqual(yield* next.sweep, 1);
        assert.deepInclude(yield* deliver(next, answers), { applied: 1 });
      }));

    test("a broken answer is poison for itself alone", () =>
      Effect.gen(function* () {
        const engine = yield* SagaEngine.make(quiet);
        yield* engine.start(Shop.PlaceOrder, orderOf("o1"), { id: "k1" });
        yield* engine.start(Shop.PlaceOrder, orderOf("o2"), { id: "k2" });
        const [broken, whole] = yield* answersTo(yield* sent);
        assert.isDefined(broken);
        assert.isDefined(whole);
        const report = yield* deliver(engine, [{ ...broken, data: { _tag: "Done", value: {} } }, whole]);
        assert.strictEqual(report.applied, 1);
        assert.lengthOf(report.poisoned, 1);
        assert.strictEqual((yield* historyOf("place-order/o1")).version, 1);
        assert.strictEqual((yield* historyOf("place-order/o2")).version, 2);
      }));

    test("lists newest first, page after page, by filter", () =>
      Effect.gen(function* () {
        const engine = yield* SagaEngine.make(quiet);
        for (const name of ["a", "b", "c", "d", "e"]) {
          yield* engine.start(Shop.PlaceOrder, orderOf(name), { id: name });
          if (name !== "b") yield* TestClock.adjust(1);
        }
        yield* engine.cancel("place-order/c", "CHANGED_MIND", { id: "cancel" });
        const keys: Array<string> = [];
        let after: SagaStore.Position | undefined;
        do {
          const page = yield* SagaHistory.list({ limit: 2, after });
          keys.push(...page.items.map(({ key }) => key));
          after = page.next ?? undefined;
        } while (after !== undefined);
        assert.deepStrictEqual(keys, ["e", "d", "c", "b", "a"]);
        const compensating = yield* SagaHistory.list({ status: "compensating" });
        assert.deepStrictEqual(
          compensating.items.map(({ cancelled, key }) => [key, cancelled?.reason]),
          [["c", "CHANGED_MIND"]],
        );
        assert.lengthOf((yield* SagaHistory.list({ key: "a", definition: "place-order" })).items, 1);
        assert.lengthOf((yield* SagaHistory.list({ definition: "other" })).items, 0);
      }));

    test("messages of others are passed over, unreadable ones say why", () =>
      Effect.gen(function* () {
        const engine = yield* SagaEngine.make(quiet);
        const stray = yield* envelope(Message.draft(Shop.Completed, orderOf("o1")));
        assert.strictEqual(engine.decode(stray)._tag, "Ignored");
        const foreign = { ...stray, type: "x.reply", sagaId: "other/o1", operationId: "other/o1/x/do" };
        assert.strictEqual(engine.decode(foreign)._tag, "Ignored");
        assert.strictEqual(engine.decode({ ...(yield* pay("o1")), data: {} })._tag, "Unreadable");
        const asked = yield* envelope(Message.draft(Shop.CancelRequested, { orderId: "o1", reason: "CHANGED_MIND" }));
        assert.deepStrictEqual(engine.decode(asked), {
          _tag: "Input",
          input: { _tag: "Cancel", sagaId: "place-order/o1", reason: "CHANGED_MIND" },
        });
        assert.deepStrictEqual(
          engine.topics.map(({ name }) => name),
          ["saga.replies", "order.events", "payment.events"],
        );
      }));
  });

type Services =
  | SagaStore.SagaStore
  | Database
  | Layer.Success<typeof Inbox.layerMemory>
  | Layer.Success<ReturnType<typeof Outbox.layerMemory>>;

suite("sagas in memory", memory);
suite("sagas in PostgreSQL", postgres);

describe("evidence in PostgreSQL", () => {
  it.effect("a journal that was tampered with is found", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient;
      const engine = yield* SagaEngine.make(quiet);
      for (const name of ["o1", "o2"]) yield* engine.start(Shop.PlaceOrder, orderOf(name), { id: name });
      yield* settle(engine);
      yield* deliver(engine, [yield* pay("o1"), yield* pay("o2")]);
      yield* settle(engine);
      yield* sql`UPDATE saga_journal SET outputs_hash = 'x' WHERE saga_id = 'place-order/o1' AND saga_version = 3`;
      yield* sql`UPDATE saga SET state = jsonb_set(state, '{data,total}', '1') WHERE id = 'place-order/o2'`;
      const [, replayed] = yield* engine.audit();
      assert.strictEqual(replayed?.checked, 2);
      assert.deepStrictEqual(replayed?.violations.map(({ id, what }) => `${id} ${what}`).sort(), [
        "place-order/o1 version 3: Reply now says something else",
        "place-order/o2 version 8: the state at the end is not the recorded one",
      ]);
    }).pipe(Effect.provide(postgres())),
  );

  it.effect("two owners that begin one saga at once begin it once", () =>
    Effect.gen(function* () {
      const owners = yield* Effect.all(
        Array.from({ length: 4 }, () =>
          Layer.build(Layer.fresh(Database.layer)).pipe(
            Effect.flatMap((own) => Effect.provide(SagaEngine.make(quiet), own)),
          ),
        ),
      );
      for (let round = 0; round < 10; round++) {
        const results = yield* Effect.forEach(
          owners,
          (engine, index) =>
            Effect.result(engine.start(Shop.PlaceOrder, orderOf(`r${round}`), { id: `${round}/${index}` })),
          { concurrency: "unbounded" },
        );
        assert.lengthOf(
          results.filter((result) => result._tag === "Success"),
          1,
        );
      }
      assert.lengthOf(yield* sent, 10);
    }).pipe(Effect.provide(postgres())),
  );
});
