import { assert, describe, layer } from "@effect/vitest";
import { EventBus } from "@destiny/sdk/bus";
import { Envelope, Ids } from "@destiny/sdk/message";
import { Consumer, DeadLetters } from "@destiny/sdk/outbox";
import { TestDatabase } from "@destiny/testkit/postgres";
import * as Context from "effect/Context";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Logger from "effect/Logger";
import * as SqlClient from "effect/sql/SqlClient";
import * as Tracer from "effect/Tracer";
import { inject } from "vitest";
import * as Notebook from "./Notebook.ts";

const ids = Ids.seeded(7);
let sequence = 0;

const said = (key: string, word: string, data: unknown = { key, word }): Envelope.Envelope => ({
  id: ids.next(1_700_000_000_000),
  source: "destiny/elsewhere",
  type: Notebook.Appended.type,
  topic: Notebook.topic.name,
  key,
  time: 1_700_000_000_000,
  sequence: ++sequence,
  data,
});

/** A bus whose deliveries the test makes itself: what the consumer subscribed with is called directly. */
const consuming = Effect.gen(function* () {
  const commit = yield* Notebook.make;
  let handler: (batch: ReadonlyArray<EventBus.BusRecord>) => Effect.Effect<void, unknown> = () => Effect.void;
  const bus = EventBus.EventBus.of({
    implementation: "by hand",
    createTopics: () => Effect.void,
    publish: () => Effect.void,
    lag: () => Effect.succeed([]),
    subscribe: (_, handle) => Effect.sync(() => void (handler = handle)),
  });
  yield* Consumer.run({ group: "notebook", topics: [Notebook.topic], decode: Notebook.decode, commit }).pipe(
    Effect.provideService(EventBus.EventBus, bus),
  );
  const deadLetters = yield* DeadLetters.make({ consumer: "notebook", decode: Notebook.decode, commit });
  const deliver = (...envelopes: ReadonlyArray<Envelope.Envelope>) =>
    handler(
      envelopes.map((envelope, offset) => ({
        _tag: "Readable",
        topic: envelope.topic,
        partition: 0,
        offset,
        envelope,
      })),
    );
  return { deliver, deadLetters };
});

const withDatabase = Notebook.layer.pipe(Layer.provideMerge(TestDatabase.layer(inject("pgPort"))));

/** Repairs what made "constraint" poison, as a deploy would. */
const repair = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient;
  yield* sql`ALTER TABLE notebook DROP CONSTRAINT notebook_words_check`;
});

describe("Consumer", () => {
  layer(withDatabase, { excludeTestServices: true })("with the same message twice", (it) => {
    it.effect("applies it once: within a batch, in the next batch, and next to new ones", () =>
      Effect.gen(function* () {
        const { deliver } = yield* consuming;
        const [one, two] = [said("a", "one"), said("a", "two")];
        yield* deliver(one, one);
        yield* deliver(one, two);
        assert.deepStrictEqual(yield* Notebook.words("a"), ["one", "two"]);
      }),
    );

    it.effect("what is logged about a dead letter carries the trace of its message", () =>
      Effect.gen(function* () {
        const { deliver } = yield* consuming;
        const traceId = "0af7651916cd43dd8448eb211c80319c";
        const seen: Array<string | undefined> = [];
        const logger = Logger.make<unknown, void>(({ fiber, message }) => {
          if (String(message).startsWith("dead letter"))
            seen.push(Context.getOrUndefined(fiber.context, Tracer.ParentSpan)?.traceId);
        });
        const bad = { ...said("traced", "defect"), traceparent: `00-${traceId}-b7ad6b7169203331-01` };
        yield* deliver(said("other", "one"), bad).pipe(Effect.provide(Logger.layer([logger])));
        assert.deepStrictEqual(seen, [traceId]);
      }),
    );

    it.effect("messages of a type that nobody here takes leave no trace", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient;
        const { deliver } = yield* consuming;
        const other = { ...said("z", "x"), type: "somebody.else.v1" };
        yield* deliver(other);
        assert.strictEqual((yield* sql`SELECT 1 FROM inbox WHERE id = ${other.id}`).length, 0);
      }),
    );
  });

  for (const [kind, poison] of [
    ["a message that cannot be decoded", () => said("a", "", { key: "a", word: 7 })],
    ["an input on which the machine breaks", () => said("a", "defect")],
    ["an input that breaks a constraint of the database", () => said("a", "constraint")],
  ] as const) {
    layer(withDatabase, { excludeTestServices: true })(`with ${kind}`, (it) => {
      it.effect("sets it aside with its reason, parks its key, and lets other keys flow", () =>
        Effect.gen(function* () {
          const { deadLetters, deliver } = yield* consuming;
          const bad = poison();
          const behind = [said("a", "behind one"), said("a", "behind two")] as const;
          yield* deliver(said("b", "one"), said("a", "before"), bad, said("b", "two"), behind[0], said("c", "one"));
          yield* deliver(behind[1], said("b", "three"));
          yield* deliver(bad, behind[0], behind[1]);
          assert.deepStrictEqual(yield* Notebook.words("a"), ["before"]);
          assert.deepStrictEqual(yield* Notebook.words("b"), ["one", "two", "three"]);
          assert.deepStrictEqual(yield* Notebook.words("c"), ["one"]);
          const letters = yield* deadLetters.list();
          assert.deepStrictEqual(
            letters.map(({ id, reason }) => [id, reason !== null]),
            [
              [bad.id, true],
              [behind[0].id, false],
              [behind[1].id, false],
            ],
          );
        }),
      );
    });
  }

  layer(withDatabase, { excludeTestServices: true })("with a parked key", (it) => {
    it.effect("a retry that fails again moves nothing; after the repair it applies all in order and unparks", () =>
      Effect.gen(function* () {
        const { deadLetters, deliver } = yield* consuming;
        yield* deliver(said("a", "constraint"), said("a", "behind"));
        const failed = yield* deadLetters.retry("a", "operator");
        assert.deepStrictEqual([failed.applied, failed.waiting], [0, 2]);
        assert.isNotNull(failed.reason);
        yield* repair;
        const repaired = yield* deadLetters.retry("a", "operator");
        assert.deepStrictEqual(repaired, { applied: 2, waiting: 0, reason: null });
        yield* deliver(said("a", "after"));
        assert.deepStrictEqual(yield* Notebook.words("a"), ["constraint", "behind", "after"]);
        assert.deepStrictEqual(yield* deadLetters.list(), []);
        const sql = yield* SqlClient.SqlClient;
        const trail = yield* sql<{ readonly action: string; readonly actor: string }>`
          SELECT action, actor FROM dead_letter_action ORDER BY position`;
        assert.deepStrictEqual(
          trail.map(({ action, actor }) => `${actor} ${action}`),
          ["operator retry", "operator retry"],
        );
        const applied = yield* deadLetters.list({ status: "applied" });
        yield* deadLetters.drop(applied[0]?.id ?? "", "operator");
        assert.deepStrictEqual(
          (yield* deadLetters.list({ status: "applied" })).map(({ id }) => id),
          applied.map(({ id }) => id),
          "what is applied cannot be dropped any more",
        );
      }),
    );
  });

  layer(withDatabase, { excludeTestServices: true })("with a dropped message", (it) => {
    it.effect("those behind it go on, and a late duplicate of it stays dropped", () =>
      Effect.gen(function* () {
        const { deadLetters, deliver } = yield* consuming;
        const bad = said("a", "constraint");
        yield* deliver(bad, said("a", "behind"));
        const outcome = yield* deadLetters.drop(bad.id, "operator");
        assert.deepStrictEqual(outcome, { applied: 1, waiting: 0, reason: null });
        yield* repair;
        yield* deliver(bad, said("a", "after"));
        assert.deepStrictEqual(yield* Notebook.words("a"), ["behind", "after"]);
        const missing = yield* Effect.flip(deadLetters.drop("nowhere", "operator"));
        assert.strictEqual(missing._tag, "DeadLetterNotFound");
      }),
    );
  });
});
