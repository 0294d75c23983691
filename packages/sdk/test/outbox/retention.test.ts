import { assert, describe, layer } from "@effect/vitest";
import { Retention as Sweeper } from "@destiny/sdk/machine";
import { Envelope, Ids } from "@destiny/sdk/message";
import { DeadLetters, Outbox, OutboxAudit, Retention } from "@destiny/sdk/outbox";
import { TestDatabase } from "@destiny/testkit/postgres";
import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as SqlClient from "effect/sql/SqlClient";
import { inject } from "vitest";
import * as Notebook from "./Notebook.ts";

const ids = Ids.seeded(11);
const day = 86_400_000;
const keep = { inboxMillis: 7 * day, sentMillis: 7 * day, deadLetterMillis: 30 * day };

/** A message of so many days ago. */
const said = (daysAgo: number, key: string, word: string) =>
  Effect.map(Clock.currentTimeMillis, (now): Envelope.Envelope => {
    const time = now - daysAgo * day;
    return {
      id: ids.next(time),
      source: "destiny/elsewhere",
      type: Notebook.Appended.type,
      topic: Notebook.topic.name,
      key,
      time,
      data: { key, word },
    };
  });

/** Applied so many days ago, as it was then; each by a process of its own, whose time has not run on yet. */
const apply = Effect.fnUntraced(function* (daysAgo: number, envelope: Envelope.Envelope) {
  const at = (yield* Clock.currentTimeMillis) - daysAgo * day;
  const input = envelope.data as Notebook.Append;
  const delivery = { _tag: "Readable" as const, input: { id: envelope.id, at, input, envelope } };
  return yield* Effect.scoped(Effect.flatMap(Notebook.make, (commit) => commit.apply([delivery])));
});

/** Everything that waits is sent, as the relay does it. */
const sendAll = Effect.gen(function* () {
  const outbox = yield* Outbox.Outbox;
  yield* outbox.sent(yield* outbox.waiting({ limit: 1000, except: [], blocked: [] }));
});

/** A day that has passed, with the partitions that it had then. */
const partitionOf = (daysAgo: number) =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient;
    const start = Math.floor(((yield* Clock.currentTimeMillis) - daysAgo * day) / day) * day;
    const [from, to] = [start, start + day].map((at) => new Date(at).toISOString().slice(0, 10));
    for (const table of ["inbox", "outbox_sent"]) {
      yield* sql.unsafe(
        `CREATE TABLE IF NOT EXISTS ${table}_${String(from).replaceAll("-", "")} PARTITION OF ${table} FOR VALUES FROM ('${from}') TO ('${to}')`,
      );
    }
  });

const sweepAll = (limits: Partial<Sweeper.Limits> = {}) =>
  Effect.map(
    Effect.forEach(Retention.jobs(keep), (job) => Sweeper.sweep(job, { batchPauseMillis: 0, ...limits })),
    ([inbox, sent, deadLetters]) => ({ inbox, sent, deadLetters }),
  );

const remembered = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient;
  const rows = yield* sql<{ readonly id: string }>`SELECT id FROM inbox ORDER BY position`;
  return rows.map(({ id }) => id);
});

const audited = Effect.map(OutboxAudit.audit, ([i8]) => i8);

const fresh = () => Notebook.layer.pipe(Layer.provideMerge(TestDatabase.layer(inject("pgPort"))));

describe("the retention of a service's tables", () => {
  layer(fresh(), { excludeTestServices: true })("of inputs and what they caused", (it) => {
    it.effect(
      "forgets the old days, refuses a redelivery of the younger ones, and leaves nothing unproved that it kept",
      () =>
        Effect.gen(function* () {
          for (const daysAgo of [20, 10, 6]) yield* partitionOf(daysAgo);
          const [old, older, young] = [
            yield* said(10, "a", "old"),
            yield* said(20, "a", "older"),
            yield* said(6, "a", "young"),
          ];
          yield* apply(20, older);
          yield* apply(10, old);
          yield* apply(6, young);
          yield* sendAll;
          assert.strictEqual((yield* audited)?.checked, 3);

          assert.deepStrictEqual(yield* sweepAll(), { inbox: 2, sent: 2, deadLetters: 0 });
          assert.deepStrictEqual(yield* remembered, [young.id]);
          assert.strictEqual((yield* apply(0, young)).duplicates, 1);
          assert.deepStrictEqual(yield* Notebook.words("a"), ["older", "old", "young"]);
          assert.deepStrictEqual(yield* audited, { id: "I8", checked: 1, violations: [] });
          assert.deepStrictEqual(yield* sweepAll(), { inbox: 0, sent: 0, deadLetters: 0 });

          const sql = yield* SqlClient.SqlClient;
          yield* sql`DELETE FROM outbox_sent`;
          assert.strictEqual((yield* audited)?.violations.length, 1, "what was lost and not forgotten is still found");
        }),
    );
  });

  layer(fresh(), { excludeTestServices: true })("of a message that came long after it was said", (it) => {
    it.effect(
      "remembers it from when it was applied: its day stays, and so does what was applied behind a dropped day",
      () =>
        Effect.gen(function* () {
          yield* partitionOf(10);
          const late = yield* said(10, "a", "late");
          yield* apply(2, late);
          const beyond = yield* said(50, "a", "beyond");
          yield* apply(1, beyond);
          yield* sendAll;
          assert.strictEqual((yield* sweepAll()).inbox, 0);
          for (const one of [late, beyond]) assert.strictEqual((yield* apply(0, one)).duplicates, 1);
          assert.deepStrictEqual(yield* Notebook.words("a"), ["late", "beyond"]);
          const [i8] = yield* OutboxAudit.audit;
          assert.deepStrictEqual(i8?.violations, []);
        }),
    );
  });

  layer(fresh(), { excludeTestServices: true })("of evidence that goes before its cause", (it) => {
    it.effect("an input whose messages are forgotten as sent accuses nobody", () =>
      Effect.gen(function* () {
        yield* partitionOf(5);
        yield* apply(5, yield* said(5, "a", "one"));
        yield* apply(1, yield* said(1, "a", "two"));
        yield* sendAll;
        const [, sent] = Retention.jobs({ ...keep, sentMillis: 3 * day });
        assert.strictEqual(sent && (yield* Sweeper.sweep(sent)), 1);
        assert.strictEqual((yield* remembered).length, 2);
        assert.deepStrictEqual(yield* audited, { id: "I8", checked: 1, violations: [] });
      }),
    );
  });

  layer(fresh(), { excludeTestServices: true })("of what waits", (it) => {
    it.effect("touches neither an unsent message nor a parked letter, however old; a settled letter goes", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient;
        const bad = yield* said(60, "parked", "defect");
        const dropped = yield* said(60, "dropped", "defect");
        yield* apply(60, yield* said(60, "unsent", "word"));
        yield* apply(60, bad);
        yield* apply(60, dropped);
        const commit = yield* Notebook.make;
        const letters = yield* DeadLetters.make({ consumer: "notebook", decode: Notebook.decode, commit });
        yield* sql`UPDATE dead_letter SET since = now() - interval '60 days'`;
        yield* letters.drop(dropped.id, "operator");
        assert.strictEqual((yield* sweepAll()).deadLetters, 0, "it was settled just now, however long it was parked");
        yield* sql`UPDATE dead_letter SET since = now() - interval '60 days'`;
        yield* sql`UPDATE dead_letter_action SET at = now() - interval '60 days'`;
        assert.strictEqual((yield* sweepAll()).deadLetters, 2);
        assert.strictEqual(yield* (yield* Outbox.Outbox).size, 1);
        assert.deepStrictEqual(
          (yield* letters.list()).map(({ id }) => id),
          [bad.id],
        );
        assert.strictEqual((yield* apply(0, dropped)).duplicates, 1, "what was dropped stays dropped");
        assert.strictEqual((yield* apply(0, yield* said(0, "parked", "behind"))).parked, 1);
      }),
    );
  });

  layer(fresh(), { excludeTestServices: true })("with two owners", (it) => {
    it.effect("each row goes once, in batches, keys that clients chose too, and neither fails", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient;
        yield* sql`INSERT INTO inbox (consumer, day, id, at, rejected, emitted)
          SELECT 'api', '1970-01-01', n::text, now() - make_interval(days => n % 14), false, '{}' FROM generate_series(1, 140) n`;
        const both = yield* Effect.all([sweepAll({ maxBatchRows: 7 }), sweepAll({ maxBatchRows: 7 })], {
          concurrency: 2,
        });
        yield* sweepAll();
        const [left] = yield* sql<{ readonly n: bigint }>`SELECT count(*) AS n FROM inbox`;
        assert.strictEqual(Number(left?.n), 70, "those of less than seven days");
        assert.isAtMost((both[0].inbox ?? 0) + (both[1].inbox ?? 0), 70);
        assert.isAbove((both[0].inbox ?? 0) + (both[1].inbox ?? 0), 0);
      }),
    );

    it.effect("whoever holds the turn is not waited for", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient;
        yield* sql`INSERT INTO inbox (consumer, day, id, at, rejected, emitted)
          VALUES ('api', '1970-01-01', 'old', now() - interval '9 days', false, '{}')`;
        const other = yield* sql.reserve;
        const ask = (what: string) =>
          other.execute(`SELECT ${what}(hashtextextended('retention/inbox', 0))`, [], undefined);
        yield* ask("pg_advisory_lock");
        assert.strictEqual((yield* sweepAll()).inbox, 0);
        yield* ask("pg_advisory_unlock");
        assert.strictEqual((yield* sweepAll()).inbox, 1);
      }),
    );
  });
});
