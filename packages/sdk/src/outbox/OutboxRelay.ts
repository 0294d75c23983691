/**
 * Carries messages from the outbox to the bus: the only sender of a database.
 *
 * It reads the rows that are still there, in `position` order, publishes them, and only then moves them to the evidence.
 * Rejected: a cursor over positions, which skips the rows of a transaction that commits late; marking rows as sent, which
 * makes two dead row versions per message. Moving is lazy, one statement for several batches; the positions that were
 * published but not yet moved are remembered and left out of the next read.
 *
 * What this process committed itself is handed over and not read back, as long as the positions follow each other without a
 * gap: nobody else can then have a row in between. A gap is somebody else's row, or one that commits late, or one that was
 * rolled back; the table knows which, so after a gap the relay reads for `pollMillis`, and at least that often anyway.
 *
 * Between idle and saturation a sender without pauses spends its time on batches of one, and so do all its readers. So under load
 * publications begin with a gap between them (see `Pace`): a message that comes alone leaves at once, and what comes within the
 * gap leaves together. Rejected: waiting before the first one, which would slow down an idle shop.
 *
 * A topic that the bus refuses blocks only itself. A bus that is away is waited for, without losing or reordering anything.
 */
import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Metric from "effect/Metric";
import * as Option from "effect/Option";
import type * as Scope from "effect/Scope";
import type { SqlClient } from "effect/sql/SqlClient";
import { type BusError, EventBus } from "../bus/EventBus.ts";
import * as Pace from "../bus/Pace.ts";
import { lead } from "./Leadership.ts";
import { Outbox, type Row } from "./Outbox.ts";

export interface Options {
  /** Messages per publish. */
  readonly maxBatchMessages: number;
  /** Bounds of the time from the beginning of a publication to the next one's, see `Pace`; a greatest one of 0: none. */
  readonly minPublishGapMillis: number;
  readonly maxPublishGapMillis: number;
  /** Publications that may begin one after the other, after a time with few. */
  readonly maxPublishBurst: number;
  /** Published messages that may wait to be moved, and for how long: one statement then moves those of several batches. */
  readonly maxUnmovedMessages: number;
  readonly moveDelayMillis: number;
  /** The backstop: commits wake the relay and hand it their rows, and a read this often finds what was missed. */
  readonly pollMillis: number;
  /** How long a topic that the bus refused is left alone. */
  readonly blockedTopicMillis: number;
}

export const defaultOptions: Options = {
  maxBatchMessages: 512,
  minPublishGapMillis: 10,
  maxPublishGapMillis: 100,
  maxPublishBurst: 8,
  maxUnmovedMessages: 512,
  moveDelayMillis: 100,
  pollMillis: 2000,
  blockedTopicMillis: 30_000,
};

const published = Metric.counter("destiny_outbox_published_total", { incremental: true });

/** Relays until it is interrupted. A database that fails is a defect here: leadership ends with it, and stands again. */
export const run = Effect.fn("OutboxRelay.run")(function* (
  partial: Partial<Options> = {},
): Effect.fn.Return<never, never, Outbox | EventBus> {
  const options: Options = { ...defaultOptions, ...partial };
  const outbox = yield* Outbox;
  const bus = yield* EventBus;
  const blocked = new Set<string>();
  let unmoved: ReadonlyArray<Row> = [];
  /** The highest position that was published. */
  let edge = 0n;
  /** Handed rows are taken from then on, and until then. */
  let trustAfter = 0;
  let trustUntil = 0;

  const move = Effect.suspend(() => {
    const rows = unmoved;
    unmoved = [];
    return rows.length === 0 ? Effect.void : outbox.sent(rows);
  });

  const send = (rows: ReadonlyArray<Row>): Effect.Effect<void, BusError> =>
    Effect.tap(bus.publish(rows.map((row) => row.envelope)), () => {
      unmoved = [...unmoved, ...rows];
      return Metric.update(published, rows.length);
    });

  const block = (topic: string, error: BusError) =>
    Effect.gen(function* () {
      yield* Effect.logError("the bus refuses a topic; its messages wait", { topic }, error);
      blocked.add(topic);
      yield* Effect.forkScoped(
        Effect.andThen(
          Effect.sleep(options.blockedTopicMillis),
          Effect.sync(() => {
            blocked.delete(topic);
            // Its rows lie behind the edge.
            trustUntil = 0;
          }),
        ),
      );
    });

  /** The bus refused some topic: publish topic by topic, so that only the refused one waits. */
  const sendByTopic = (rows: ReadonlyArray<Row>) =>
    Effect.forEach(
      Map.groupBy(rows, (row) => row.envelope.topic),
      ([topic, own]) =>
        Effect.catchIf(
          send(own),
          (error) => error.reason._tag === "TopicMismatch",
          (error) => block(topic, error),
        ),
      { discard: true },
    );

  const relay = (rows: ReadonlyArray<Row>, pauseMillis = 50): Effect.Effect<void, BusError, Scope.Scope> =>
    Effect.catchTag(send(rows), "BusError", (error) =>
      error.reason._tag === "TopicMismatch"
        ? sendByTopic(rows)
        : Effect.andThen(Effect.sleep(pauseMillis), relay(rows, Math.min(pauseMillis * 2, 5000))),
    );

  /** Whether rows, sorted, follow the edge one by one. Those that come from before it committed late, and leave no gap. */
  const follow = (rows: ReadonlyArray<Row>): boolean => {
    const later = rows.filter((row) => row.position > edge);
    return later.every((row, index) => row.position === edge + BigInt(index) + 1n);
  };

  /** What was handed over; undefined when the table has to be asked. */
  const handedOver = (now: number): ReadonlyArray<Row> | undefined => {
    const published = new Set(unmoved.map((row) => row.position));
    const rows = outbox.handed()?.filter((row) => !published.has(row.position));
    if (rows === undefined || rows.length === 0 || rows.length > options.maxBatchMessages) return undefined;
    if (now < trustAfter || now >= trustUntil || blocked.size > 0) return undefined;
    return rows.every((row) => row.position > edge) && follow(rows) ? rows : undefined;
  };

  const read = (now: number) =>
    Effect.map(
      outbox.waiting({
        limit: options.maxBatchMessages,
        except: unmoved.map((row) => row.position),
        blocked: [...blocked],
      }),
      (rows) => {
        if (!follow(rows)) trustAfter = now + options.pollMillis;
        trustUntil = Math.max(now, trustAfter) + options.pollMillis;
        return rows;
      },
    );

  const pace = Pace.make({
    minGapMillis: options.minPublishGapMillis,
    maxGapMillis: options.maxPublishGapMillis,
    burst: options.maxPublishBurst,
  });

  const turn = Effect.gen(function* () {
    yield* pace.wait;
    // Closed before the look: a commit that lands in between opens it again.
    yield* outbox.awake.close;
    const now = yield* Clock.currentTimeMillis;
    const rows = handedOver(now) ?? (yield* read(now));
    for (const { position } of rows) if (position > edge) edge = position;
    if (rows.length > 0) yield* pace.batch(relay(rows));
    if (unmoved.length >= options.maxUnmovedMessages) yield* move;
    // A batch that was not full held all that was committed; what commits later opens the latch.
    if (rows.length === options.maxBatchMessages) return;
    const woken = yield* Effect.timeoutOption(
      outbox.awake.await,
      unmoved.length > 0 ? options.moveDelayMillis : options.pollMillis,
    );
    if (Option.isNone(woken)) yield* move;
  });

  // A relay that ends in good order leaves nothing that its successor would publish again.
  const moveAtEnd = Effect.addFinalizer(() => Effect.ignore(move));
  return yield* Effect.scoped(Effect.andThen(moveAtEnd, Effect.orDie(Effect.forever(turn))));
});

/** One active relay per database; a second process stands by. */
export const layer = (options: Partial<Options> = {}): Layer.Layer<never, never, Outbox | EventBus | SqlClient> =>
  Layer.effectDiscard(Effect.forkScoped(lead("outbox", run(options))));

/** For an outbox in memory, whose process is the only one. */
export const layerMemory: Layer.Layer<never, never, Outbox | EventBus> = Layer.effectDiscard(
  Effect.forkScoped(run({ maxPublishGapMillis: 0 })),
);
