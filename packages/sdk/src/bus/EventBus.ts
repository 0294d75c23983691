/**
 * The port between services: topics with partitions, keyed records, consumer groups.
 *
 * Guarantee: a published record reaches every subscribed group at least once; records of one key reach a group in the
 * order in which they were published; a group's position covers only what its handler has finished, and never moves back.
 * Exactly-once is not the bus's business: the inbox of each consumer is what makes it so.
 */
import * as Context from "effect/Context";
import type * as Effect from "effect/Effect";
import * as Schema from "effect/Schema";
import type * as Scope from "effect/Scope";
import type { Envelope } from "../message/Envelope.ts";
import type { Topic } from "../message/Topic.ts";

interface Place {
  readonly topic: string;
  readonly partition: number;
  /** Dense per partition, from 0. */
  readonly offset: number;
}

export interface ReadableRecord extends Place {
  readonly _tag: "Readable";
  readonly envelope: Envelope;
}

/**
 * What lies on the bus is not an envelope. It is delivered in its turn, so that it blocks nothing, and as a case of its
 * own, so that no handler passes over it by accident: whoever consumes it must set it aside.
 */
export interface UnreadableRecord extends Place {
  readonly _tag: "Unreadable";
  /** Names the record (`id` is topic, partition and offset) and carries its raw headers and body, for the dead letters. */
  readonly standIn: Envelope;
  readonly why: string;
}

/** A record as a consumer sees it. */
export type BusRecord = ReadableRecord | UnreadableRecord;

export interface Subscription {
  /** The consumer group: one per service and consumer. Its first subscription starts at the earliest record. */
  readonly group: string;
  readonly topics: ReadonlyArray<Topic>;
  /** Upper bound of records per call of the handler. Default {@link defaultMaxBatchRecords}. */
  readonly maxBatchRecords?: number | undefined;
  /**
   * From the beginning of a batch to the next one's at least, while the group is up to date. Longer for a group that nobody waits for:
   * each of its batches then does more. Default: the bus's own; a bus whose batches cost nothing has none.
   */
  readonly minBatchGapMillis?: number | undefined;
}

export const defaultMaxBatchRecords = 256;

export interface Lag {
  readonly topic: string;
  readonly partition: number;
  /** Records published and not yet covered by the group's position. */
  readonly records: number;
}

export class EventBus extends Context.Service<
  EventBus,
  {
    /** Creates what is missing; a topic that exists with other partitions is a typed error. Idempotent. */
    readonly createTopics: (topics: ReadonlyArray<Topic>) => Effect.Effect<void, BusError>;
    /**
     * Publishes in the given order; done when the records are durable. All or none on buses with transactions; otherwise
     * a failure may leave a prefix per partition, which the inbox of each consumer makes harmless.
     */
    readonly publish: (envelopes: ReadonlyArray<Envelope>) => Effect.Effect<void, BusError>;
    /**
     * Consumes until the scope closes. The handler gets batches of records of one or more partitions, in order per
     * partition, one batch at a time; the positions advance when it succeeds. When it fails or dies, the same records come
     * again after a back-off (see `Backoff`) and the whole subscription waits: nothing behind them is delivered.
     *
     * All members of a group subscribe to the same topics; they share the partitions evenly.
     */
    readonly subscribe: <E>(
      subscription: Subscription,
      handler: (batch: ReadonlyArray<BusRecord>) => Effect.Effect<void, E>,
    ) => Effect.Effect<void, BusError, Scope.Scope>;
    /** How far a group is behind, per partition. */
    readonly lag: (group: string, topics: ReadonlyArray<Topic>) => Effect.Effect<ReadonlyArray<Lag>, BusError>;
    /** What serves this port, for `destiny status`: `memory`, `postgres`, `kafka`. */
    readonly implementation: string;
  }
>()("@destiny/sdk/bus/EventBus") {}

/** The bus cannot be reached now; the relay and the consumers wait and try again. */
export class BusUnavailable extends Schema.TaggedError<BusUnavailable>()("BusUnavailable", {
  cause: Schema.Defect(),
}) {}

/** A topic that nobody created, or one that exists with another number of partitions. */
export class TopicMismatch extends Schema.TaggedError<TopicMismatch>()("TopicMismatch", {
  topic: Schema.String,
  expected: Schema.Int,
  found: Schema.Int,
}) {}

export class BusError extends Schema.TaggedError<BusError>()("BusError", {
  reason: Schema.Union([BusUnavailable, TopicMismatch]),
}) {
  override get message(): string {
    return `${this.reason._tag}: ${this.reason.message}`;
  }
}
