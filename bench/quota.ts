/**
 * Coupons a second out of one hot quota: group commit against a transaction per caller, on the same durable server.
 *
 * Ours is the shipped primitive: each grant writes its row with its serial, and an inbox row that keeps the answer; the
 * subject's other grants are looked up first. The row lock is the usual transaction: BEGIN, SELECT … FOR UPDATE, UPDATE,
 * INSERT with a unique subject, COMMIT. Nobody is turned away: what `QuotaGate` answers costs no transaction at all.
 *
 *     npm run bench -- quota [--json] [--seconds 4]
 */
import { GroupCommit } from "@destiny/sdk/machine";
import { QuotaMachine, QuotaStore, QuotaTables } from "@destiny/sdk/quota";
import * as Effect from "effect/Effect";
import * as SqlClient from "effect/sql/SqlClient";
import { compare } from "./lib/RowLock.ts";

await compare({
  name: "quota",
  cases: ["hot coupon"],
  migrations: QuotaTables.migrations,
  prepare: Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient;
    yield* sql`CREATE TABLE lock_quota (id text PRIMARY KEY, max_live int NOT NULL, issued int NOT NULL)
      WITH (fillfactor = 50)`;
    yield* sql`CREATE TABLE lock_grant (id uuid PRIMARY KEY, quota_id text NOT NULL, subject text NOT NULL,
      serial int NOT NULL, UNIQUE (quota_id, subject))`;
    yield* sql`INSERT INTO lock_quota VALUES ('hot', 1000000000, 0)`;
    yield* sql`INSERT INTO quota VALUES ('hot', 1, 1000000000, 0, 0, 'epoch', NULL)`;
    yield* sql`VACUUM ANALYZE`;
  }),
  truncated: ["quota_grant", "lock_grant"],
  vacuumed: ["quota", "lock_quota"],
  ours: (sql) =>
    Effect.map(
      GroupCommit.make({
        machine: QuotaMachine.machine,
        store: QuotaStore.make(sql),
        output: QuotaMachine.Output,
        rejection: QuotaMachine.Rejection,
      }),
      (commit) => (id, at) =>
        commit.submit({
          id,
          at,
          input: { _tag: "Issue", quotaId: "hot", subject: id, grantId: id, until: at + 600_000, data: {} },
        }),
    ),
  rowLock: (sql) =>
    Effect.fnUntraced(function* (id) {
      const [row] = yield* sql<{ readonly issued: number; readonly max_live: number }>`
        SELECT issued, max_live FROM lock_quota WHERE id = 'hot' FOR UPDATE`;
      if (row === undefined || row.issued >= row.max_live) return yield* Effect.die(new Error("sold out"));
      yield* sql`UPDATE lock_quota SET issued = issued + 1 WHERE id = 'hot'`;
      yield* sql`INSERT INTO lock_grant (id, quota_id, subject, serial)
        VALUES (${id}::uuid, 'hot', ${id}, ${row.issued + 1})`;
    }),
  script: () => `SELECT issued AS serial FROM lock_quota WHERE id = 'hot' FOR UPDATE \\gset
UPDATE lock_quota SET issued = issued + 1 WHERE id = 'hot';
INSERT INTO lock_grant VALUES (gen_random_uuid(), 'hot', gen_random_uuid()::text, :serial + 1);`,
  configuration: "one coupon a call; ours: group commit on remembered states, 2 connections, grant + inbox rows",
});
