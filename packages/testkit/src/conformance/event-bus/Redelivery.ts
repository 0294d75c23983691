/** A batch is finished or comes again, whoever takes it. */
import { assert, type Vitest } from "@effect/vitest";
import * as Deferred from "effect/Deferred";
import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import * as Scope from "effect/Scope";
import { countTo, envelope, eventually, lagOf, log, prepared, sequenceOf, type Subject, unique } from "./Subject.ts";

export const redelivery = <R, E>(it: Vitest.MethodsNonLive<R>, subject: Subject<R, E>): void => {
  it.effect("a failed batch comes again, and nothing behind it before that", () =>
    Effect.gen(function* () {
      const { bus, topic } = yield* prepared(subject, 1);
      yield* bus.publish(countTo(6).map((index) => envelope(topic, "a", index)));
      const tries: Array<ReadonlyArray<number>> = [];
      yield* bus.subscribe({ group: unique("group"), topics: [topic], maxBatchRecords: 2 }, (batch) =>
        Effect.suspend(() => {
          tries.push(batch.map(sequenceOf));
          if (tries.length === 2) return Effect.fail("weather");
          return tries.length === 3 ? Effect.die(new Error("defect")) : Effect.void;
        }),
      );
      yield* eventually(
        "five tries",
        Effect.sync(() => tries.length >= 5),
      );
      assert.deepStrictEqual(tries, [
        [0, 1],
        [2, 3],
        [2, 3],
        [2, 3],
        [4, 5],
      ]);
    }),
  );

  it.effect("a batch whose consumer stops in the middle comes again to the next one", () =>
    Effect.gen(function* () {
      const { bus, group, topic } = yield* prepared(subject, 2);
      yield* bus.publish(countTo(10).map((index) => envelope(topic, `${index}`, index)));
      const taken = yield* Deferred.make<void>();
      const first = yield* Scope.make();
      yield* Scope.provide(
        bus.subscribe({ group, topics: [topic] }, () =>
          Effect.andThen(Deferred.succeed(taken, undefined), Effect.never),
        ),
        first,
      );
      yield* Deferred.await(taken);
      yield* Scope.close(first, Exit.void);
      const seen = log();
      yield* bus.subscribe({ group, topics: [topic] }, seen.add);
      yield* eventually(
        "all records arrive",
        Effect.sync(() => seen.ids.size === 10),
      );
    }),
  );

  it.effect("what a stopped consumer has finished does not come again", () =>
    Effect.gen(function* () {
      const { bus, group, topic } = yield* prepared(subject, 2);
      yield* bus.publish(countTo(10).map((index) => envelope(topic, `${index}`, index)));
      const before = log();
      const first = yield* Scope.make();
      yield* Scope.provide(bus.subscribe({ group, topics: [topic] }, before.add), first);
      yield* eventually(
        "the first ten are positioned",
        Effect.map(lagOf(bus, group, topic), (lag) => lag === 0),
      );
      yield* Scope.close(first, Exit.void);
      yield* bus.publish([envelope(topic, "late", 10)]);
      const after = log();
      yield* bus.subscribe({ group, topics: [topic] }, after.add);
      yield* eventually(
        "the late one arrives",
        Effect.sync(() => after.records.length > 0),
      );
      assert.deepStrictEqual(after.records.map(sequenceOf), [10]);
    }),
  );
};
