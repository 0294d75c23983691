import { type AddressInfo, connect, createServer } from "node:net";
import { ReservationAudit, type ReservationMachine } from "@destiny/sdk/reservation";
import { TestDatabase } from "@destiny/testkit/postgres";
import * as PgClient from "@effect/sql-pg/PgClient";
import { assert, describe, layer } from "@effect/vitest";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Redacted from "effect/Redacted";
import * as SqlClient from "effect/sql/SqlClient";
import { inject } from "vitest";
import * as Pipeline from "./Pipeline.ts";

type Cut = "before the server has it" | "after the server has answered it";

const world = Pipeline.standing.pipe(
  Layer.provideMerge(Pipeline.migrated),
  Layer.provideMerge(TestDatabase.layer(inject("pgPort"), { maxConnections: 2 })),
);

/** A wire to PostgreSQL that is cut, once, at the first COMMIT that goes over it. */
const wire = Effect.fnUntraced(function* (target: number, cut: Cut) {
  let cuts = 0;
  const server = createServer((client) => {
    const upstream = connect(target, "127.0.0.1");
    let committing = false;
    const sever = () => {
      cuts++;
      client.resetAndDestroy();
      upstream.resetAndDestroy();
    };
    client.on("data", (chunk) => {
      if (cuts === 0 && chunk.includes("COMMIT")) {
        if (cut === "before the server has it") return sever();
        committing = true;
      }
      upstream.write(chunk);
    });
    upstream.on("data", (chunk) => {
      if (!committing) return client.write(chunk);
      // Nothing of the answer passes; CommandComplete, the part that says it is durable, ends the wire.
      if (chunk.includes("COMMIT\0")) sever();
      return undefined;
    });
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      one.on("error", () => other.destroy());
      one.on("close", () => other.destroy());
    }
  });
  yield* Effect.acquireRelease(
    Effect.callback<void>((resume) => {
      server.listen(0, "127.0.0.1", () => resume(Effect.void));
    }),
    () => Effect.sync(() => server.close()),
  );
  return { port: (server.address() as AddressInfo).port, cuts: () => cuts };
});

const submitted = (id: string, input: ReservationMachine.Input) => ({ id, at: 1, input });
const holdOf = (orderId: string, sku: string) =>
  submitted(`hold:${orderId}`, { _tag: "Hold", orderId, until: Pipeline.until, lines: [{ sku, quantity: 1 }] });

describe("a connection that breaks at the COMMIT", () => {
  for (const cut of ["before the server has it", "after the server has answered it"] as const) {
    for (const patience of ["waits", "gives up"] as const) {
      layer(world, { excludeTestServices: true })(`${cut}; the caller ${patience}`, (it) => {
        it.effect("each input has one effect, and whoever asks again gets the recorded answer", () =>
          Effect.gen(function* () {
            const { name, port } = yield* TestDatabase.TestDatabase;
            const sql = yield* SqlClient.SqlClient;
            const direct = yield* Pipeline.makeStock();
            const [sku, quantity] = ["last", 2];
            yield* direct.submit(submitted("seed", { _tag: "Restock", sku, quantity, cause: "seed" }));
            const { cuts, port: wired } = yield* wire(port, cut);
            const pool = PgClient.layer({ url: Redacted.make(TestDatabase.url(wired, name)), maxConnections: 2 });
            const overTheWire = yield* Layer.build(Layer.fresh(Pipeline.standing.pipe(Layer.provideMerge(pool))));
            const limits = patience === "waits" ? {} : { maxWeatherMillis: 0 };
            const stock = yield* Pipeline.makeStock(limits).pipe(Effect.provide(overTheWire));

            const orders = ["a", "b", "c"];
            const first = yield* Effect.forEach(
              orders,
              (orderId) => Effect.result(stock.submit(holdOf(orderId, sku))),
              {
                concurrency: "unbounded",
              },
            );
            assert.strictEqual(cuts(), 1);
            assert.deepStrictEqual(
              first.map((result) => (result._tag === "Success" ? result.success[0]?._tag : "unknown")),
              patience === "waits" ? ["Held", "Held", "Refused"] : ["unknown", "unknown", "unknown"],
            );
            // Nobody asked again yet: what the broken COMMIT did is what the server has of it.
            const [kept] = yield* sql<{ readonly n: number }>`SELECT count(*)::int AS n FROM reservation`;
            const durable = patience === "waits" || cut === "after the server has answered it";
            assert.strictEqual(kept?.n, durable ? orders.length : 0);

            const again = yield* Effect.forEach(orders, (orderId) => direct.submit(holdOf(orderId, sku)));
            assert.deepStrictEqual(
              again.map(([output]) => output?._tag),
              ["Held", "Held", "Refused"],
            );
            assert.deepStrictEqual(yield* sql`SELECT total, held, claimed FROM stock`, [
              { total: quantity, held: 2, claimed: 0 },
            ]);
            assert.deepStrictEqual(yield* sql`SELECT order_id FROM stock_ledger WHERE kind = 'Hold' ORDER BY version`, [
              { order_id: "a" },
              { order_id: "b" },
            ]);
            for (const { id, violations } of yield* ReservationAudit.audit) assert.deepStrictEqual(violations, [], id);
          }),
        );
      });
    }
  }
});
