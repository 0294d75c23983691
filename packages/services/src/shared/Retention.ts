/**
 * How long the services remember what is done with, and what they refuse to be told.
 *
 * The inbox is what makes a redelivery harmless, so it outlives every record of the bus; what hangs on an input (its saga, its
 * dead letter) outlives the inbox.
 */
import { PostgresBus } from "@destiny/sdk/bus";
import { Retention as Sweeper } from "@destiny/sdk/machine";
import { Retention } from "@destiny/sdk/outbox";
import { SagaRetention } from "@destiny/sdk/saga";
import * as Config from "effect/Config";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Schema from "effect/Schema";
import { Topics } from "../contracts/index.ts";

const age = (name: string, defaultMillis: number) =>
  Config.Duration(name).pipe(Config.withDefault(Duration.millis(defaultMillis)), Config.map(Duration.toMillis));

const positive = (name: string, defaultValue: number) =>
  Config.schema(Schema.NumberFromString.check(Schema.isInt(), Schema.isGreaterThan(0)), name).pipe(
    Config.withDefault(defaultValue),
  );

/** Longer than its topic's retention, for a group that is behind. */
export const busHoldMillis = age("DESTINY_RETENTION_BUS_HOLD", PostgresBus.defaults.maxHoldMillis);

/** What may lie between a record's end on the bus and its last redelivery: positions that were not written, clocks, a sweep. */
export const slackMillis = 24 * 3_600_000;

const longestTopicMillis = Math.max(...Object.values(Topics).map(({ retentionHours }) => retentionHours)) * 3_600_000;

/** A sweep that drops the partitions that the next hour makes again would never end. */
const minSentMillis = 2 * 24 * 3_600_000;

/** Something would be forgotten that is still asked for. */
export class RetentionTooShort extends Schema.TaggedError<RetentionTooShort>()("RetentionTooShort", {
  setting: Schema.String,
  millis: Schema.Finite,
  atLeastMillis: Schema.Finite,
  why: Schema.String,
}) {
  override get message(): string {
    return `${this.setting} (${this.millis} ms) must be at least ${this.atLeastMillis} ms: ${this.why}`;
  }
}

const checked = (setting: string, millis: number, atLeastMillis: number, why: string) =>
  millis >= atLeastMillis ? Effect.void : Effect.fail(new RetentionTooShort({ setting, millis, atLeastMillis, why }));

export const settings = Effect.gen(function* () {
  const inboxMillis = yield* age("DESTINY_RETENTION_INBOX", Retention.defaults.inboxMillis);
  const sentMillis = yield* age("DESTINY_RETENTION_SENT", Retention.defaults.sentMillis);
  const deadLetterMillis = yield* age("DESTINY_RETENTION_DEAD_LETTERS", Retention.defaults.deadLetterMillis);
  const sagaMillis = yield* age("DESTINY_RETENTION_SAGAS", SagaRetention.defaultKeepMillis);
  const intervalMillis = yield* age("DESTINY_RETENTION_INTERVAL", Sweeper.defaultLimits.intervalMillis);
  const maxBatchRows = yield* positive("DESTINY_RETENTION_BATCH_ROWS", Sweeper.defaultLimits.maxBatchRows);
  const redeliveredMillis = longestTopicMillis + (yield* busHoldMillis) + slackMillis;
  yield* checked(
    "DESTINY_RETENTION_INBOX",
    inboxMillis,
    redeliveredMillis,
    "the bus may deliver a record again until then",
  );
  yield* checked("DESTINY_RETENTION_SENT", sentMillis, minSentMillis, "yesterday's partition is made anew every hour");
  yield* checked("DESTINY_RETENTION_SAGAS", sagaMillis, inboxMillis, "a saga outlives the inputs that began it");
  yield* checked("DESTINY_RETENTION_DEAD_LETTERS", deadLetterMillis, inboxMillis, "a dead letter outlives its input");
  yield* checked("DESTINY_RETENTION_INTERVAL", intervalMillis, 1000, "a sweep is background work");
  return {
    keep: { inboxMillis, sentMillis, deadLetterMillis },
    sagaMillis,
    limits: { intervalMillis, maxBatchRows },
  };
});

/** Sweeps what every service with a database has. */
export const layer = Layer.unwrap(
  Effect.map(settings, ({ keep, limits }) => Sweeper.layer(Retention.jobs(keep), limits)),
);

/** Sweeps the sagas. */
export const sagas = Layer.unwrap(
  Effect.map(settings, ({ limits, sagaMillis }) => Sweeper.layer([SagaRetention.job(sagaMillis)], limits)),
);
