/** Topics are created, once, and publishing to anything else is a typed error. */
import { assert, type Vitest } from "@effect/vitest";
import * as Effect from "effect/Effect";
import { countTo, envelope, lagOf, type Subject, topicOf } from "./Subject.ts";

export const topics = <R, E>(it: Vitest.MethodsNonLive<R>, subject: Subject<R, E>): void => {
  it.effect("creating a topic again is fine, with other partitions a typed error", () =>
    Effect.gen(function* () {
      const bus = yield* subject.instance;
      const topic = topicOf(2);
      yield* Effect.forEach(countTo(4), () => bus.createTopics([topic]), { concurrency: "unbounded" });
      const other = { ...topic, partitions: 3 };
      const error = yield* Effect.flip(bus.createTopics([other]));
      assert.deepInclude(error.reason, { _tag: "TopicMismatch", topic: topic.name, expected: 3, found: 2 });
      const wrong = yield* Effect.flip(
        Effect.scoped(bus.subscribe({ group: "g", topics: [other] }, () => Effect.void)),
      );
      assert.strictEqual(wrong.reason._tag, "TopicMismatch");
    }),
  );

  it.effect("a topic that nobody created is a typed error, and nothing of the batch is published", () =>
    Effect.gen(function* () {
      const bus = yield* subject.instance;
      const [known, unknown] = [topicOf(1), topicOf(1)];
      yield* bus.createTopics([known]);
      const error = yield* Effect.flip(bus.publish([envelope(known, "a", 0), envelope(unknown, "a", 0)]));
      assert.deepInclude(error.reason, { _tag: "TopicMismatch", topic: unknown.name, found: 0 });
      assert.strictEqual(yield* lagOf(bus, "nobody", known), 0);
    }),
  );
};
