/** A bus that writes down what it is given, and refuses or is away when a test says so. */
import { EventBus } from "@destiny/sdk/bus";
import type { Envelope } from "@destiny/sdk/message";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";

export interface Recording {
  readonly published: Array<Envelope.Envelope>;
  readonly batches: Array<ReadonlyArray<Envelope.Envelope>>;
  readonly refused: Set<string>;
  away: boolean;
}

export const recording = (): Recording => ({ published: [], batches: [], refused: new Set(), away: false });

export const layer = (record: Recording): Layer.Layer<EventBus.EventBus> =>
  Layer.succeed(
    EventBus.EventBus,
    EventBus.EventBus.of({
      implementation: "recording",
      createTopics: () => Effect.void,
      subscribe: () => Effect.void,
      lag: () => Effect.succeed([]),
      publish: (envelopes) =>
        Effect.suspend(() => {
          if (record.away) {
            return Effect.fail(
              new EventBus.BusError({ reason: new EventBus.BusUnavailable({ cause: new Error("away") }) }),
            );
          }
          const bad = envelopes.find((envelope) => record.refused.has(envelope.topic));
          if (bad !== undefined) {
            return Effect.fail(
              new EventBus.BusError({
                reason: new EventBus.TopicMismatch({ topic: bad.topic, expected: 1, found: 0 }),
              }),
            );
          }
          record.published.push(...envelopes);
          record.batches.push(envelopes);
          return Effect.void;
        }),
    }),
  );
