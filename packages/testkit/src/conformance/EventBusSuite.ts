/**
 * What every event bus has to do, whatever carries it.
 *
 *     EventBusSuite.suite("MemoryBus", { layer: MemoryBus.layer, instance: EventBus });
 *
 * Runs in real time. A bus that polls must be given a poll of a minute, so that only its notifications can be in time.
 */
import type { EventBus } from "@destiny/sdk/bus";
import { type Envelope, Topic } from "@destiny/sdk/message";
import { assert, describe, layer } from "@effect/vitest";
import * as Deferred from "effect/Deferred";
import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import * as Fiber from "effect/Fiber";
import type * as Layer from "effect/Layer";
import * as Scope from "effect/Scope";

type Bus = EventBus.EventBus["Service"];
type BusRecord = EventBus.BusRecord;

/** How to reach the bus under test, and what only some buses can be put through. */
export interface Subject<R, E> {
  readonly layer: Layer.Layer<R, E>;
  /** A connection of its own to the same bus, as a second process would have. */
  readonly instance: Effect.Effect<Bus, unknown, R | Scope.Scope>;
  /** Publishes in a transaction that stays open until the scope closes, which commits it. */
  readonly stall?: (envelope: Envelope.Envelope) => Effect.Effect<void, unknown, R | Scope.Scope>;
  /** Ends the connections by which the members of the group own their partitions. */
  readonly breakOwners?: (group: string) => Effect.Effect<void, unknown, R>;
  /** Puts something on partition 0 that is no envelope. */
  readonly putUnreadable?: (topic: Topic.Topic) => Effect.Effect<void, unknown, R>;
}

let names = 0;
/** Names that no other test of this process uses. */
const unique = (what: string): string => `${what}-${++names}`;

const topicOf = (partitions: number): Topic.Topic => Topic.make(unique("topic"), { owner: "suite", partitions });

/** Polls until it holds: the suite has no other way to see what another process does. */
const eventually = <E, R>(what: string, holds: Effect.Effect<boolean, E, R>, withinMillis = 15_000) =>
  Effect.gen(function* () {
    while (!(yield* holds)) yield* Effect.sleep(5);
  }).pipe(
    Effect.timeoutOrElse({
      duration: withinMillis,
      orElse: () => Effect.die(new Error(`not within ${withinMillis} ms: ${what}`)),
    }),
  );

const envelope = (topic: Topic.Topic, key: string, index: number): Envelope.Envelope => ({
  id: `${topic.name}/${key}/${index}`,
  source: "suite",
  type: "suite.said.v1",
  topic: topic.name,
  key,
  time: 1_700_000_000_000 + index,
  sequence: index,
  data: { index },
});

const idOf = (record: BusRecord): string => (record._tag === "Readable" ? record.envelope.id : record.standIn.id);
const sequenceOf = (record: BusRecord): number => (record._tag === "Readable" ? (record.envelope.sequence ?? -1) : -1);

/** What a group was given, in the order in which it was given. */
const log = () => {
  const records: Array<BusRecord> = [];
  const ids = new Set<string>();
  return {
    records,
    ids,
    add: (batch: ReadonlyArray<BusRecord>) =>
      Effect.sync(() => {
        records.push(...batch);
        for (const record of batch) ids.add(idOf(record));
      }),
  };
};

const lagOf = (bus: Bus, group: string, topic: Topic.Topic) =>
  Effect.map(bus.lag(group, [topic]), (rows) => rows.reduce((sum, row) => sum + row.records, 0));

/** A key of each partition. */
const keysOf = (topic: Topic.Topic): ReadonlyArray<string> => {
  const keys = new Map<number, string>();
  for (let index = 0; keys.size < topic.partitions; index++) {
    const partition = Topic.partitionOf(topic, `key-${index}`);
    if (!keys.has(partition)) keys.set(partition, `key-${index}`);
  }
  return [...keys.values()];
};

const assertDenseOffsets = (records: ReadonlyArray<BusRecord>) => {
  const next = new Map<number, number>();
  for (const { offset, partition } of records) {
    assert.strictEqual(offset, next.get(partition) ?? 0, `offset in partition ${partition}`);
    next.set(partition, offset + 1);
  }
};

const countTo = (length: number): ReadonlyArray<number> => Array.from({ length }, (_, index) => index);

export const suite = <R, E>(name: string, subject: Subject<R, E>): void => {
  describe(name, () => {
    layer(subject.layer, { excludeTestServices: true, timeout: "30 seconds" })((it) => {
      it.effect("records of a key keep their order and offsets are dense, with four publishers at once", () =>
        Effect.gen(function* () {
          const bus = yield* subject.instance;
          const topic = topicOf(4);
          yield* bus.createTopics([topic]);
          const seen = log();
          yield* bus.subscribe({ group: unique("group"), topics: [topic] }, seen.add);
          const publisher = (who: number) =>
            Effect.forEach(
              countTo(25),
              (round) =>
                bus.publish(countTo(8).map((place) => envelope(topic, `${who}-${place % 4}`, round * 8 + place))),
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
          const bus = yield* subject.instance;
          const topic = topicOf(1);
          yield* bus.createTopics([topic]);
          const seen = log();
          yield* bus.subscribe({ group: unique("group"), topics: [topic] }, seen.add);
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

      it.effect("a failed batch comes again, and nothing behind it before that", () =>
        Effect.gen(function* () {
          const bus = yield* subject.instance;
          const topic = topicOf(1);
          yield* bus.createTopics([topic]);
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
          const bus = yield* subject.instance;
          const topic = topicOf(2);
          const group = unique("group");
          yield* bus.createTopics([topic]);
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
          const bus = yield* subject.instance;
          const topic = topicOf(2);
          const group = unique("group");
          yield* bus.createTopics([topic]);
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

      it.effect("a new group starts at the earliest record, and every group gets everything", () =>
        Effect.gen(function* () {
          const bus = yield* subject.instance;
          const topic = topicOf(3);
          yield* bus.createTopics([topic]);
          yield* bus.publish(countTo(30).map((index) => envelope(topic, `${index}`, index)));
          const logs = [log(), log()];
          for (const seen of logs) yield* bus.subscribe({ group: unique("group"), topics: [topic] }, seen.add);
          yield* eventually(
            "both groups have everything",
            Effect.sync(() => logs.every((seen) => seen.ids.size === 30)),
          );
          for (const seen of logs) assertDenseOffsets(seen.records);
        }),
      );

      it.effect("two members share the partitions, and the one that stays takes over without loss", () =>
        Effect.gen(function* () {
          const topic = topicOf(4);
          const group = unique("group");
          const buses = [yield* subject.instance, yield* subject.instance] as const;
          yield* buses[0].createTopics([topic]);
          const keys = keysOf(topic);
          const [staying, leaving] = [log(), log()];
          const scope = yield* Scope.make();
          yield* buses[0].subscribe({ group, topics: [topic] }, staying.add);
          yield* Scope.provide(buses[1].subscribe({ group, topics: [topic] }, leaving.add), scope);
          let round = 0;
          const publishRound = Effect.suspend(() => {
            const index = round++;
            return buses[0].publish(keys.map((key) => envelope(topic, key, index)));
          });
          const split = () => {
            const place = (seen: ReturnType<typeof log>) =>
              new Set(
                seen.records.filter((record) => sequenceOf(record) >= round - 3).map(({ partition }) => partition),
              );
            return place(staying).size === 2 && place(leaving).size === 2;
          };
          yield* eventually(
            "each member gets two of four partitions",
            Effect.andThen(publishRound, Effect.sync(split)),
          );
          yield* Scope.close(scope, Exit.void);
          const handed = leaving.records.length;
          yield* publishRound;
          const all = () => new Set([...staying.ids, ...leaving.ids]).size === round * keys.length;
          yield* eventually("everything arrives", Effect.sync(all));
          assert.strictEqual(leaving.records.length, handed);
        }),
      );

      const { breakOwners } = subject;
      if (breakOwners !== undefined) {
        it.effect("an owner whose connection breaks stops at once, and nothing is lost", () =>
          Effect.gen(function* () {
            const topic = topicOf(4);
            const group = unique("group");
            yield* (yield* subject.instance).createTopics([topic]);
            const seen = log();
            const interrupted = yield* Deferred.make<void>();
            let held = 0;
            for (const _ of countTo(2)) {
              const bus = yield* subject.instance;
              yield* bus.subscribe({ group, topics: [topic], maxBatchRecords: 4 }, (batch) =>
                Effect.suspend(() => {
                  if (held < 2) {
                    held++;
                    return Effect.onInterrupt(Effect.never, () => Deferred.succeed(interrupted, undefined));
                  }
                  return seen.add(batch);
                }),
              );
            }
            const bus = yield* subject.instance;
            yield* bus.publish(countTo(40).map((index) => envelope(topic, `${index}`, index)));
            yield* eventually(
              "a batch is in a handler",
              Effect.sync(() => held > 0),
            );
            yield* breakOwners(group);
            yield* Deferred.await(interrupted);
            held = 2;
            yield* breakOwners(group);
            yield* eventually(
              "everything arrives",
              Effect.sync(() => seen.ids.size === 40),
            );
          }),
        );
      }

      it.effect("a partition is never in two handlers at once, nor a subscription in two batches", () =>
        Effect.gen(function* () {
          const [topic, barrier] = [topicOf(4), topicOf(1)];
          const group = unique("group");
          const admin = yield* subject.instance;
          yield* admin.createTopics([topic, barrier]);
          const [seen, passed] = [log(), log()];
          yield* admin.subscribe({ group: unique("group"), topics: [barrier] }, passed.add);
          const gate = yield* Deferred.make<void>();
          const busy = new Map<number, number>();
          let most = 0;
          const join = Effect.gen(function* () {
            const bus = yield* subject.instance;
            let batches = 0;
            yield* bus.subscribe({ group, topics: [topic], maxBatchRecords: 10 }, (batch) =>
              Effect.gen(function* () {
                const partitions = new Set(batch.map(({ partition }) => partition));
                most = Math.max(most, ++batches);
                for (const partition of partitions) {
                  const now = (busy.get(partition) ?? 0) + 1;
                  busy.set(partition, now);
                  most = Math.max(most, now);
                }
                yield* Deferred.await(gate);
                yield* Effect.sleep(1);
                for (const partition of partitions) busy.set(partition, (busy.get(partition) ?? 0) - 1);
                batches--;
                yield* seen.add(batch);
              }),
            );
          });
          for (const round of countTo(10)) {
            yield* admin.publish(countTo(20).map((index) => envelope(topic, `${index}`, round)));
          }
          yield* join;
          yield* eventually(
            "the first member is at work",
            Effect.sync(() => busy.size > 0),
          );
          yield* join;
          // Each round trip of the barrier gives the second member a chance to take what is not its own.
          for (const index of countTo(5)) {
            yield* admin.publish([envelope(barrier, "b", index)]);
            yield* eventually(
              "the barrier passes",
              Effect.sync(() => passed.ids.size === index + 1),
            );
          }
          yield* Deferred.succeed(gate, undefined);
          yield* eventually(
            "everything arrives",
            Effect.sync(() => seen.ids.size === 200),
          );
          assert.strictEqual(most, 1);
        }),
      );

      it.effect("no partition starves when batches are smaller than the number of partitions", () =>
        Effect.gen(function* () {
          const bus = yield* subject.instance;
          const topic = topicOf(4);
          yield* bus.createTopics([topic]);
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

      it.effect(
        "a slow handler is never given more than a batch, and the rest waits on the bus, each record once",
        () =>
          Effect.gen(function* () {
            const bus = yield* subject.instance;
            const topic = topicOf(2);
            const group = unique("group");
            yield* bus.createTopics([topic]);
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
          const bus = yield* subject.instance;
          const topic = topicOf(4);
          const group = unique("group");
          yield* bus.createTopics([topic]);
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

      it.effect(
        "lag counts what is published and not finished, per partition, and only shrinks while nothing comes",
        () =>
          Effect.gen(function* () {
            const bus = yield* subject.instance;
            const topic = topicOf(2);
            const group = unique("group");
            yield* bus.createTopics([topic]);
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

      it.effect("publishing wakes an idle consumer", () =>
        Effect.gen(function* () {
          const bus = yield* subject.instance;
          const topic = topicOf(1);
          yield* bus.createTopics([topic]);
          const seen = log();
          yield* bus.subscribe({ group: unique("group"), topics: [topic] }, seen.add);
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

      const { putUnreadable } = subject;
      if (putUnreadable !== undefined) {
        it.effect("what is no envelope is delivered as unreadable, in its turn, and blocks nothing", () =>
          Effect.gen(function* () {
            const bus = yield* subject.instance;
            const topic = topicOf(1);
            yield* bus.createTopics([topic]);
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
    });
  });
};
