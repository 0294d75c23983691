import { assert, describe, layer } from "@effect/vitest";
import { Database, GroupCommit } from "@destiny/sdk/machine";
import { Inbox, Outbox, Tables } from "@destiny/sdk/outbox";
import { ReservationAudit, ReservationMachine, ReservationStore, ReservationTables } from "@destiny/sdk/reservation";
import { Migrations } from "@destiny/sdk/sql";
import { TestDatabase } from "@destiny/testkit/postgres";
import * as PgClient from "@effect/sql-pg/PgClient";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Redacted from "effect/Redacted";
import * as SqlClient from "effect/sql/SqlClient";
import { inject } from "vitest";

const standing = Layer.mergeAll(Inbox.layer, Outbox.layer({ source: "destiny/stock" })).pipe(
  Layer.provideMerge(Database.Database.layer),
);
const migrated = Layer.effectDiscard(
  Effect.andThen(Migrations.run([Tables.migrations, ReservationTables.migrations]), Tables.ensurePartitions),
);
const withDatabase = standing.pipe(
  Layer.provideMerge(migrated),
  Layer.provideMerge(TestDatabase.layer(inject("pgPort"))),
);

const make = Effect.gen(function* () {
  return yield* GroupCommit.make({
    machine: ReservationMachine.machine,
    store: ReservationStore.make(yield* SqlClient.SqlClient),
    output: ReservationMachine.Output,
    rejection: ReservationMachine.Rejection,
  });
});

let serial = 0;
const stamped = (input: ReservationMachine.Input, at = 1000) => ({ id: `http:${++serial}`, at, input });
const hold = (orderId: string, sku: string, quantity = 1): ReservationMachine.Input => ({
  _tag: "Hold",
  orderId,
  until: 5000,
  lines: [{ sku, quantity }],
});
const restock = (sku: string, quantity: number) => ({ _tag: "Restock", sku, quantity, cause: `seed ${sku}` }) as const;

const findings = Effect.map(ReservationAudit.audit, (all) => new Map(all.map((one) => [one.id, one])));

describe("ReservationStore", () => {
  layer(withDatabase, { excludeTestServices: true })("with one hot SKU and two owners", (it) => {
    it.effect("sells exactly what is there; the audit proves it from the ledger", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient;
        const { url } = yield* TestDatabase.TestDatabase;
        const mine = yield* make;
        const pool = PgClient.layer({ url: Redacted.make(url), maxConnections: 4 });
        const theirs = yield* make.pipe(
          Effect.provide(yield* Layer.build(Layer.fresh(standing.pipe(Layer.provideMerge(pool))))),
        );
        yield* mine.submit(stamped(restock("hot", 50)));
        const orders = Array.from({ length: 200 }, (_, index) => index);
        const answers = yield* Effect.forEach(
          orders,
          (index) => (index % 2 === 0 ? mine : theirs).submit(stamped(hold(`o${index}`, "hot"))),
          { concurrency: "unbounded" },
        );
        const held = answers.filter(([first]) => first?._tag === "Held").length;
        assert.strictEqual(held, 50);
        const [row] = yield* sql<{ readonly held: number }>`SELECT held FROM stock WHERE sku = 'hot'`;
        assert.strictEqual(row?.held, 50);
        const audit = yield* findings;
        for (const id of ["I1", "I2", "I6"]) {
          assert.deepStrictEqual(audit.get(id)?.violations, []);
          assert.isAbove(audit.get(id)?.checked ?? 0, 0);
        }
        const [refused] = yield* sql<{ readonly n: bigint }>`SELECT sum(count)::bigint AS n FROM stock_refusal`;
        assert.strictEqual(refused?.n, 150n);
      }),
    );
  });

  layer(withDatabase, { excludeTestServices: true })("as evidence", (it) => {
    it.effect("one corrupted row of each kind is named by its SKU", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient;
        const stock = yield* make;
        for (const sku of ["oversold", "phantom", "drifted"]) yield* stock.submit(stamped(restock(sku, 2)));
        for (const sku of ["oversold", "phantom", "drifted"]) {
          yield* stock.submit(stamped(hold(`${sku} 1`, sku, 2)));
          yield* stock.submit(stamped(hold(`${sku} 2`, sku, 1)));
        }
        yield* sql`UPDATE stock_ledger SET total_delta = 1 WHERE sku = 'oversold' AND kind = 'Restock'`;
        yield* sql`UPDATE stock_ledger SET held_delta = 1 WHERE sku = 'phantom' AND kind = 'Hold'`;
        yield* sql`UPDATE stock SET held = 1 WHERE sku = 'drifted'`;
        const audit = yield* findings;
        const named = (id: string) => audit.get(id)?.violations.map((one) => one.id) ?? [];
        assert.deepStrictEqual(named("I1"), ["oversold"]);
        assert.deepStrictEqual(named("I2"), ["phantom"]);
        assert.includeMembers([...named("I6")], ["oversold", "phantom", "drifted"]);
      }),
    );

    it.effect("overdue holds are found without locks, and expire by their own input", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient;
        const stock = yield* make;
        yield* stock.submit(stamped(restock("due", 1)));
        yield* stock.submit(stamped(hold("late", "due")));
        assert.notInclude(yield* ReservationStore.dueHolds(sql, 4999, 10), "late");
        assert.include(yield* ReservationStore.dueHolds(sql, 5000, 10), "late");
        yield* stock.submit(stamped({ _tag: "Expire", orderId: "late" }, 5000));
        const [row] = yield* sql<{ readonly held: number }>`SELECT held FROM stock WHERE sku = 'due'`;
        assert.strictEqual(row?.held, 0);
        assert.notInclude(yield* ReservationStore.dueHolds(sql, 5000, 10), "late");
      }),
    );
  });
});
