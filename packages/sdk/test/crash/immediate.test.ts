import * as fs from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import * as os from "node:os";
import * as path from "node:path";
import { Errors, type GroupCommit } from "@destiny/sdk/machine";
import { ReservationAudit, type ReservationMachine } from "@destiny/sdk/reservation";
import { InstanceCluster } from "@destiny/testkit/postgres";
import * as PgClient from "@effect/sql-pg/PgClient";
import { assert, describe, layer } from "@effect/vitest";
import * as Context from "effect/Context";
import * as Effect from "effect/Effect";
import * as Fiber from "effect/Fiber";
import * as Layer from "effect/Layer";
import * as Redacted from "effect/Redacted";
import * as SqlClient from "effect/sql/SqlClient";
import * as Child from "./Child.ts";
import * as Pipeline from "./Pipeline.ts";

const freePort = Effect.callback<number>((resume) => {
  const server = createServer().listen(0, "127.0.0.1", () => {
    const { port } = server.address() as AddressInfo;
    server.close(() => resume(Effect.succeed(port)));
  });
});

/** A durable server of its own. */
class Server extends Context.Service<
  Server,
  { readonly crash: Effect.Effect<InstanceCluster.Ended>; readonly restart: Effect.Effect<void> }
>()("@destiny/sdk/test/crash/Server") {}

const world = Layer.unwrap(
  Effect.gen(function* () {
    const directory = yield* Effect.acquireRelease(
      Effect.sync(() => fs.mkdtempSync(path.join(os.tmpdir(), "destiny-crash-"))),
      (made) => Effect.sync(() => fs.rmSync(made, { recursive: true, force: true })),
    );
    yield* Effect.addFinalizer(() => Effect.orDie(InstanceCluster.remove({ directory })));
    const options = { directory, port: yield* freePort, password: Redacted.make("crash") };
    const cluster = yield* InstanceCluster.start(options);
    assert.deepInclude(yield* cluster.settings(["fsync", "synchronous_commit"]), {
      fsync: "on",
      synchronous_commit: "on",
    });
    yield* cluster.createDatabases(["stock"]);
    const server = Server.of({
      crash: Effect.orDie(InstanceCluster.crash(options)),
      restart: Effect.orDie(Effect.asVoid(InstanceCluster.start(options))),
    });
    return Pipeline.standing.pipe(
      Layer.provideMerge(Pipeline.migrated),
      Layer.provideMerge(PgClient.layer({ url: cluster.url("stock"), maxConnections: 4 })),
      Layer.merge(Layer.succeed(Server, server)),
    );
  }),
);

const callers = Array.from({ length: 32 }, (_, index) => index);
/** So few units that refusals are among the answers. */
const units = 300;
/** The server is stopped in the middle of so much work. */
const answeredBeforeCrash = 400;

type Stock = GroupCommit.GroupCommit<ReservationMachine.Input, ReservationMachine.Output, ReservationMachine.Rejection>;
type Answer = ReservationMachine.Output["_tag"] | "unknown";

interface Asked {
  readonly id: string;
  readonly orderId: string;
  readonly input: ReservationMachine.Input;
}

/** The answer, or `unknown`: every other failure is wrong here. */
const ask = (stock: Stock, { id, input }: Asked): Effect.Effect<Answer> =>
  stock.submit({ id, at: 1, input }).pipe(
    Effect.map(([first]): Answer => first?._tag ?? assert.fail("no answer")),
    Effect.catchIf(
      (error) => error instanceof Errors.GroupCommitError && error.reason._tag === "Unavailable",
      () => Effect.succeed<Answer>("unknown"),
    ),
    Effect.orDie,
  );

const hold = (orderId: string, sku: string): Asked => ({
  id: `hold:${orderId}`,
  orderId,
  input: { _tag: "Hold", orderId, until: Pipeline.until, lines: [{ sku, quantity: 1 }] },
});
const claim = (orderId: string): Asked => ({ id: `claim:${orderId}`, orderId, input: { _tag: "Claim", orderId } });

/** Holds, and claims every third of the held, until it is stopped or not answered. */
const call = Effect.fnUntraced(function* (
  stock: Stock,
  sku: string,
  caller: number,
  log: Map<Asked, Answer>,
  stopped: () => boolean,
) {
  for (let turn = 0; !stopped(); turn++) {
    const held = hold(`${sku}-${caller}-${turn}`, sku);
    const asked = turn % 3 === 0 ? [held, claim(held.orderId)] : [held];
    for (const one of asked) {
      const answer = yield* ask(stock, one);
      log.set(one, answer);
      if (answer === "unknown") return;
      if (answer === "Refused") break;
    }
  }
});

const restock = (stock: Stock, sku: string) =>
  Effect.orDie(
    stock.submit({
      id: `seed:${sku}`,
      at: 1,
      input: { _tag: "Restock", sku, quantity: units, cause: `seed ${sku}` },
    }),
  );

/** All callers, in the middle of their work on a SKU of their own. */
const atWork = Effect.fnUntraced(function* (stock: Stock, sku: string, stopped: () => boolean) {
  yield* restock(stock, sku);
  const log = new Map<Asked, Answer>();
  const running = yield* Effect.forkChild(
    Effect.forEach(callers, (caller) => call(stock, sku, caller, log, stopped), { concurrency: "unbounded" }),
    { startImmediately: true },
  );
  yield* Child.eventually(
    "the callers are at work",
    Effect.sync(() => log.size >= answeredBeforeCrash),
  );
  return { log, running };
});

/** Everything that the database says about one SKU agrees with the answers. */
const verify = Effect.fnUntraced(function* (sku: string, answers: ReadonlyMap<Asked, Answer>) {
  const sql = yield* SqlClient.SqlClient;
  const ordersWith = (answer: Answer) =>
    [...answers].flatMap(([asked, given]) => (given === answer ? [asked.orderId] : [])).sort();
  const held = ordersWith("Held");
  const claimed = ordersWith("Claimed");
  const ledger = yield* sql<{ readonly kind: string; readonly order_id: string }>`
    SELECT kind, order_id FROM stock_ledger WHERE sku = ${sku} AND kind <> 'Restock'`;
  const moved = (kind: string) => ledger.flatMap((row) => (row.kind === kind ? [row.order_id] : [])).sort();
  assert.deepStrictEqual(moved("Hold"), held, "the ledger has each answered hold once, and no other");
  assert.deepStrictEqual(moved("Claim"), claimed, "the ledger has each answered claim once, and no other");
  assert.deepStrictEqual(yield* sql`SELECT total, held, claimed FROM stock WHERE sku = ${sku}`, [
    { total: units, held: held.length - claimed.length, claimed: claimed.length },
  ]);
  for (const { checked, id, violations } of yield* ReservationAudit.audit) {
    assert.deepStrictEqual(violations, [], id);
    assert.isAbove(checked, 0, id);
  }
});

describe("an immediate shutdown of PostgreSQL under 32 callers", () => {
  layer(world, { excludeTestServices: true, timeout: "30 seconds" })("callers that give up", (it) => {
    it.effect("nothing acknowledged is lost, and what is unknown gets one answer when it is asked again", () =>
      Effect.gen(function* () {
        const server = yield* Server;
        const stock = yield* Pipeline.makeStock({ maxWeatherMillis: 100 });
        const { log, running } = yield* atWork(stock, "given-up", () => false);
        assert.strictEqual(yield* server.crash, "immediate");
        yield* Fiber.join(running);
        const unknown = [...log].filter(([, answer]) => answer === "unknown").map(([asked]) => asked);
        assert.strictEqual(unknown.length, callers.length, "every caller was in the middle of something");

        yield* server.restart;
        const patient = yield* Pipeline.makeStock();
        const answers = new Map<Asked, Answer>();
        for (const round of [1, 2]) {
          const again = yield* Effect.forEach([...log.keys()], (asked) => ask(patient, asked), {
            concurrency: callers.length,
          });
          [...log].forEach(([asked, before], index) => {
            const now = again[index] ?? "unknown";
            assert.notStrictEqual(now, "unknown", asked.id);
            const first = round === 1 ? before : (answers.get(asked) ?? before);
            if (first !== "unknown") assert.strictEqual(now, first, asked.id);
            answers.set(asked, now);
          });
        }
        yield* verify("given-up", answers);
      }),
    );
  });

  layer(world, { excludeTestServices: true, timeout: "30 seconds" })("callers that wait", (it) => {
    it.effect("none of them learns of it: each gets its one answer after the recovery", () =>
      Effect.gen(function* () {
        const server = yield* Server;
        const stock = yield* Pipeline.makeStock();
        let stopped = false;
        const { log, running } = yield* atWork(stock, "waited-for", () => stopped);
        assert.strictEqual(yield* server.crash, "immediate");
        const atCrash = log.size;
        yield* server.restart;
        yield* Child.eventually(
          "the callers go on",
          Effect.sync(() => log.size >= atCrash + callers.length),
        );
        stopped = true;
        yield* Fiber.join(running);
        assert.notInclude([...log.values()], "unknown");
        yield* verify("waited-for", log);
      }),
    );
  });
});
