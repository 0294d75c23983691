/**
 * Holds a second: group commit against a transaction per caller, on the same durable server in the same run.
 *
 * Ours is the shipped primitive: each hold writes its reservation, a ledger row and an inbox row that keeps the answer. The
 * row lock is the usual transaction: BEGIN, SELECT … FOR UPDATE, UPDATE, INSERT, COMMIT. See lib/RowLock.ts.
 *
 *     npm run bench -- reservation [--json] [--seconds 4]
 */
import { GroupCommit } from "@destiny/sdk/machine";
import { ReservationMachine, ReservationStore, ReservationTables } from "@destiny/sdk/reservation";
import * as Effect from "effect/Effect";
import * as SqlClient from "effect/sql/SqlClient";
import { compare } from "./lib/RowLock.ts";

const skuCount = 10_000;
const hot = "hot SKU";
const skuOf = (name: string): string => (name === hot ? "sku-0" : `sku-${Math.floor(Math.random() * skuCount)}`);

await compare({
  name: "reservation",
  cases: [hot, `${skuCount} SKUs`],
  migrations: ReservationTables.migrations,
  prepare: Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient;
    yield* sql`INSERT INTO stock SELECT 'sku-' || n, 1, 1000000000, 0, 0 FROM generate_series(0, ${skuCount - 1}) n`;
    yield* sql`CREATE TABLE lock_stock (sku text PRIMARY KEY, total int NOT NULL, held int NOT NULL) WITH (fillfactor = 50)`;
    yield* sql`INSERT INTO lock_stock SELECT 'sku-' || n, 1000000000, 0 FROM generate_series(0, ${skuCount - 1}) n`;
    yield* sql`CREATE TABLE lock_reservation (id uuid PRIMARY KEY, sku text NOT NULL, quantity int NOT NULL)`;
    yield* sql`VACUUM ANALYZE`;
  }),
  truncated: ["reservation", "stock_ledger", "stock_refusal", "lock_reservation"],
  vacuumed: ["stock", "lock_stock"],
  ours: (sql, name) =>
    Effect.map(
      GroupCommit.make({
        machine: ReservationMachine.machine,
        store: ReservationStore.make(sql),
        output: ReservationMachine.Output,
        rejection: ReservationMachine.Rejection,
      }),
      (commit) => (id, at) => {
        const lines = [{ sku: skuOf(name), quantity: 1 }];
        return commit.submit({ id, at, input: { _tag: "Hold", orderId: id, until: at + 600_000, lines } });
      },
    ),
  rowLock: (sql, name) =>
    Effect.fnUntraced(function* (id) {
      const sku = skuOf(name);
      const [row] = yield* sql<{ readonly free: number }>`
        SELECT total - held AS free FROM lock_stock WHERE sku = ${sku} FOR UPDATE`;
      if (row === undefined || row.free < 1) return yield* Effect.die(new Error("sold out"));
      yield* sql`UPDATE lock_stock SET held = held + 1 WHERE sku = ${sku}`;
      yield* sql`INSERT INTO lock_reservation (id, sku, quantity) VALUES (${id}::uuid, ${sku}, 1)`;
    }),
  script: (name) => {
    const sku = name === hot ? "'sku-0'" : "'sku-' || :n";
    return `\\set n random(0, ${skuCount - 1})
SELECT total - held FROM lock_stock WHERE sku = ${sku} FOR UPDATE;
UPDATE lock_stock SET held = held + 1 WHERE sku = ${sku};
INSERT INTO lock_reservation VALUES (gen_random_uuid(), ${sku}, 1);`;
  },
  configuration:
    "one hold a call; ours: group commit on remembered states, 2 connections, reservation + ledger + inbox rows",
});
