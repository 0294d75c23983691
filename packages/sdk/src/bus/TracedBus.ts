/**
 * Spans around a bus: one for each message that is sent, and one for each that is processed.
 *
 * Each span hangs on the one that the message's `traceparent` names and puts itself in its place, so that what a message
 * leads to hangs on its processing, in whichever process that happens. The names are those of OpenTelemetry's messaging
 * conventions.
 *
 * Where nothing is recorded the bus is passed on as it is. Limits: two spans a message and consumer; work that a batch shares
 * (the statement that publishes it) is recorded under its first message only.
 */
import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import type * as Exit from "effect/Exit";
import * as Layer from "effect/Layer";
import * as Tracer from "effect/Tracer";
import type { Envelope } from "../message/Envelope.ts";
import * as TraceContext from "../message/TraceContext.ts";
import { type BusRecord, EventBus } from "./EventBus.ts";

type Bus = EventBus["Service"];

const spanOf = (
  operation: "send" | "process",
  envelope: Envelope,
  attributes: Readonly<Record<string, unknown>>,
): Effect.Effect<Tracer.Span> => {
  const parent = TraceContext.parse(envelope.traceparent);
  return Effect.makeSpan(`${operation} ${envelope.topic}`, {
    kind: operation === "send" ? "producer" : "consumer",
    parent,
    root: parent === undefined,
    attributes: {
      "messaging.operation.name": operation,
      "messaging.operation.type": operation,
      "messaging.destination.name": envelope.topic,
      "messaging.message.id": envelope.id,
      "cloudevents.event_type": envelope.type,
      "cloudevents.event_source": envelope.source,
      ...(envelope.correlationId === undefined ? {} : { "messaging.message.conversation_id": envelope.correlationId }),
      ...attributes,
    },
  });
};

const under = (span: Tracer.Span, envelope: Envelope): Envelope => ({
  ...envelope,
  traceparent: TraceContext.format(span),
});

const endAll =
  (spans: ReadonlyArray<Tracer.Span>) =>
  (exit: Exit.Exit<unknown, unknown>): Effect.Effect<void> =>
    Effect.map(Clock.currentTimeNanos, (at) => {
      for (const span of spans) span.end(at, exit);
    });

const sizeOf = (batch: ReadonlyArray<unknown>): Readonly<Record<string, unknown>> =>
  batch.length === 1 ? {} : { "messaging.batch.message_count": batch.length };

const traced = (bus: Bus): Bus => {
  const system = { "messaging.system": bus.implementation };

  const publish = Effect.fnUntraced(function* (envelopes: ReadonlyArray<Envelope>) {
    const attributes = { ...system, ...sizeOf(envelopes) };
    const spans = yield* Effect.forEach(envelopes, (envelope) => spanOf("send", envelope, attributes));
    const [first] = spans;
    if (first === undefined) return;
    const sending = bus.publish(envelopes.map((envelope, index) => under(spans[index] ?? first, envelope)));
    yield* Effect.onExit(Effect.provideService(sending, Tracer.ParentSpan, first), endAll(spans));
  });

  const subscribe: Bus["subscribe"] = (subscription, handler) =>
    bus.subscribe(
      subscription,
      Effect.fnUntraced(function* (batch) {
        const spans: Array<Tracer.Span> = [];
        const records: Array<BusRecord> = [];
        const attributes = { ...system, ...sizeOf(batch), "messaging.consumer.group.name": subscription.group };
        for (const record of batch) {
          // Nobody can tell whose work an unreadable record is.
          if (record._tag === "Unreadable") {
            records.push(record);
            continue;
          }
          const span = yield* spanOf("process", record.envelope, {
            ...attributes,
            "messaging.destination.partition.id": String(record.partition),
          });
          spans.push(span);
          records.push({ ...record, envelope: under(span, record.envelope) });
        }
        const [first] = spans;
        const handling = handler(records);
        // What is logged about a batch belongs to no single message of it.
        const alone = batch.length === 1 && first !== undefined;
        yield* Effect.onExit(
          alone ? Effect.withParentSpan(handling, first, { captureStackTrace: false }) : handling,
          endAll(spans),
        );
      }),
    );

  return { ...bus, publish, subscribe };
};

/** The bus of a layer, with spans if they are recorded. */
export const layer = <E, R>(bus: Layer.Layer<EventBus, E, R>): Layer.Layer<EventBus, E, R> =>
  Layer.effect(
    EventBus,
    Effect.gen(function* () {
      const plain = yield* EventBus;
      return (yield* TraceContext.Recording) ? EventBus.of(traced(plain)) : plain;
    }),
  ).pipe(Layer.provide(bus));
