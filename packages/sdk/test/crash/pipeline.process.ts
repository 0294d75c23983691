/** The whole pipeline in one process, which freezes at the named point of its second round and waits to be killed. */
import * as fs from "node:fs";
import { EventBus, PostgresBus } from "@destiny/sdk/bus";
import { Database } from "@destiny/sdk/machine";
import { Consumer, OutboxRelay } from "@destiny/sdk/outbox";
import * as PgClient from "@effect/sql-pg/PgClient";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Redacted from "effect/Redacted";
import * as Pipeline from "./Pipeline.ts";

const [address = "", point] = process.argv.slice(2);
const url = Redacted.make(address);

let rounds = 0;

/** Blocks the thread, not the fiber: nothing else of this process may go on behind the point. */
const freezeAt = (here: Pipeline.Point): Effect.Effect<void> =>
  Effect.sync(() => {
    if (here !== point || ++rounds < 2) return;
    fs.writeSync(1, `${here}\n`);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  });

const main = Effect.gen(function* () {
  const bus = yield* EventBus.EventBus;
  const database = yield* Database.Database;
  // On remembered states a group is one statement: only under locks there is something before the commit.
  const limits = point === "before commit" ? { maxRememberedStates: 0 } : {};
  const stock = yield* Pipeline.makeStock(limits).pipe(
    Effect.provideService(Database.Database, {
      ...database,
      write: (writes, conditions) =>
        Effect.tap(database.write(writes, conditions), () =>
          freezeAt(conditions === undefined ? "before commit" : "after commit"),
        ),
      transact: (effect) => Effect.tap(database.transact(effect), () => freezeAt("after commit")),
    }),
  );
  const diary = yield* Pipeline.makeDiary;
  yield* Consumer.run({
    group: "reservation",
    topics: [Pipeline.commands],
    decode: Pipeline.decodeCommand,
    commit: stock,
    maxBatchRecords: Pipeline.maxBatch,
  });
  yield* Consumer.run({
    group: "diary",
    topics: [Pipeline.answers],
    decode: Pipeline.decodeAnswer,
    commit: { apply: (batch) => Effect.tap(diary.apply(batch), () => freezeAt("after consume")) },
    maxBatchRecords: Pipeline.maxBatch,
  });
  const relay = OutboxRelay.layer({ maxBatchMessages: Pipeline.maxBatch }).pipe(
    Layer.provide(
      Layer.succeed(EventBus.EventBus, {
        ...bus,
        publish: (envelopes) =>
          freezeAt("before publish").pipe(
            Effect.andThen(bus.publish(envelopes)),
            Effect.tap(() => freezeAt("after publish")),
          ),
      }),
    ),
  );
  return yield* Layer.launch(relay);
});

const world = Layer.mergeAll(
  // Positions are written as early as they ever may be, which is when losing a record would be easiest.
  PostgresBus.layer({ url, rebalanceMillis: 300, positionFlushMillis: 1 }),
  Pipeline.standing.pipe(Layer.provideMerge(PgClient.layer({ url, maxConnections: 6 }))),
);

await Effect.runPromise(Effect.scoped(main).pipe(Effect.provide(world)));
