import { EventBus, MemoryBus } from "@destiny/sdk/bus";
import { Topic } from "@destiny/sdk/message";
import { EventBusSuite } from "@destiny/testkit/conformance";
import { assert, describe, it } from "@effect/vitest";
import * as Effect from "effect/Effect";
import * as Random from "effect/Random";
import * as TestClock from "effect/testing/TestClock";
import { said } from "./support.ts";

EventBusSuite.suite("MemoryBus", { layer: MemoryBus.layer, instance: EventBus.EventBus });

const topic = Topic.make("talk", { owner: "test", partitions: 1, retentionHours: 1 });

describe("MemoryBus in virtual time", () => {
  it.effect("a failing handler is tried again after 50 ms, doubling up to 5 s", () =>
    Effect.gen(function* () {
      const bus = yield* EventBus.EventBus;
      yield* bus.createTopics([topic]);
      let tries = 0;
      yield* bus.subscribe({ group: "g", topics: [topic] }, () =>
        Effect.suspend(() => {
          tries++;
          return Effect.fail("weather");
        }),
      );
      yield* bus.publish([said(topic, "a", 0)]);
      const seen: Array<number> = [];
      for (const millis of [0, 49, 1, 100, 200, 400, 800, 1600, 3200, 4999, 1, 5000]) {
        yield* TestClock.adjust(millis);
        seen.push(tries);
      }
      assert.deepStrictEqual(seen, [1, 1, 2, 3, 4, 5, 6, 7, 8, 8, 9, 10]);
    }).pipe(Effect.provide(MemoryBus.layer)),
  );

  it.effect("records expire with the topic's retention, and lag does not count them", () =>
    Effect.gen(function* () {
      const bus = yield* EventBus.EventBus;
      yield* bus.createTopics([topic]);
      yield* bus.publish([said(topic, "a", 0)]);
      yield* TestClock.adjust("61 minutes");
      yield* bus.publish([said(topic, "a", 1)]);
      assert.deepStrictEqual(yield* bus.lag("g", [topic]), [{ topic: "talk", partition: 0, records: 1 }]);
      const offsets: Array<number> = [];
      yield* bus.subscribe({ group: "g", topics: [topic] }, (batch) =>
        Effect.sync(() => void offsets.push(...batch.map((record) => record.offset))),
      );
      yield* TestClock.adjust(0);
      assert.deepStrictEqual(offsets, [1]);
    }).pipe(Effect.provide(MemoryBus.layer)),
  );

  it.effect("a redelivery rate makes handled batches come again, and all of them end", () =>
    Effect.gen(function* () {
      const bus = yield* EventBus.EventBus;
      yield* bus.createTopics([topic]);
      const offsets: Array<number> = [];
      yield* bus.subscribe({ group: "g", topics: [topic], maxBatchRecords: 1 }, (batch) =>
        Effect.sync(() => void offsets.push(...batch.map((record) => record.offset))),
      );
      yield* bus.publish(Array.from({ length: 50 }, (_, index) => said(topic, "a", index)));
      yield* TestClock.adjust(0);
      assert.strictEqual(new Set(offsets).size, 50);
      assert.isAbove(offsets.length, 50);
    }).pipe(Effect.provide(MemoryBus.layerWith({ redeliveryRate: 0.5 })), Random.withSeed("bus")),
  );
});
