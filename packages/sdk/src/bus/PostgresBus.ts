/**
 * The event bus in PostgreSQL: the embedded default.
 *
 * Guarantee: a published record reaches every group at least once, records of one key in the order of their commits;
 * publishing is all or nothing. Offsets are dense per partition and become visible in their order, so a reader never
 * passes over a record whose transaction commits late. A consumer that is up to date takes records from the notifications of
 * their publication, and fetches when one does not follow its position (see `postgres/Notice.ts`).
 *
 * Limits: `maxPoolConnections` and one connection for ownership and notifications a process; 4,096 partitions a topic;
 * publishers of one partition commit one after the other; batches of a group run one at a time per subscription. Records
 * are deleted when their topic's retention is over. Those that a group has not finished are kept for `maxHoldMillis` more, and
 * then deleted as well (which is logged as an error).
 */
import * as PgClient from "@effect/sql-pg/PgClient";
import * as Config from "effect/Config";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import type * as Redacted from "effect/Redacted";
import type * as Scope from "effect/Scope";
import * as SqlClient from "effect/sql/SqlClient";
import type { SqlError } from "effect/sql/SqlError";
import { partitionOf, type Topic } from "../message/Topic.ts";
import { BusError, BusUnavailable, defaultMaxBatchRecords, EventBus, TopicMismatch } from "./EventBus.ts";
import * as Pace from "./Pace.ts";
import * as BusMigrations from "./postgres/BusMigrations.ts";
import * as BusRetention from "./postgres/BusRetention.ts";
import * as BusStore from "./postgres/BusStore.ts";
import * as Membership from "./postgres/Membership.ts";
import * as Positions from "./postgres/Positions.ts";
import * as Subscription from "./postgres/Subscription.ts";

export interface Options {
  /** The bus's own database, `postgres://…/destiny_bus`. */
  readonly url: Redacted.Redacted;
  /** Connections for publishing and fetching. Default 4. */
  readonly maxPoolConnections?: number | undefined;
  /** How often an idle consumer looks without having been notified. Default 2,000. */
  readonly pollMillis?: number | undefined;
  /** From the beginning of a batch to the next one's at least, while a consumer is up to date; see `Pace`. Default 10. */
  readonly minBatchGapMillis?: number | undefined;
  /** The same at most; 0: no gaps. Default 100. */
  readonly maxBatchGapMillis?: number | undefined;
  /** Batches that may begin one after the other, after a time with few. Default 8. */
  readonly maxBatchBurst?: number | undefined;
  /** How long a finished position may stay unwritten. Default 200. */
  readonly positionFlushMillis?: number | undefined;
  /** How soon a killed member is noticed. Default 2,000. */
  readonly rebalanceMillis?: number | undefined;
  /** When an ownership connection that does not answer counts as broken. Default 10,000. */
  readonly sessionTimeoutMillis?: number | undefined;
  /** Default one hour. */
  readonly sweepMillis?: number | undefined;
  /** Records that one statement of a sweep deletes. Default 5,000. */
  readonly maxSweepRecords?: number | undefined;
  /** How much longer a record is kept for a group that has not finished it. Default 48 hours. */
  readonly maxHoldMillis?: number | undefined;
}

export const defaults = {
  maxPoolConnections: 4,
  pollMillis: 2000,
  minBatchGapMillis: 10,
  maxBatchGapMillis: 100,
  maxBatchBurst: 8,
  positionFlushMillis: 200,
  rebalanceMillis: 2000,
  sessionTimeoutMillis: 10_000,
  sweepMillis: 3_600_000,
  maxSweepRecords: 5000,
  maxHoldMillis: 48 * 3_600_000,
} as const;

export const migrate = BusMigrations.migrate;

/** Deletes records that are older than their topic keeps them, in bounded steps; answers how many. */
export const sweep = Effect.fn("PostgresBus.sweep")(function* ({
  maxHoldMillis,
  maxSweepRecords,
}: { readonly maxHoldMillis: number; readonly maxSweepRecords: number } = defaults): Effect.fn.Return<
  number,
  SqlError,
  SqlClient.SqlClient
> {
  const sql = yield* SqlClient.SqlClient;
  let total = 0;
  for (;;) {
    const deleted = yield* BusRetention.sweepOnce(sql, { maxRecords: maxSweepRecords, maxHoldMillis });
    total += deleted;
    if (deleted < maxSweepRecords) return total;
  }
});

const unavailable = (cause: unknown) => new BusError({ reason: new BusUnavailable({ cause }) });
const mismatch = (topic: string, expected: number, found: number) =>
  new BusError({ reason: new TopicMismatch({ topic, expected, found }) });

const make = Effect.fnUntraced(function* (
  options: Options,
): Effect.fn.Return<EventBus["Service"], BusError, SqlClient.SqlClient | Scope.Scope> {
  const sql = yield* SqlClient.SqlClient;
  const limits = {
    pollMillis: options.pollMillis ?? defaults.pollMillis,
    minBatchGapMillis: options.minBatchGapMillis ?? defaults.minBatchGapMillis,
    maxBatchGapMillis: options.maxBatchGapMillis ?? defaults.maxBatchGapMillis,
    maxBatchBurst: options.maxBatchBurst ?? defaults.maxBatchBurst,
    rebalanceMillis: options.rebalanceMillis ?? defaults.rebalanceMillis,
    sessionTimeoutMillis: options.sessionTimeoutMillis ?? defaults.sessionTimeoutMillis,
    sweepMillis: options.sweepMillis ?? defaults.sweepMillis,
    maxSweepRecords: options.maxSweepRecords ?? defaults.maxSweepRecords,
    maxHoldMillis: options.maxHoldMillis ?? defaults.maxHoldMillis,
  };
  const scope = yield* Effect.scope;
  yield* Effect.mapError(migrate, unavailable);
  const positions = yield* Positions.make(sql, options.positionFlushMillis ?? defaults.positionFlushMillis);
  const membership = yield* Membership.make(sql, positions, {
    ...limits,
    connection: { url: options.url, applicationName: "destiny-bus-session", keepAlive: "10 seconds" },
  });
  const sweeping = yield* Effect.cached(
    Effect.sleep(limits.sweepMillis).pipe(
      Effect.andThen(Effect.provideService(sweep(limits), SqlClient.SqlClient, sql)),
      Effect.catchCause((cause) => Effect.logWarning("the sweep failed; it comes again", cause)),
      Effect.forever,
      Effect.forkIn(scope),
    ),
  );

  /** Topics never change their partitions, so what was found once stays true. */
  const known = new Map<string, BusStore.StoredTopic>();
  const lookUp = Effect.fnUntraced(function* (names: Iterable<string>) {
    const missing = [...new Set(names)].filter((name) => !known.has(name));
    if (missing.length > 0) {
      for (const topic of yield* Effect.mapError(BusStore.findTopics(sql, missing), unavailable)) {
        known.set(topic.name, topic);
      }
    }
    const unknown = missing.find((name) => !known.has(name));
    if (unknown !== undefined) return yield* mismatch(unknown, 1, 0);
    return known;
  });
  const check = Effect.fnUntraced(function* (topics: ReadonlyArray<Topic>) {
    const found = yield* lookUp(topics.map((topic) => topic.name));
    const stored: Array<BusStore.StoredTopic> = [];
    for (const { name, partitions } of topics) {
      const topic = found.get(name);
      if (topic?.partitions !== partitions) return yield* mismatch(name, partitions, topic?.partitions ?? 0);
      stored.push(topic);
    }
    return stored;
  });

  return {
    implementation: "postgres",
    createTopics: Effect.fn("PostgresBus.createTopics")(function* (topics) {
      yield* Effect.mapError(BusStore.createTopics(sql, topics), unavailable);
      yield* check(topics);
    }),
    publish: Effect.fn("PostgresBus.publish")(function* (envelopes) {
      if (envelopes.length === 0) return;
      const topics = yield* lookUp(envelopes.map((envelope) => envelope.topic));
      const messages = envelopes.flatMap((envelope): Array<BusStore.Addressed> => {
        const topic = topics.get(envelope.topic);
        return topic === undefined
          ? []
          : [{ topicId: topic.id, partition: partitionOf(topic, envelope.key), envelope }];
      });
      yield* Effect.mapError(BusStore.publish(sql, messages), unavailable);
    }),
    subscribe: Effect.fn("PostgresBus.subscribe")(function* (subscription, handler) {
      const topics = yield* check(subscription.topics);
      const groupId = yield* Effect.mapError(BusStore.joinGroup(sql, subscription.group), unavailable);
      yield* sweeping;
      const { minBatchGapMillis: minGapMillis = limits.minBatchGapMillis } = subscription;
      const member = yield* Effect.acquireRelease(membership.join(groupId, topics), membership.leave);
      yield* Effect.forkScoped(
        Subscription.run({
          sql,
          group: subscription.group,
          member,
          membership,
          positions,
          maxBatchRecords: subscription.maxBatchRecords ?? defaultMaxBatchRecords,
          pollMillis: limits.pollMillis,
          pace: Pace.make({
            minGapMillis,
            maxGapMillis: Math.max(limits.maxBatchGapMillis, subscription.minBatchGapMillis ?? 0),
            burst: limits.maxBatchBurst,
          }),
          handler,
        }),
      );
    }),
    lag: Effect.fn("PostgresBus.lag")(function* (group, topics) {
      const stored = yield* check(topics);
      return yield* Effect.mapError(
        BusStore.lag(
          sql,
          group,
          stored.map((topic) => topic.id),
        ),
        unavailable,
      );
    }),
  };
});

/** With a pool of its own: the ambient `SqlClient` is the business database's and stays out of this. */
export const layer = (options: Options): Layer.Layer<EventBus, BusError> =>
  Layer.effect(EventBus, Effect.map(make(options), EventBus.of)).pipe(
    Layer.provide(
      PgClient.layer({
        url: options.url,
        maxConnections: options.maxPoolConnections ?? defaults.maxPoolConnections,
        applicationName: "destiny-bus",
      }).pipe(Layer.catchCause((cause) => Layer.effectContext(Effect.fail(unavailable(cause))))),
    ),
  );

export const layerConfig = (config: Config.Wrap<Options>): Layer.Layer<EventBus, BusError | Config.ConfigError> =>
  Layer.unwrap(Effect.map(Config.unwrap(config), layer));
