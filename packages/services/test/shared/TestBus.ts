/** The other side of the bus: commands the service as the saga would, and hears everything that is said. */
import type { EventBus } from "@destiny/sdk/bus";
import { type Envelope, Ids, Message } from "@destiny/sdk/message";
import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import * as Schedule from "effect/Schedule";
import type * as SqlClient from "effect/sql/SqlClient";
import { Topics } from "../../src/contracts/index.ts";

/** How the envelope of a message differs from a usual one. */
export interface Extras {
  readonly operationId?: string | undefined;
  readonly key?: string | undefined;
  /** Replaces the encoded payload, to send what the schema forbids. */
  readonly data?: unknown;
}

type Command<Payload, Success, Refusal> = Message.Command<string, Payload, Success, Refusal>;

/** An event as it was heard. */
export interface Heard<Payload> {
  readonly payload: Payload;
  readonly envelope: Envelope.Envelope;
}

export interface DeadLetter {
  readonly id: string;
  readonly key: string;
  readonly reason: string | null;
}

export interface TestBus {
  /** An envelope with a fresh id; commands ask for their answer on `saga.replies`. Nothing is published. */
  readonly envelope: <Payload>(
    definition: Message.Event<string, Payload> | Message.Command<string, Payload, never, never> | Message.AnyCommand,
    payload: Payload,
    extras?: Extras,
  ) => Effect.Effect<Envelope.Envelope>;
  /** Publishes, in order. The same envelope twice is a redelivery. */
  readonly publish: (...envelopes: ReadonlyArray<Envelope.Envelope>) => Effect.Effect<void>;
  /** Sends a command under a fresh id and waits for its answer. */
  readonly ask: <Payload, Success, Refusal>(
    definition: Command<Payload, Success, Refusal>,
    payload: Payload,
    extras?: Extras,
  ) => Effect.Effect<Message.Reply<Success, Refusal>>;
  /** Every answer that was given so far under an operation id. */
  readonly replies: <Success, Refusal>(
    definition: Command<never, Success, Refusal> | Message.AnyCommand,
    operationId: string,
  ) => Effect.Effect<ReadonlyArray<Message.Reply<Success, Refusal>>>;
  /** Events of that definition, in order; of one key when it is given. */
  readonly said: <Payload>(
    definition: Message.Event<string, Payload>,
    key?: string,
  ) => Effect.Effect<ReadonlyArray<Heard<Payload>>>;
  /** Everything that was published, in order per key. */
  readonly all: Effect.Effect<ReadonlyArray<Envelope.Envelope>>;
  /** Waits until the service has consumed everything and has published everything that it committed. */
  readonly settled: Effect.Effect<void>;
  /** What the service set aside and has not been drained, oldest first. */
  readonly deadLetters: Effect.Effect<ReadonlyArray<DeadLetter>>;
  /** The bus as the service gets it. */
  readonly observed: EventBus.EventBus["Service"];
}

const topics = Object.values(Topics);
const group = "test";

const poll = <E>(isDone: Effect.Effect<boolean, E>): Effect.Effect<void> =>
  Effect.orDie(Effect.asVoid(Effect.repeat(isDone, { until: (done) => done, schedule: Schedule.spaced("5 millis") })));

export const make = Effect.fnUntraced(function* (bus: EventBus.EventBus["Service"], sql: SqlClient.SqlClient) {
  const heard: Array<Envelope.Envelope> = [];
  const consumers: Array<EventBus.Subscription> = [];
  yield* bus.createTopics(topics);
  yield* bus.subscribe({ group, topics }, (batch) =>
    Effect.sync(() => {
      for (const record of batch) if (record._tag === "Readable") heard.push(record.envelope);
    }),
  );

  const isEmpty = (consumer: EventBus.Subscription) =>
    Effect.map(bus.lag(consumer.group, consumer.topics), (lags) => lags.every(({ records }) => records === 0));

  /** In the order in which work flows: what a consumer commits lies in the outbox before the consumer has moved on. */
  const settled = Effect.gen(function* () {
    for (const consumer of consumers) yield* poll(isEmpty(consumer));
    if (consumers.length > 0) yield* poll(Effect.map(sql`SELECT 1 FROM outbox LIMIT 1`, (rows) => rows.length === 0));
    yield* poll(isEmpty({ group, topics }));
  });

  const envelope = Effect.fnUntraced(function* <Payload>(
    definition: Message.Event<string, Payload> | Message.Command<string, Payload, never, never> | Message.AnyCommand,
    payload: Payload,
    extras: Extras = {},
  ) {
    const id = yield* Ids.fresh;
    const draft = Message.draft(definition, payload, {
      ...(definition.kind === "command" ? { replyTo: Topics.sagaReplies.name } : {}),
      operationId: extras.operationId ?? id,
    });
    const made: Envelope.Envelope = {
      ...draft,
      id,
      source: "destiny/test",
      time: yield* Clock.currentTimeMillis,
      key: extras.key ?? draft.key,
      data: "data" in extras ? extras.data : draft.data,
    };
    return made;
  });

  const publish = (...envelopes: ReadonlyArray<Envelope.Envelope>) => Effect.orDie(bus.publish(envelopes));

  const answers = (type: string, operationId: string) =>
    heard.filter((one) => one.type === `${type}${Message.replySuffix}` && one.operationId === operationId);

  const decodeReply = <Success, Refusal>(
    definition: Command<never, Success, Refusal> | Message.AnyCommand,
    { data }: Envelope.Envelope,
  ) => Effect.orDie(Message.decode(Message.replySchema<Success, Refusal>(definition), data));

  const ask = Effect.fnUntraced(function* <Payload, Success, Refusal>(
    definition: Command<Payload, Success, Refusal>,
    payload: Payload,
    extras: Extras = {},
  ) {
    const sent = yield* envelope(definition as Message.AnyCommand, payload, extras);
    const operationId = sent.operationId ?? sent.id;
    const before = answers(definition.type, operationId).length;
    yield* publish(sent);
    yield* poll(Effect.sync(() => answers(definition.type, operationId).length > before));
    const [answer = sent] = answers(definition.type, operationId).slice(before);
    return yield* decodeReply<Success, Refusal>(definition as Message.AnyCommand, answer);
  });

  return {
    envelope,
    publish,
    ask,
    replies: (definition, operationId) =>
      Effect.forEach(answers(definition.type, operationId), (one) => decodeReply(definition, one)),
    said: (definition, key) =>
      Effect.forEach(
        heard.filter((one) => one.type === definition.type && (key === undefined || one.key === key)),
        (one) =>
          Effect.map(Effect.orDie(Message.decode(definition.payload, one.data)), (payload) => ({
            payload,
            envelope: one,
          })),
      ),
    all: Effect.sync(() => [...heard]),
    settled,
    deadLetters: Effect.orDie(
      sql<DeadLetter>`SELECT id, key, reason FROM dead_letter WHERE status = 'parked' ORDER BY position`,
    ),
    observed: {
      ...bus,
      subscribe: (subscription, handler) =>
        Effect.andThen(
          Effect.sync(() => consumers.push(subscription)),
          bus.subscribe(subscription, handler),
        ),
    },
  } satisfies TestBus;
});
