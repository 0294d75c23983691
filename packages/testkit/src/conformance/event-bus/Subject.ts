/** The bus under test, and the tools that all parts of the suite share. */
import type { EventBus } from "@destiny/sdk/bus";
import { type Envelope, Topic } from "@destiny/sdk/message";
import { assert } from "@effect/vitest";
import * as Effect from "effect/Effect";
import type * as Layer from "effect/Layer";
import type * as Scope from "effect/Scope";

export type Bus = EventBus.EventBus["Service"];
export type BusRecord = EventBus.BusRecord;

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
export const unique = (what: string): string => `${what}-${++names}`;

export const topicOf = (partitions: number): Topic.Topic => Topic.make(unique("topic"), { owner: "suite", partitions });

/** A bus with a new topic on it, and a group that nobody has joined. */
export const prepared = Effect.fnUntraced(function* <R, E>(subject: Subject<R, E>, partitions: number) {
  const bus = yield* subject.instance;
  const topic = topicOf(partitions);
  yield* bus.createTopics([topic]);
  return { bus, topic, group: unique("group") };
});

/** The same, with a member that notes what it is given. */
export const followed = Effect.fnUntraced(function* <R, E>(subject: Subject<R, E>, partitions: number) {
  const { bus, group, topic } = yield* prepared(subject, partitions);
  const seen = log();
  yield* bus.subscribe({ group, topics: [topic] }, seen.add);
  return { bus, topic, seen };
});

/** Polls until it holds: the suite has no other way to see what another process does. */
export const eventually = <E, R>(what: string, holds: Effect.Effect<boolean, E, R>, withinMillis = 15_000) =>
  Effect.gen(function* () {
    while (!(yield* holds)) yield* Effect.sleep(5);
  }).pipe(
    Effect.timeoutOrElse({
      duration: withinMillis,
      orElse: () => Effect.die(new Error(`not within ${withinMillis} ms: ${what}`)),
    }),
  );

export const envelope = (topic: Topic.Topic, key: string, index: number): Envelope.Envelope => ({
  id: `${topic.name}/${key}/${index}`,
  source: "suite",
  type: "suite.said.v1",
  topic: topic.name,
  key,
  time: 1_700_000_000_000 + index,
  sequence: index,
  data: { index },
});

export const idOf = (record: BusRecord): string =>
  record._tag === "Readable" ? record.envelope.id : record.standIn.id;
export const sequenceOf = (record: BusRecord): number =>
  record._tag === "Readable" ? (record.envelope.sequence ?? -1) : -1;

/** What a group was given, in the order in which it was given. */
export const log = () => {
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

export const lagOf = (bus: Bus, group: string, topic: Topic.Topic) =>
  Effect.map(bus.lag(group, [topic]), (rows) => rows.reduce((sum, row) => sum + row.records, 0));

/** A key of each partition. */
export const keysOf = (topic: Topic.Topic): ReadonlyArray<string> => {
  const keys = new Map<number, string>();
  for (let index = 0; keys.size < topic.partitions; index++) {
    const partition = Topic.partitionOf(topic, `key-${index}`);
    if (!keys.has(partition)) keys.set(partition, `key-${index}`);
  }
  return [...keys.values()];
};

export const assertDenseOffsets = (records: ReadonlyArray<BusRecord>) => {
  const next = new Map<number, number>();
  for (const { offset, partition } of records) {
    assert.strictEqual(offset, next.get(partition) ?? 0, `offset in partition ${partition}`);
    next.set(partition, offset + 1);
  }
};

export const countTo = (length: number): ReadonlyArray<number> => Array.from({ length }, (_, index) => index);
