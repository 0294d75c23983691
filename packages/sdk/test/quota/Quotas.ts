/** What the tests of quotas over PostgreSQL have in common. */
import { Database, GroupCommit } from "@destiny/sdk/machine";
import { Inbox, Outbox, Tables } from "@destiny/sdk/outbox";
import { QuotaMachine, QuotaStore, QuotaTables } from "@destiny/sdk/quota";
import { Migrations } from "@destiny/sdk/sql";
import { TestDatabase } from "@destiny/testkit/postgres";
import * as PgClient from "@effect/sql-pg/PgClient";
import * as Context from "effect/Context";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Redacted from "effect/Redacted";
import * as SqlClient from "effect/sql/SqlClient";
import { inject } from "vitest";

const standing = Layer.mergeAll(Inbox.layer, Outbox.layer({ source: "destiny/quota" })).pipe(
  Layer.provideMerge(Database.Database.layer),
);
const migrated = Layer.effectDiscard(
  Effect.andThen(Migrations.run([Tables.migrations, QuotaTables.migrations]), Tables.ensurePartitions),
);
export const withDatabase = standing.pipe(
  Layer.provideMerge(migrated),
  Layer.provideMerge(TestDatabase.layer(inject("pgPort"))),
);

const over = (store: QuotaStore.QuotaStore) =>
  GroupCommit.make({
    machine: QuotaMachine.machine,
    store,
    output: QuotaMachine.Output,
    rejection: QuotaMachine.Rejection,
  });

export const make = Effect.flatMap(SqlClient.SqlClient, (sql) => over(QuotaStore.make(sql)));

const pool = Effect.gen(function* () {
  const { url } = yield* TestDatabase.TestDatabase;
  return Layer.fresh(PgClient.layer({ url: Redacted.make(url), maxConnections: 4 }));
});

/** Another process on the same database: its own pool, its own lane. */
export const another = Effect.gen(function* () {
  return yield* make.pipe(
    Effect.provide(yield* Layer.build(standing.pipe(Layer.provideMerge(yield* pool), Layer.fresh))),
  );
});

/** A connection of somebody else. */
export const anotherClient = Effect.gen(function* () {
  return Context.get(yield* Layer.build(yield* pool), PgClient.PgClient);
});

let serial = 0;
/** The input under an id of its own. */
export const stamped = (input: QuotaMachine.Input, id = `http:q${++serial}`) => ({ id, at: 1000, input });

export const define = (quotaId: string, limit: number | null): QuotaMachine.Input => ({
  _tag: "Define",
  quotaId,
  limit,
  opensAt: 0,
  closesAt: null,
});

let grants = 0;
export const issue = (quotaId: string, subject: string): QuotaMachine.Issue => ({
  _tag: "Issue",
  quotaId,
  subject,
  grantId: `g${++grants}`,
  until: 5000,
  data: { terms: [1, null, "원"] },
});
