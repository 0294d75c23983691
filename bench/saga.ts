/**
 * Sagas a second on a durable PostgreSQL (fsync and synchronous_commit on), one Node process, no HTTP, no bus.
 *
 * Measured: a saga of three `check` steps. Each caller runs one saga after another: it submits the start and then, as an
 * echo participant in this process, the reply to each command that comes back, until the saga has ended. So a saga is four
 * inputs of `SagaEngine`'s group commit, each with a state write, a journal row, an inbox row that keeps the answer, and
 * (but for the last) an outbox row, all committed before the caller goes on. Not measured: the relay and the bus.
 *
 *     npm run bench -- saga [--json] [--seconds 4]
 */
import { Database } from "@destiny/sdk/machine";
import { Ids, Message, Topic } from "@destiny/sdk/message";
import { Inbox, Outbox, Tables } from "@destiny/sdk/outbox";
import { Saga, SagaEngine, SagaMigrations, SagaState, SagaStore } from "@destiny/sdk/saga";
import { Migrations } from "@destiny/sdk/sql";
import * as PgClient from "@effect/sql-pg/PgClient";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import type * as Redacted from "effect/Redacted";
import * as Schema from "effect/Schema";
import * as Bench from "./lib/Bench.ts";

const callerCounts = [1, 32, 256];
const targetPerSecond = 1000;

const Input = Schema.Struct({ id: Schema.String });
const Step = Message.command("bench.step.v1", {
  topic: Topic.make("bench.commands", { owner: "bench" }),
  payload: Input,
  key: ({ id }) => id,
  success: Schema.Struct({}),
  refusal: Schema.Struct({}),
});
const ThreeSteps = Saga.define("three-steps", { version: 1, input: Input, key: ({ id }) => id })
  .check(
    "first",
    Saga.ask(Step, (data) => data),
  )
  .check(
    "second",
    Saga.ask(Step, (data) => data),
  )
  .check(
    "third",
    Saga.ask(Step, (data) => data),
  );

const echo = Message.encode(Message.replySchema(Step), { _tag: "Done", value: {} });
let sagas = 0;

/** Runs one saga to its end. */
const runOne = Effect.fnUntraced(function* (engine: SagaEngine.SagaEngine["Service"]) {
  const id = `s${++sagas}`;
  const sagaId = SagaState.sagaIdOf(ThreeSteps.name, id);
  let input: SagaState.SagaInput = {
    _tag: "Start",
    sagaId,
    definition: ThreeSteps.name,
    version: ThreeSteps.version,
    key: id,
    input: { id },
    correlationId: null,
    traceparent: null,
  };
  for (;;) {
    const outputs: ReadonlyArray<SagaState.SagaOutput> = yield* engine.commit.submit({
      id: yield* Ids.fresh,
      at: Date.now(),
      input,
    });
    const [output] = outputs;
    if (output?._tag !== "Send") return;
    input = { _tag: "Reply", sagaId, operationId: output.draft.operationId ?? "", reply: echo };
  }
});

const stack = (url: Redacted.Redacted) =>
  SagaEngine.SagaEngine.layer({
    definitions: [ThreeSteps],
    replies: Topic.make("saga.replies", { owner: "bench" }),
  }).pipe(
    Layer.provide(
      Layer.mergeAll(SagaStore.SagaStore.layer, Inbox.layer, Outbox.layer({ source: "destiny/bench" })).pipe(
        Layer.provideMerge(Database.Database.layer),
        Layer.provide(
          Layer.effectDiscard(
            Effect.andThen(Migrations.run([Tables.migrations, SagaMigrations.migrations]), Tables.ensurePartitions),
          ),
        ),
      ),
    ),
    Layer.provideMerge(PgClient.layer({ url, maxConnections: 4 })),
  );

const program = Effect.gen(function* () {
  const url = yield* Bench.durable("saga");
  yield* Effect.gen(function* () {
    const durability = yield* Bench.requireDurable;
    const engine = yield* SagaEngine.SagaEngine;
    const rows = yield* Effect.forEach(callerCounts, (callers) =>
      Effect.map(
        Bench.measure(callers, () => runOne(engine)),
        (measured): Bench.Row => ({ who: "destiny", case: "3 no-op steps", callers, ...measured, ratio: 1 }),
      ),
    );
    const reached = rows.find(({ callers }) => callers === 32)?.perSecond ?? 0;
    Bench.print({
      name: "saga",
      rows,
      durability,
      configuration:
        "three journalled no-op steps, an echo participant in the process, 4 commits a saga; no relay, no bus",
      remarks: [
        `at 32 callers: ${reached} sagas/s, target ${targetPerSecond}/s ${reached >= targetPerSecond ? "reached" : "missed"}`,
      ],
    });
  }).pipe(Effect.provide(stack(url)));
}).pipe(Effect.scoped);

await Effect.runPromise(program);
