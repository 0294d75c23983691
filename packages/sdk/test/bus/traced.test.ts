import { EventBus, MemoryBus, TracedBus } from "@destiny/sdk/bus";
import { Topic, TraceContext } from "@destiny/sdk/message";
import { assert, describe, it } from "@effect/vitest";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as TestClock from "effect/testing/TestClock";
import * as Tracer from "effect/Tracer";
import { said } from "./support.ts";
import * as RecordingTracer from "../support/RecordingTracer.ts";

const topic = Topic.make("talk", { owner: "test", partitions: 1 });
const { traceparent } = RecordingTracer;

/** A bus whose spans the test sees. */
const observed = (recording = true) => {
  const { spans, tracer } = RecordingTracer.make();
  const context = Layer.merge(Layer.succeed(Tracer.Tracer, tracer), Layer.succeed(TraceContext.Recording, recording));
  const layer = Layer.provideMerge(TracedBus.layer(MemoryBus.layer), context);
  const named = (name: string) => spans.filter((span) => span.name === name);
  return { layer, named, spans };
};

describe("TracedBus", () => {
  it.effect("each message of a batch goes on in its own trace: sent under its cause, processed under its sending", () =>
    Effect.gen(function* () {
      const { layer, named } = observed();
      yield* Effect.gen(function* () {
        const bus = yield* EventBus.EventBus;
        yield* bus.createTopics([topic]);
        const handled: Array<string | undefined> = [];
        let inside: string | undefined = "not handled";
        yield* bus.subscribe({ group: "g", topics: [topic] }, (batch) =>
          Effect.map(TraceContext.current, (current) => {
            inside = current;
            for (const record of batch) if (record._tag === "Readable") handled.push(record.envelope.traceparent);
          }),
        );
        yield* bus.publish([
          { ...said(topic, "a", 0), traceparent: traceparent("a") },
          { ...said(topic, "b", 1), traceparent: traceparent("b") },
          said(topic, "c", 2),
        ]);
        yield* TestClock.adjust(0);
        const [sent, processed] = [named("send talk"), named("process talk")];
        assert.deepStrictEqual(
          sent.map(({ kind, parent }) => [kind, parent._tag === "Some" && parent.value.spanId]),
          [
            ["producer", "a".repeat(16)],
            ["producer", "b".repeat(16)],
            ["producer", false],
          ],
        );
        assert.deepStrictEqual(
          processed.map(({ parent, traceId }) => [traceId, parent._tag === "Some" && parent.value.spanId]),
          sent.map(({ spanId, traceId }) => [traceId, spanId]),
        );
        assert.deepStrictEqual(handled, processed.map(TraceContext.format), "what follows hangs on the processing");
        assert.isFalse(handled.includes(inside), "a batch of several is no single message's");
        assert.deepStrictEqual(
          [...sent, ...processed].map(({ status }) => status._tag),
          Array.from({ length: 6 }, () => "Ended"),
        );
        assert.deepStrictEqual(
          [
            processed[0]?.attributes.get("messaging.batch.message_count"),
            processed[0]?.attributes.get("messaging.system"),
          ],
          [3, "memory"],
        );
      }).pipe(Effect.provide(layer));
    }),
  );

  it.effect("a handler that fails ends the span with its failure, and the redelivery has one of its own", () =>
    Effect.gen(function* () {
      const { layer, named } = observed();
      yield* Effect.gen(function* () {
        const bus = yield* EventBus.EventBus;
        yield* bus.createTopics([topic]);
        let tries = 0;
        yield* bus.subscribe({ group: "g", topics: [topic] }, () =>
          Effect.suspend(() => (++tries === 1 ? Effect.fail("weather") : Effect.void)),
        );
        yield* bus.publish([{ ...said(topic, "a", 0), traceparent: traceparent("a") }]);
        yield* TestClock.adjust("1 second");
        assert.deepStrictEqual(
          named("process talk").map(({ status }) => status._tag === "Ended" && status.exit._tag),
          ["Failure", "Success"],
        );
      }).pipe(Effect.provide(layer));
    }),
  );

  it.effect("where nothing is recorded messages pass as they are, and no span is made", () =>
    Effect.gen(function* () {
      const { layer, named } = observed(false);
      yield* Effect.gen(function* () {
        const bus = yield* EventBus.EventBus;
        yield* bus.createTopics([topic]);
        const handled: Array<string | undefined> = [];
        yield* bus.subscribe({ group: "g", topics: [topic] }, (batch) =>
          Effect.sync(() => {
            for (const record of batch) if (record._tag === "Readable") handled.push(record.envelope.traceparent);
          }),
        );
        yield* bus.publish([{ ...said(topic, "a", 0), traceparent: traceparent("a") }]);
        yield* TestClock.adjust(0);
        assert.deepStrictEqual(handled, [traceparent("a")]);
        assert.deepStrictEqual([...named("send talk"), ...named("process talk")], []);
      }).pipe(Effect.provide(layer));
    }),
  );
});
