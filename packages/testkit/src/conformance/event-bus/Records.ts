/** What is published arrives: as it was said, in its order, soon. */
import { type Envelope } from "@destiny/sdk/message";
import { assert, type Vitest } from "@effect/vitest";
import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import * as Fiber from "effect/Fiber";
import * as Scope from "effect/Scope";
import {
  assertDenseOffsets,
  countTo,
  envelope,
  eventually,
  followed,
  idOf,
  log,
  prepared,
  sequenceOf,
  type Subject,
  topicOf,
  unique,
} from "./Subject.ts";

export const records = <R, E>(it: Vitest.MethodsNonLive<R>, subject: Subject<R, E>): void => {
  it.effect("records of a key keep their order and offsets are dense, with four publishers at once", () =>
    Effect.gen(function* () {
      const { bus, seen, topic } = yield* followed(subject, 4);
      const publisher = (who: number) =>
        Effect.forEach(
          countTo(25),
          (round) => bus.publish(countTo(8).map((place) => envelope(topic, `${who}-${place % 4}`, round * 8 + place))),
          { discard: true },
        );
      yield* Effect.forEach(countTo(4), publisher, { concurrency: "unbounded", discard: true });
      yield* eventually(
        "all records arrive",
        Effect.sync(() => seen.records.length >= 800),
      );
      assert.strictEqual(seen.ids.size, 800);
      assertDenseOffsets(seen.records);
      const last = new Map<string, number>();
      for (const record of seen.records) {
        const key = record._tag === "Readable" ? record.envelope.key : "";
        assert.isAbove(sequenceOf(record), last.get(key) ?? -1, `order of key ${key}`);
        last.set(key, sequenceOf(record));
      }
    }),
  );

  it.effect("an envelope arrives as it was published", () =>
    Effect.gen(function* () {
      const { bus, seen, topic } = yield* followed(subject, 1);
      const full: Envelope.Envelope = {
        ...envelope(topic, "키", 7),
        subject: "subject",
        correlationId: "correlation",
        causationId: "causation",
        sagaId: "saga",
        operationId: "operation",
        replyTo: "replies",
        traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        data: { text: '한글 \u0000 "quoted"', none: null, list: [1, 2.5, true] },
      };
      yield* bus.publish([full]);
      yield* eventually(
        "the record arrives",
        Effect.sync(() => seen.records.length > 0),
      );
      const [record] = seen.records;
      assert.deepStrictEqual(record?._tag === "Readable" ? record.envelope : record, full);
    }),
  );

  const { stall } = subject;
  if (stall !== undefined) {
    it.effect("a publisher that commits late loses nothing and leaves no gap", () =>
      Effect.gen(function* () {
        const bus = yield* subject.instance;
        const [topic, barrier] = [topicOf(1), topicOf(1)];
        yield* bus.createTopics([topic, barrier]);
        const [seen, passed] = [log(), log()];
        const group = unique("group");
        yield* bus.subscribe({ group, topics: [topic, barrier] }, (batch) =>
          Effect.andThen(
            seen.add(batch.filter((record) => record.topic === topic.name)),
            passed.add(batch.filter((record) => record.topic === barrier.name)),
          ),
        );
        yield* bus.publish([envelope(topic, "a", 0)]);
        const transaction = yield* Scope.make();
        yield* Scope.provide(stall(envelope(topic, "a", 1)), transaction);
        const later = yield* Effect.forkChild(bus.publish([envelope(topic, "a", 2)]), { startImmediately: true });
        // Each round trip of the barrier gives the late records a chance to be overtaken.
        for (const index of countTo(5)) {
          yield* bus.publish([envelope(barrier, "b", index)]);
          yield* eventually(
            "the barrier passes",
            Effect.sync(() => passed.ids.size === index + 1),
          );
        }
        assert.deepStrictEqual(seen.records.map(sequenceOf), [0]);
        yield* Scope.close(transaction, Exit.void);
        yield* Fiber.join(later);
        yield* eventually(
          "all three arrive",
          Effect.sync(() => seen.records.length >= 3),
        );
        assert.deepStrictEqual(seen.records.map(sequenceOf), [0, 1, 2]);
        assertDenseOffsets(seen.records);
      }),
    );
  }

  const { putUnreadable } = subject;
  if (putUnreadable !== undefined) {
    it.effect("what is no envelope is delivered as unreadable, in its turn, and blocks nothing", () =>
      Effect.gen(function* () {
        const { bus, topic } = yield* prepared(subject, 1);
        yield* bus.publish([envelope(topic, "a", 0)]);
        yield* putUnreadable(topic);
        yield* bus.publish([envelope(topic, "a", 1)]);
        const seen = log();
        yield* bus.subscribe({ group: unique("group"), topics: [topic] }, seen.add);
        yield* eventually(
          "all three arrive",
          Effect.sync(() => seen.records.length === 3),
        );
        assert.deepStrictEqual(
          seen.records.map((record) => record._tag),
          ["Readable", "Unreadable", "Readable"],
        );
        assert.deepStrictEqual(seen.records.map(idOf).slice(1, 2), [`${topic.name}/0/1`]);
      }),
    );
  }

  it.effect("publishing wakes an idle consumer", () =>
    Effect.gen(function* () {
      const { bus, seen, topic } = yield* followed(subject, 1);
      for (const index of countTo(5)) {
        yield* bus.publish([envelope(topic, "a", index)]);
        yield* eventually(
          "the record arrives before any poll",
          Effect.sync(() => seen.records.length === index + 1),
          5000,
        );
      }
    }),
  );
};
