/** What the benchmarks have in common: a durable server, a closed loop of callers, and the report. */
import * as fs from "node:fs";
import * as net from "node:net";
import * as os from "node:os";
import * as path from "node:path";
import { parseArgs } from "node:util";
import { InstanceCluster } from "@destiny/testkit/postgres";
import * as Effect from "effect/Effect";
import * as Redacted from "effect/Redacted";
import * as SqlClient from "effect/sql/SqlClient";

const { values: flags } = parseArgs({
  options: { json: { type: "boolean", default: false }, seconds: { type: "string", default: "4" } },
});

/** Of one cell. */
export const seconds = Number(flags.seconds);
const warmupSeconds = Math.min(1, seconds);

export interface Row {
  readonly who: string;
  readonly case: string;
  readonly callers: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Ours divided by this one's, in the same run; 1 for ours. */
  readonly ratio: number;
}

export type Measured = Pick<Row, "perSecond" | "p50Ms" | "p99Ms">;

const freePort = Effect.callback<number>((resume) => {
  const server = net.createServer();
  server.listen(0, "127.0.0.1", () => {
    const address = server.address();
    server.close(() => resume(Effect.succeed(typeof address === "object" && address !== null ? address.port : 0)));
  });
});

/** A server with fsync and synchronous_commit on, gone with the scope; answers the URL of a new database. */
export const durable = (name: string) =>
  Effect.gen(function* () {
    const directory = fs.mkdtempSync(path.join(os.tmpdir(), "destiny-bench-"));
    const port = yield* freePort;
    const options = { directory, port, password: Redacted.make("bench"), instance: `bench-${name}` };
    const cluster = yield* Effect.acquireRelease(InstanceCluster.start(options), () =>
      Effect.ensuring(
        Effect.orDie(InstanceCluster.remove(options)),
        Effect.sync(() => fs.rmSync(directory, { recursive: true, force: true })),
      ),
    );
    yield* cluster.createDatabases(["destiny_bench"]);
    return cluster.url("destiny_bench");
  });

/** Fails unless commits are durable: a figure without that is worth nothing. Answers what the server says. */
export const requireDurable = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient;
  const rows = yield* sql<{ readonly name: string; readonly setting: string }>`
    SELECT name, setting FROM pg_settings WHERE name IN ('fsync', 'synchronous_commit')`;
  const off = rows.filter(({ setting }) => setting !== "on");
  if (off.length > 0) return yield* Effect.die(new Error(`not durable: ${off.map(({ name }) => name).join(", ")}`));
  return { fsync: "on", synchronousCommit: "on" };
});

const percentile = (sorted: ReadonlyArray<number>, part: number): number =>
  Math.round((sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0) * 100) / 100;

export const percentiles = (took: Array<number>): Pick<Row, "p50Ms" | "p99Ms"> => {
  const sorted = took.sort((a, b) => a - b);
  return { p50Ms: percentile(sorted, 0.5), p99Ms: percentile(sorted, 0.99) };
};

/** A closed loop: each of `callers` starts its next call when the last one has answered. */
export const measure = Effect.fnUntraced(function* <E, R>(
  callers: number,
  call: (caller: number) => Effect.Effect<unknown, E, R>,
): Effect.fn.Return<Measured, E, R> {
  const run = Effect.fnUntraced(function* (forSeconds: number) {
    const until = performance.now() + forSeconds * 1000;
    const took: Array<number> = [];
    const loop = (caller: number) => {
      let startedAt = 0;
      return Effect.whileLoop({
        while: () => {
          startedAt = performance.now();
          return startedAt < until;
        },
        body: () => call(caller),
        step: () => void took.push(performance.now() - startedAt),
      });
    };
    const startedAt = performance.now();
    yield* Effect.all(
      Array.from({ length: callers }, (_, caller) => loop(caller)),
      { concurrency: "unbounded" },
    );
    return { took, perSecond: Math.round((took.length * 1000) / (performance.now() - startedAt)) };
  });
  yield* run(warmupSeconds);
  const { perSecond, took } = yield* run(seconds);
  return { perSecond, ...percentiles(took) };
});

const machine = `${os.cpus()[0]?.model ?? "unknown"}, ${os.availableParallelism()} cores, Node ${process.version}`;

export interface Report {
  readonly name: string;
  readonly rows: ReadonlyArray<Row>;
  /** What was measured, in a sentence. */
  readonly configuration: string;
  readonly durability: { readonly fsync: string; readonly synchronousCommit: string };
  /** What the reader should know besides the figures. */
  readonly remarks: ReadonlyArray<string>;
}

export const print = (report: Report): void => {
  if (flags.json) {
    console.log(JSON.stringify({ machine, ...report }, undefined, 2));
    return;
  }
  console.log(`${report.configuration}\nfsync ${report.durability.fsync}; ${machine}\n`);
  for (const { callers, case: name, p50Ms, p99Ms, perSecond, ratio, who } of report.rows) {
    console.log(
      `${name.padEnd(14)} ${String(callers).padStart(4)} callers  ${who.padEnd(14)} ${String(perSecond).padStart(7)}/s` +
        `  p50 ${p50Ms} ms  p99 ${p99Ms} ms${ratio === 1 ? "" : `  destiny is ${ratio}x`}`,
    );
  }
  for (const remark of report.remarks) console.log(remark);
};
