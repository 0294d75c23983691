import { Database } from "@destiny/sdk/machine";
import { TraceContext } from "@destiny/sdk/message";
import { Inbox, Outbox } from "@destiny/sdk/outbox";
import { assert, describe, it } from "@effect/vitest";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Tracer from "effect/Tracer";
import * as GroupCommit from "../../src/machine/GroupCommit.ts";
import * as Schema from "effect/Schema";
import * as Notebook from "../outbox/Notebook.ts";
import * as RecordingTracer from "../support/RecordingTracer.ts";

const memory = Layer.mergeAll(
  Database.Database.layerMemory,
  Inbox.layerMemory,
  Outbox.layerMemory({ source: "destiny/notebook" }),
);

const { traceparent } = RecordingTracer;

describe("the span of a group's commit", () => {
  it.effect("hangs on the first input that belongs to a trace, and is linked to those of the others", () =>
    Effect.gen(function* () {
      const { spans, tracer } = RecordingTracer.make();
      const commit = yield* GroupCommit.make({
        machine: Notebook.machine,
        store: Notebook.memoryStore(),
        output: Schema.String,
        rejection: Schema.String,
      });
      const write = (key: string, digit?: string) =>
        commit.submit({
          id: `${key} ${digit}`,
          at: 0,
          input: { key, word: "word" },
          ...(digit === undefined ? {} : { traceparent: traceparent(digit) }),
        });
      yield* Effect.all([write("k"), write("k", "1"), write("k", "2"), write("k", "3")], {
        concurrency: "unbounded",
      }).pipe(Effect.provideService(Tracer.Tracer, tracer), Effect.provideService(TraceContext.Recording, true));
      const commits = spans.filter(({ name }) => name === "commit notebook");
      assert.deepStrictEqual(
        commits.map(({ links, traceId }) => [traceId[0], ...links.map(({ span }) => span.traceId[0])]),
        [["1", "2", "3"]],
      );
      assert.strictEqual(commits[0]?.attributes.get("destiny.group.inputs"), 4);
    }).pipe(Effect.provide(memory)),
  );
});
