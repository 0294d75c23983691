/**
 * Takes batches from the bus and applies each as one group of a machine.
 *
 * Guarantee: each message is applied exactly once in this database, in order per key; the position on the bus advances only
 * after the commit. A message that cannot be read or applied goes to the dead letters with its reason and parks its key;
 * other keys flow. When the database is away nothing is acknowledged and the batch comes again.
 */
import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import * as Metric from "effect/Metric";
import * as Result from "effect/Result";
import * as Schema from "effect/Schema";
import type * as Scope from "effect/Scope";
import { type BusError, type BusRecord, EventBus } from "../bus/EventBus.ts";
import type { GroupCommitError } from "../machine/Errors.ts";
import type { Delivery, GroupCommit } from "../machine/GroupCommit.ts";
import type { Identified } from "../machine/Machine.ts";
import type { Envelope } from "../message/Envelope.ts";
import { type AnyCommand, type Command, type Event, replySchema, replySuffix } from "../message/Message.ts";
import type { Topic } from "../message/Topic.ts";
import * as TraceContext from "../message/TraceContext.ts";

/** What a message means to a machine: an input, nothing, or something that cannot be read. */
export type Meaning<Input> =
  | { readonly _tag: "Input"; readonly input: Input }
  | { readonly _tag: "Ignored" }
  | { readonly _tag: "Unreadable"; readonly why: string };

export type Decode<Input> = (envelope: Envelope) => Meaning<Input>;

/** A decoder that says which types it takes: audits ask whether each of them was applied. */
export interface Decoder<Input> extends Decode<Input> {
  readonly types: ReadonlySet<string>;
}

/** One message type and what it becomes. */
export interface Handler<Input> {
  readonly type: string;
  readonly decode: Decode<Input>;
}

const handler = <Input, Payload>(
  type: string,
  schema: Schema.Codec<Payload, unknown>,
  toInput: (payload: Payload, envelope: Envelope) => Input,
): Handler<Input> => {
  const decode = Schema.decodeUnknownResult(Schema.toCodecJson(schema));
  return {
    type,
    decode: (envelope) =>
      Result.match(decode(envelope.data), {
        onSuccess: (payload): Meaning<Input> => ({ _tag: "Input", input: toInput(payload, envelope) }),
        onFailure: (error) => ({ _tag: "Unreadable", why: error.message }),
      }),
  };
};

/** An event or command that the machine takes. */
export const on = <Payload, Input>(
  definition: Event<string, Payload> | Command<string, Payload, unknown, unknown>,
  toInput: (payload: Payload, envelope: Envelope) => Input,
): Handler<Input> => handler(definition.type, definition.payload, toInput);

/** The answer to a command that this side sent. */
export const onReply = <Input>(
  definition: AnyCommand,
  toInput: (
    reply: typeof definition extends Command<string, never, infer S, infer R> ? S | R : unknown,
    envelope: Envelope,
  ) => Input,
): Handler<Input> => handler(definition.type + replySuffix, replySchema(definition), toInput);

/** Types that no handler names are somebody else's: they are passed over without a trace. */
export const decoder = <Input>(handlers: ReadonlyArray<Handler<Input>>): Decoder<Input> => {
  const byType = new Map(handlers.map((one) => [one.type, one.decode]));
  const decode: Decode<Input> = (envelope) => byType.get(envelope.type)?.(envelope) ?? { _tag: "Ignored" };
  return Object.assign(decode, { types: new Set(byType.keys()) });
};

export interface Options<Input> {
  /** Its name on the bus; the same as the `consumer` of the group commit, so that its inbox rows are found. */
  readonly group: string;
  readonly topics: ReadonlyArray<Topic>;
  readonly decode: Decode<Input>;
  readonly commit: Pick<GroupCommit<Input, unknown, unknown>, "apply">;
  readonly maxBatchRecords?: number | undefined;
  /** See {@link unhurriedGapMillis}. */
  readonly minBatchGapMillis?: number | undefined;
  /** More than this is not one bad message but a bad deploy: the consumer pauses and keeps everything on the bus. */
  readonly maxDeadLettersPerMinute?: number | undefined;
}

/**
 * Between the batches of a consumer whose work nobody waits for, such as statistics and notifications: under load it takes five
 * batches a second instead of a hundred, and what it would spend on them is left to those who are waited for.
 */
export const unhurriedGapMillis = 200;

export const defaultMaxDeadLettersPerMinute = 100;
const minuteMillis = 60_000;

const applied = Metric.counter("destiny_consumer_applied_total", { incremental: true });
const duplicates = Metric.counter("destiny_consumer_duplicates_total", { incremental: true });
const deadLetters = Metric.counter("destiny_consumer_dead_letters_total", { incremental: true });

/** The delivery that a message becomes; undefined when it is not for this machine. */
export const deliveryOf = <Input>(
  decode: Decode<Input>,
  envelope: Envelope,
  at: number,
): Delivery<Input> | undefined => {
  const meaning = decode(envelope);
  switch (meaning._tag) {
    case "Ignored":
      return undefined;
    case "Unreadable":
      return { _tag: "Unreadable", envelope, why: meaning.why };
    case "Input": {
      const input: Identified<Input> = { id: envelope.id, at, input: meaning.input, envelope };
      return { _tag: "Readable", input };
    }
  }
};

/** Consumes until the scope closes. */
export const run = Effect.fn("Consumer.run")(function* <Input>(
  options: Options<Input>,
): Effect.fn.Return<void, BusError, EventBus | Scope.Scope> {
  const bus = yield* EventBus;
  const limit = options.maxDeadLettersPerMinute ?? defaultMaxDeadLettersPerMinute;
  const labels = { consumer: options.group };
  let recent: ReadonlyArray<number> = [];

  const pauseIfFlooded = (fresh: number) =>
    Effect.gen(function* () {
      const now = yield* Clock.currentTimeMillis;
      recent = [...recent.filter((at) => at > now - minuteMillis), ...Array.from({ length: fresh }, () => now)];
      if (recent.length <= limit) return;
      yield* Effect.logError("too many dead letters: the consumer pauses for a minute", {
        ...labels,
        recent: recent.length,
      });
      yield* Effect.sleep(minuteMillis);
    });

  const handle = (batch: ReadonlyArray<BusRecord>): Effect.Effect<void, GroupCommitError> =>
    Effect.gen(function* () {
      const now = yield* Clock.currentTimeMillis;
      const deliveries: Array<Delivery<Input>> = [];
      for (const record of batch) {
        const delivery: Delivery<Input> | undefined =
          record._tag === "Readable"
            ? deliveryOf(options.decode, record.envelope, now)
            : { _tag: "Unreadable", envelope: record.standIn, why: record.why };
        if (delivery !== undefined) deliveries.push(delivery);
      }
      if (deliveries.length === 0) return;
      const report = yield* options.commit.apply(deliveries);
      yield* Metric.update(Metric.withAttributes(applied, labels), report.applied);
      yield* Metric.update(Metric.withAttributes(duplicates, labels), report.duplicates);
      if (report.poisoned.length === 0) return;
      yield* Metric.update(Metric.withAttributes(deadLetters, labels), report.poisoned.length);
      const traceparents = new Map(
        batch.map((record) => {
          const envelope = record._tag === "Readable" ? record.envelope : record.standIn;
          return [envelope.id, envelope.traceparent] as const;
        }),
      );
      for (const letter of report.poisoned) {
        const told = Effect.logError("dead letter", { ...labels, ...letter });
        yield* TraceContext.continued(traceparents.get(letter.id))(told);
      }
      yield* pauseIfFlooded(report.poisoned.length);
    });

  yield* bus.subscribe(
    {
      group: options.group,
      topics: options.topics,
      maxBatchRecords: options.maxBatchRecords,
      minBatchGapMillis: options.minBatchGapMillis,
    },
    handle,
  );
});
