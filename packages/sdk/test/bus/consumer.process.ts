/** A consumer that a test kills: applies each record to a table, slowly. */
import { EventBus, PostgresBus } from "@destiny/sdk/bus";
import type { Topic } from "@destiny/sdk/message";
import * as PgClient from "@effect/sql-pg/PgClient";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Redacted from "effect/Redacted";
import * as SqlClient from "effect/sql/SqlClient";

const env = (name: string): string => process.env[name] ?? "";
const url = Redacted.make(env("BUS_URL"));
const topic = JSON.parse(env("BUS_TOPIC")) as Topic.Topic;

const main = Effect.gen(function* () {
  const bus = yield* EventBus.EventBus;
  const sql = yield* SqlClient.SqlClient;
  yield* bus.subscribe({ group: env("BUS_GROUP"), topics: [topic], maxBatchRecords: 5 }, (batch) =>
    Effect.gen(function* () {
      for (const record of batch) {
        if (record._tag === "Readable") yield* sql`INSERT INTO applied VALUES (${record.envelope.id}, 'child')`;
      }
      yield* Effect.sleep(Number(env("BUS_DELAY")));
    }),
  );
  return yield* Effect.never;
});

Effect.runFork(
  Effect.scoped(main).pipe(
    Effect.provide(Layer.mergeAll(PostgresBus.layer({ url }), PgClient.layer({ url, maxConnections: 1 }))),
  ),
);
setInterval(() => undefined, 60_000);
