/** What a handler is given at once, and what waits for it. */
import { Topic } from "@destiny/sdk/message";
import { assert, type Vitest } from "@effect/vitest";
import * as Deferred from "effect/Deferred";
import * as Effect from "effect/Effect";
import {
  assertDenseOffsets,
  type BusRecord,
  countTo,
  envelope,
  eventually,
  keysOf,
  lagOf,
  log,
  prepared,
  type Subject,
  unique,
} from "./Subject.ts";

export const batches = <R, E>(it: Vitest.MethodsNonLive<R>, subject: Subject<R, E>): void => {
  it.effect("no partition starves when batches are smaller than the number of partitions", () =>
    Effect.gen(function* () {
      const { bus, topic } = yield* prepared(subject, 4);
      yield* bus.publish(keysOf(topic).flatMap((key) => countTo(20).map((index) => envelope(topic, key, index))));
      const seen = log();
      yield* bus.subscribe({ group: unique("group"), topics: [topic], maxBatchRecords: 1 }, seen.add);
      yield* eventually(
        "everything is handled",
        Effect.sync(() => seen.records.length === 80),
      );
      assert.strictEqual(new Set(seen.records.slice(0, 8).map(({ partition }) => partition)).size, 4);
    }),
  );

  it.effect("a slow handler is never given more than a batch, and the rest waits on the bus, each record once", () =>
    Effect.gen(function* () {
      const { bus, group, topic } = yield* prepared(subject, 2);
      const gate = yield* Deferred.make<void>();
      const seen = log();
      const sizes: Array<number> = [];
      yield* bus.subscribe({ group, topics: [topic], maxBatchRecords: 10 }, (batch) =>
        Effect.suspend(() => {
          sizes.push(batch.length);
          return Effect.andThen(Deferred.await(gate), seen.add(batch));
        }),
      );
      for (const round of countTo(5)) {
        yield* bus.publish(countTo(100).map((index) => envelope(topic, `${index}`, round)));
      }
      yield* eventually(
        "the first batch is in the handler",
        Effect.sync(() => sizes.length > 0),
      );
      assert.strictEqual(yield* lagOf(bus, group, topic), 500);
      assert.strictEqual(sizes.length, 1);
      yield* Deferred.succeed(gate, undefined);
      yield* eventually(
        "everything is handled",
        Effect.map(lagOf(bus, group, topic), (lag) => lag === 0),
      );
      assert.isAtMost(Math.max(...sizes), 10);
      assert.strictEqual(seen.records.length, 500);
      assertDenseOffsets(seen.records);
    }),
  );

  it.effect("a batch holds records of every partition that has some", () =>
    Effect.gen(function* () {
      const { bus, group, topic } = yield* prepared(subject, 4);
      const [crowded = "", ...others] = keysOf(topic);
      yield* bus.publish(countTo(100).map((index) => envelope(topic, crowded, index)));
      yield* bus.publish(others.map((key) => envelope(topic, key, 0)));
      const batches: Array<ReadonlyArray<BusRecord>> = [];
      yield* bus.subscribe({ group, topics: [topic], maxBatchRecords: 8 }, (batch) =>
        Effect.sync(() => void batches.push(batch)),
      );
      yield* eventually(
        "everything is handled",
        Effect.sync(() => batches.flat().length === 103),
      );
      assert.strictEqual(new Set(batches[0]?.map(({ partition }) => partition)).size, 4);
      assert.strictEqual(batches[0]?.length, 8);
    }),
  );

  it.effect("lag counts what is published and not finished, per partition, and only shrinks while nothing comes", () =>
    Effect.gen(function* () {
      const { bus, group, topic } = yield* prepared(subject, 2);
      const [a = "", b = ""] = keysOf(topic);
      yield* bus.publish([...countTo(30).map((index) => envelope(topic, a, index)), envelope(topic, b, 0)]);
      const expected = countTo(2).map((partition) => ({
        topic: topic.name,
        partition,
        records: Topic.partitionOf(topic, a) === partition ? 30 : 1,
      }));
      assert.deepStrictEqual(yield* bus.lag(group, [topic]), expected);
      yield* bus.subscribe({ group, topics: [topic], maxBatchRecords: 1 }, () => Effect.sleep(5));
      let before = 31;
      yield* eventually(
        "the lag is gone",
        Effect.map(lagOf(bus, group, topic), (lag) => {
          assert.isAtMost(lag, before);
          before = lag;
          return lag === 0;
        }),
      );
    }),
  );
};
