/**
 * Sagas a second on a durable PostgreSQL (fsync and synchronous_commit on), one Node process, no HTTP, no bus.
 *
 * Measured: a saga of three `check` steps. Each caller runs one saga after another: it submits the start and then, as an
 * echo participant in this process, the reply to each command that comes back, until the saga has ended. So a saga is four
 * inputs of `SagaEngine`'s group commit, each with a state write, a journal row, an inbox row that keeps the answer, and
 * (but for the last) an outbox row, all committed before the caller goes on. Not measured: the relay and the bus.
 *
 *     npm run bench -- saga [--json] [--seconds 5]
 */
import * as fs from "node:fs";
import * as net from "node:net";
import * as os from "node:os";
import * as path from "node:path";
import { parseArgs } from "node:util";
import { Database } from "@destiny/sdk/machine";
import { Ids, Message, Topic } from "@destiny/sdk/message";
import { Inbox, Outbox, Tables } from "@destiny/sdk/outbox";
import { Saga, SagaEngine, SagaMigrations, SagaState, SagaStore } from "@destiny/sdk/saga";
import { Migrations } from "@destiny/sdk/sql";
import { InstanceCluster } from "@destiny/testkit/postgres";
import * as PgClient from "@effect/sql-pg/PgClient";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Redacted from "effect/Redacted";
import * as Schema from "effect/Schema";
import * as SqlClient from "effect/sql/SqlClient";

const { values: flags } = parseArgs({
  options: { json: { type: "boolean", default: false }, seconds: { type: "string", default: "5" } },
});
const seconds = Number(flags.seconds);
const warmupSeconds = Math.min(2, seconds);
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

interface Row {
  readonly who: string;
  readonly case: string;
  readonly callers: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly ratio: number;
}

const echo = Message.encode(Message.replySchema(Step), { _tag: "Done", value: {} });
let sagas = 0;

/** Runs one saga to its end; answers the milliseconds that it took. */
const runOne = Effect.fnUntraced(function* (engine: SagaEngine.SagaEngine["Service"]) {
  const startedAt = performance.now();
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
    if (output?._tag !== "Send") return performance.now() - startedAt;
    input = { _tag: "Reply", sagaId, operationId: output.draft.operationId ?? "", reply: echo };
  }
});

const percentile = (sorted: ReadonlyArray<number>, part: number): number =>
  Math.round((sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0) * 100) / 100;

const measure = Effect.fnUntraced(function* (engine: SagaEngine.SagaEngine["Service"], callers: number) {
  const run = Effect.fnUntraced(function* (forSeconds: number) {
    const until = performance.now() + forSeconds * 1000;
    const took: Array<number> = [];
    const caller = Effect.whileLoop({
      while: () => performance.now() < until,
      body: () => runOne(engine),
      step: (millis) => void took.push(millis),
    });
    const startedAt = performance.now();
    yield* Effect.all(
      Array.from({ length: callers }, () => caller),
      { concurrency: "unbounded" },
    );
    return { took, perSecond: Math.round((took.length * 1000) / (performance.now() - startedAt)) };
  });
  yield* run(warmupSeconds);
  const { perSecond, took } = yield* run(seconds);
  const sorted = took.sort((a, b) => a - b);
  return {
    who: "destiny",
    case: "3 journalled no-op steps, echo participant in process",
    callers,
    perSecond,
    p50Ms: percentile(sorted, 0.5),
    p99Ms: percentile(sorted, 0.99),
    ratio: 1,
  } satisfies Row;
});

const freePort = Effect.callback<number>((resume) => {
  const server = net.createServer();
  server.listen(0, "127.0.0.1", () => {
    const address = server.address();
    server.close(() => resume(Effect.succeed(typeof address === "object" && address !== null ? address.port : 0)));
  });
});

const durable = Effect.gen(function* () {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), "destiny-bench-"));
  const port = yield* freePort;
  const options = { directory, port, password: Redacted.make("bench"), instance: "bench-saga" };
  const cluster = yield* Effect.acquireRelease(InstanceCluster.start(options), () =>
    Effect.ensuring(
      Effect.orDie(InstanceCluster.remove(options)),
      Effect.sync(() => fs.rmSync(directory, { recursive: true, force: true })),
    ),
  );
  yield* cluster.createDatabases(["destiny_bench"]);
  return cluster.url("destiny_bench");
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

const requireDurable = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient;
  const rows = yield* sql<{ readonly name: string; readonly setting: string }>`
    SELECT name, setting FROM pg_settings WHERE name IN ('fsync', 'synchronous_commit')`;
  const off = rows.filter(({ setting }) => setting !== "on");
  if (off.length > 0) return yield* Effect.die(new Error(`not durable: ${off.map(({ name }) => name).join(", ")}`));
});

const machine = `${os.cpus()[0]?.model ?? "unknown"}, ${os.availableParallelism()} cores, Node ${process.version}`;

const program = Effect.gen(function* () {
  const url = yield* durable;
  const rows = yield* Effect.gen(function* () {
    yield* requireDurable;
    const engine = yield* SagaEngine.SagaEngine;
    return yield* Effect.forEach(callerCounts, (callers) => measure(engine, callers));
  }).pipe(Effect.provide(stack(url)));
  if (flags.json) console.log(JSON.stringify({ name: "saga", machine, rows }, null, 2));
  else {
    console.log(`${rows[0]?.case}; fsync on; ${machine}`);
    for (const { callers, p50Ms, p99Ms, perSecond } of rows)
      console.log(`${String(callers).padStart(4)} callers  ${perSecond} sagas/s  p50 ${p50Ms} ms  p99 ${p99Ms} ms`);
    const reached = rows.find(({ callers }) => callers === 32)?.perSecond ?? 0;
    console.log(`target at 32 callers: ${targetPerSecond}/s, ${reached >= targetPerSecond ? "reached" : "missed"}`);
  }
}).pipe(Effect.scoped);

await Effect.runPromise(program);
