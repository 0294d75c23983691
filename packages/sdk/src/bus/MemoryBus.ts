/**
 * The event bus in one process, for tests and simulations.
 *
 * Guarantee: the same as of every bus, short of a crash: what is published lives as long as the process. Time is the
 * ambient `Clock`, so back-offs and retention run in virtual time; nothing polls.
 *
 * Limits: records are kept until their topic's retention is over; expired ones go when something is published.
 */
import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import * as Layer from "effect/Layer";
import * as Queue from "effect/Queue";
import * as Random from "effect/Random";
import type { Envelope } from "../message/Envelope.ts";
import { partitionOf, type Topic } from "../message/Topic.ts";
import * as Backoff from "./Backoff.ts";
import { BusError, type BusRecord, defaultMaxBatchRecords, EventBus, TopicMismatch } from "./EventBus.ts";

export interface Options {
  /** Share of handled batches whose positions get lost, so that they come again: 0 to 1. Default 0. Drawn from `Random`. */
  readonly redeliveryRate?: number | undefined;
}

interface Partition {
  readonly topic: Topic;
  readonly index: number;
  /** Offset of the first record that is kept. */
  first: number;
  readonly records: Array<{ readonly envelope: Envelope; readonly at: number }>;
}

interface Member {
  readonly partitions: ReadonlyArray<Partition>;
  /** At most one token. */
  readonly wake: Queue.Queue<void>;
  /** Rotates which partition comes first, so that none starves when a batch is smaller than their number. */
  turn: number;
}

interface Group {
  readonly members: Array<Member>;
  readonly positions: Map<Partition, number>;
  /** In a handler now, or waiting to be tried again by the same one. */
  readonly busy: Map<Partition, Member>;
}

const mismatch = (topic: string, expected: number, found: number) =>
  new BusError({ reason: new TopicMismatch({ topic, expected, found }) });

const endOf = (partition: Partition): number => partition.first + partition.records.length;

const make = (options: Options): EventBus["Service"] => {
  const rate = options.redeliveryRate ?? 0;
  const topics = new Map<string, ReadonlyArray<Partition>>();
  const groups = new Map<string, Group>();

  const positionOf = (group: Group, partition: Partition): number =>
    Math.max(group.positions.get(partition) ?? 0, partition.first);

  const wakeAll = (group: Group): void => {
    for (const member of group.members) Queue.offerUnsafe(member.wake, undefined);
  };

  const check = (wanted: ReadonlyArray<Topic>): Effect.Effect<ReadonlyArray<Partition>, BusError> =>
    Effect.suspend(() => {
      for (const { name, partitions } of wanted) {
        const found = topics.get(name)?.length ?? 0;
        if (found !== partitions) return Effect.fail(mismatch(name, partitions, found));
      }
      return Effect.succeed(wanted.flatMap((topic) => topics.get(topic.name) ?? []));
    });

  /** The partitions of a member: every n-th one of n members. A partition stays with whoever is busy with it. */
  const ownedBy = (group: Group, member: Member): ReadonlyArray<Partition> => {
    const place = group.members.indexOf(member);
    return member.partitions.filter((partition, index) => {
      const holder = group.busy.get(partition);
      return holder === undefined ? index % group.members.length === place : holder === member;
    });
  };

  /** One record of each partition in turn, so that a full one does not starve the others. */
  const take = (group: Group, member: Member, maxRecords: number): Array<BusRecord> => {
    const ready = ownedBy(group, member).filter((partition) => endOf(partition) > positionOf(group, partition));
    const first = member.turn++ % Math.max(1, ready.length);
    const owned = [...ready.slice(first), ...ready.slice(0, first)];
    const batch: Array<BusRecord> = [];
    for (let round = 0; batch.length < maxRecords; round++) {
      const before = batch.length;
      for (const partition of owned) {
        const offset = positionOf(group, partition) + round;
        const record = partition.records[offset - partition.first];
        if (record === undefined || batch.length >= maxRecords) continue;
        const { index, topic } = partition;
        batch.push({ _tag: "Readable", topic: topic.name, partition: index, offset, envelope: record.envelope });
        group.busy.set(partition, member);
      }
      if (batch.length === before) return batch;
    }
    return batch;
  };

  const advance = (group: Group, batch: ReadonlyArray<BusRecord>): void => {
    for (const { offset, partition: index, topic } of batch) {
      const partition = topics.get(topic)?.[index];
      if (partition !== undefined) group.positions.set(partition, offset + 1);
    }
  };

  const release = (group: Group, member: Member): void => {
    for (const [partition, holder] of group.busy) if (holder === member) group.busy.delete(partition);
  };

  const consume = <E>(
    name: string,
    group: Group,
    member: Member,
    maxRecords: number,
    handler: (batch: ReadonlyArray<BusRecord>) => Effect.Effect<void, E>,
  ) =>
    Effect.gen(function* () {
      for (;;) {
        const batch = take(group, member, maxRecords);
        if (batch.length === 0) {
          yield* Queue.take(member.wake);
          continue;
        }
        for (let failures = 1; ; failures++) {
          const handled = yield* Effect.exit(handler(batch));
          if (Exit.isSuccess(handled)) break;
          const delayMillis = Backoff.delayMillis(failures);
          yield* Effect.logWarning(
            "the handler failed; the same records come again",
            { group: name, failures, delayMillis },
            handled.cause,
          );
          yield* Effect.sleep(delayMillis);
        }
        const forgotten = rate > 0 && (yield* Random.next) < rate;
        if (!forgotten) advance(group, batch);
        release(group, member);
        if (group.members.length > 1) wakeAll(group);
      }
    });

  const expire = (partition: Partition, now: number): void => {
    const oldest = now - partition.topic.retentionHours * 3_600_000;
    const kept = partition.records.findIndex((record) => record.at >= oldest);
    const expired = kept === -1 ? partition.records.length : kept;
    partition.records.splice(0, expired);
    partition.first += expired;
  };

  return {
    implementation: "memory",
    createTopics: Effect.fn("MemoryBus.createTopics")(function* (wanted) {
      for (const topic of wanted) {
        if (topics.has(topic.name)) continue;
        const partitions = Array.from({ length: topic.partitions }, (_, index) => ({
          topic,
          index,
          first: 0,
          records: [],
        }));
        topics.set(topic.name, partitions);
      }
      yield* check(wanted);
    }),
    publish: Effect.fn("MemoryBus.publish")(function* (envelopes) {
      const at = yield* Clock.currentTimeMillis;
      const targets: Array<{ readonly partition: Partition; readonly envelope: Envelope }> = [];
      for (const envelope of envelopes) {
        const topic = topics.get(envelope.topic)?.[0]?.topic;
        const partition = topic && topics.get(topic.name)?.[partitionOf(topic, envelope.key)];
        if (partition === undefined) return yield* mismatch(envelope.topic, 1, 0);
        targets.push({ partition, envelope });
      }
      for (const partition of new Set(targets.map((target) => target.partition))) expire(partition, at);
      for (const { envelope, partition } of targets) partition.records.push({ envelope, at });
      for (const group of groups.values()) wakeAll(group);
    }),
    subscribe: Effect.fn("MemoryBus.subscribe")(function* (subscription, handler) {
      const partitions = yield* check(subscription.topics);
      const group: Group = groups.get(subscription.group) ?? { members: [], positions: new Map(), busy: new Map() };
      groups.set(subscription.group, group);
      const member: Member = { partitions, wake: yield* Queue.dropping<void>(1), turn: 0 };
      yield* Effect.acquireRelease(
        Effect.sync(() => {
          group.members.push(member);
          wakeAll(group);
        }),
        () =>
          Effect.sync(() => {
            group.members.splice(group.members.indexOf(member), 1);
            release(group, member);
            wakeAll(group);
          }),
      );
      yield* Effect.forkScoped(
        consume(subscription.group, group, member, subscription.maxBatchRecords ?? defaultMaxBatchRecords, handler),
      );
    }),
    lag: Effect.fn("MemoryBus.lag")(function* (name, wanted) {
      const partitions = yield* check(wanted);
      const group: Group = groups.get(name) ?? { members: [], positions: new Map(), busy: new Map() };
      return partitions.map((partition) => ({
        topic: partition.topic.name,
        partition: partition.index,
        records: endOf(partition) - positionOf(group, partition),
      }));
    }),
  };
};

export const layerWith = (options: Options): Layer.Layer<EventBus> =>
  Layer.effect(
    EventBus,
    Effect.sync(() => EventBus.of(make(options))),
  );

export const layer: Layer.Layer<EventBus> = layerWith({});
