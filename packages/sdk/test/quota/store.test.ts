import { assert, describe, layer } from "@effect/vitest";
import { QuotaAudit, QuotaMachine, QuotaStore } from "@destiny/sdk/quota";
import * as Effect from "effect/Effect";
import * as Result from "effect/Result";
import * as SqlClient from "effect/sql/SqlClient";
import { another, anotherClient, define, issue, make, stamped, withDatabase } from "./Quotas.ts";

interface Row {
  readonly serial: number;
  readonly subject: string;
  readonly revoked: boolean;
  readonly claimed_by: string | null;
}

const rowsOf = (quotaId: string) =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient;
    return yield* sql<Row>`SELECT serial, subject, revoked, claimed_by FROM quota_grant
      WHERE quota_id = ${quotaId} ORDER BY serial`;
  });

const serials = (count: number) => Array.from({ length: count }, (_, index) => index + 1);

const tally = <A>(answers: ReadonlyArray<A>, of: (answer: A) => string) => {
  const counts: Record<string, number> = {};
  for (const answer of answers) counts[of(answer)] = (counts[of(answer)] ?? 0) + 1;
  return counts;
};

describe("QuotaStore", () => {
  layer(withDatabase, { excludeTestServices: true })("with one hot quota", (it) => {
    it.effect(
      "two owners and everybody asking twice at once: exactly the limit, one each, dense; the audit proves it",
      () =>
        Effect.gen(function* () {
          const [mine, theirs] = [yield* make, yield* another];
          yield* mine.submit(stamped(define("hot", 50)));
          const asks = Array.from({ length: 400 }, (_, index) => index);
          const answers = yield* Effect.forEach(
            asks,
            // The two questions of a subject meet in different owners.
            (index) => Effect.result((index % 2 === 0 ? mine : theirs).submit(stamped(issue("hot", `s${index >> 1}`)))),
            { concurrency: "unbounded" },
          );
          const counts = tally(answers, (one) => (Result.isSuccess(one) ? "Issued" : one.failure._tag));
          assert.strictEqual(counts["Issued"], 50, JSON.stringify(counts));
          assert.strictEqual((counts["AlreadyHas"] ?? 0) + (counts["SoldOut"] ?? 0), 350, JSON.stringify(counts));
          const rows = yield* rowsOf("hot");
          assert.deepStrictEqual(
            rows.map(({ serial }) => serial),
            serials(50),
          );
          assert.strictEqual(new Set(rows.map(({ subject }) => subject)).size, 50);
          assert.deepStrictEqual(yield* QuotaAudit.audit, { id: "I3", checked: 50, violations: [] });
        }),
    );

    it.effect("callers share commits: a rush of 300 is a few transactions, not 300", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient;
        const quota = yield* make;
        yield* quota.submit(stamped(define("rush", null)));
        yield* Effect.forEach(serials(300), (n) => quota.submit(stamped(issue("rush", `s${n}`))), {
          concurrency: "unbounded",
        });
        assert.deepStrictEqual(
          (yield* rowsOf("rush")).map(({ serial }) => serial),
          serials(300),
        );
        const [groups] = yield* sql<{ readonly n: bigint }>`
          SELECT count(DISTINCT xmin::text) AS n FROM quota_grant WHERE quota_id = 'rush'`;
        assert.isBelow(Number(groups?.n), 20);
      }),
    );

    it.effect(
      "an owner that remembers an older version answers nothing from it: neither sold out, nor a second grant",
      () =>
        Effect.gen(function* () {
          const [mine, theirs] = [yield* make, yield* another];
          yield* mine.submit(stamped(define("moved", 1)));
          yield* mine.submit(stamped(issue("moved", "a")));
          const soldOut = yield* Effect.flip(mine.submit(stamped(issue("moved", "b"))));
          assert.strictEqual(soldOut._tag, "SoldOut");
          yield* theirs.submit(stamped({ _tag: "Raise", quotaId: "moved", limit: 3 }));
          yield* mine.submit(stamped(issue("moved", "c")));
          const given = issue("moved", "d");
          yield* theirs.submit(stamped(given));
          const again = yield* Effect.flip(mine.submit(stamped(issue("moved", "d"))));
          assert.deepStrictEqual(again, { _tag: "AlreadyHas", grantId: given.grantId, serial: 3 });
          yield* theirs.submit(stamped({ _tag: "Revoke", quotaId: "moved", grantId: given.grantId }));
          yield* mine.submit(stamped(issue("moved", "d")));
          assert.deepStrictEqual(
            (yield* rowsOf("moved")).map(({ serial, subject }) => [serial, subject]),
            [
              [1, "a"],
              [2, "c"],
              [3, "d"],
              [4, "d"],
            ],
          );
        }),
    );

    it.effect(
      "an owner that never saw who has one still tells them so, also when it remembers that nothing is left",
      () =>
        Effect.gen(function* () {
          const [mine, theirs] = [yield* make, yield* another];
          yield* mine.submit(stamped(define("full", 1)));
          const given = issue("full", "a");
          yield* mine.submit(stamped(given));
          const ask = (subject: string) => Effect.flip(theirs.submit(stamped(issue("full", subject))));
          assert.strictEqual((yield* ask("b"))._tag, "SoldOut");
          assert.deepStrictEqual(yield* ask("a"), { _tag: "AlreadyHas", grantId: given.grantId, serial: 1 });
        }),
    );

    it.effect("the same input id is one grant with one answer, also when nothing is left and in another owner", () =>
      Effect.gen(function* () {
        const [mine, theirs] = [yield* make, yield* another];
        yield* mine.submit(stamped(define("once", 1)));
        const input = stamped(issue("once", "s"), "http:once");
        const first = yield* mine.submit(input);
        const later = yield* theirs.submit({ ...input, input: { ...issue("once", "s") } });
        assert.deepStrictEqual(later, first);
        const refused = stamped(issue("once", "late"), "http:refused");
        const answer = yield* Effect.flip(mine.submit(refused));
        yield* mine.submit(stamped({ _tag: "Raise", quotaId: "once", limit: 2 }));
        assert.deepStrictEqual(yield* Effect.flip(theirs.submit(refused)), answer, "a refusal stays what it was");
      }),
    );
  });

  layer(withDatabase, { excludeTestServices: true })("as a record", (it) => {
    it.effect("what is loaded is locked: nobody else decides on a quota or a grant before this group has ended", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient;
        const quota = yield* make;
        yield* quota.submit(stamped(define("locked", 1)));
        const asked = issue("locked", "s");
        yield* quota.submit(stamped(asked));
        const other = yield* anotherClient;
        const free = (table: string, id: string) =>
          Effect.map(
            other`SELECT 1 FROM ${other(table)} WHERE id = ${id} FOR NO KEY UPDATE SKIP LOCKED`,
            (rows) => rows.length,
          );
        const look = Effect.all([free("quota", "locked"), free("quota_grant", asked.grantId)]);
        yield* sql.withTransaction(
          Effect.gen(function* () {
            yield* QuotaStore.make(sql).load([QuotaMachine.grantKey(asked.grantId), QuotaMachine.quotaKey("locked")]);
            assert.deepStrictEqual(yield* look, [0, 0]);
          }),
        );
        assert.deepStrictEqual(yield* look, [1, 1]);
      }),
    );

    it.effect("revoked and issued again within one group: both rows are written", () =>
      Effect.gen(function* () {
        const quota = yield* make;
        yield* quota.submit(stamped(define("group", 1)));
        const first = issue("group", "s");
        yield* quota.submit(stamped(first));
        // A single batch is a single group.
        yield* quota.apply(
          [
            { _tag: "Revoke", quotaId: "group", grantId: first.grantId } as const,
            issue("group", "s"),
            issue("group", "s"),
          ].map((input) => ({ _tag: "Readable" as const, input: stamped(input) })),
        );
        assert.deepStrictEqual(
          (yield* rowsOf("group")).map(({ revoked, serial }) => [serial, revoked]),
          [
            [1, true],
            [2, false],
          ],
        );
      }),
    );
  });

  layer(withDatabase, { excludeTestServices: true })("as evidence", (it) => {
    it.effect("a gap, a wrong counter, a grant too many and a second one of a subject are named by their quota", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient;
        const quota = yield* make;
        const names = ["clean", "gap", "counter", "over", "twice", "orphan"];
        for (const name of names) {
          yield* quota.submit(stamped(define(name, 2)));
          for (const subject of ["a", "b"]) yield* quota.submit(stamped(issue(name, subject)));
        }
        assert.deepStrictEqual(yield* QuotaAudit.audit, { id: "I3", checked: 12, violations: [] });
        yield* sql`UPDATE quota_grant SET serial = 3 WHERE quota_id = 'gap' AND serial = 2`;
        yield* sql`UPDATE quota SET live = 1 WHERE id = 'counter'`;
        yield* sql`ALTER TABLE quota DROP CONSTRAINT quota_within_limit`;
        yield* sql`UPDATE quota SET max_live = 1 WHERE id = 'over'`;
        yield* sql`DROP INDEX quota_grant_live`;
        yield* sql`UPDATE quota_grant SET subject = 'a' WHERE quota_id = 'twice'`;
        yield* sql`DELETE FROM quota WHERE id = 'orphan'`;
        const { violations } = yield* QuotaAudit.audit;
        assert.sameMembers(
          violations.map(({ id }) => id),
          names.slice(1),
        );
      }),
    );
  });
});
