import { assert, describe, it, layer } from "@effect/vitest";
import { QuotaGate, type QuotaMachine, QuotaStore } from "@destiny/sdk/quota";
import * as Effect from "effect/Effect";
import * as Fiber from "effect/Fiber";
import * as SqlClient from "effect/sql/SqlClient";
import * as TestClock from "effect/testing/TestClock";
import { define, issue, make, stamped, withDatabase } from "./Quotas.ts";

const mark = (version: number, more: Partial<QuotaGate.Mark> = {}): QuotaGate.Mark => ({
  version,
  exhausted: true,
  limit: 1,
  holders: new Map(),
  knownAt: 0,
  ...more,
});
const alreadyHas: QuotaMachine.Rejection = { _tag: "AlreadyHas", grantId: "g", serial: 1 };
const soldOut: QuotaMachine.Rejection = { _tag: "SoldOut", limit: 1, version: 2 };

/** A gate before a quota that says what the test wants, and how often the quota itself was asked. */
const gated = Effect.gen(function* () {
  let asked = 0;
  let looks = 0;
  let now: QuotaStore.Survey = { version: 2, limit: 1, exhausted: true, holders: [["winner", "g", 1]] };
  const lookedUp: Array<ReadonlyArray<string>> = [];
  let lookingUp: Effect.Effect<ReadonlySet<string>, string> = Effect.succeed(new Set(["won"]));
  const gate = yield* QuotaGate.make({
    survey: (_, { known }) =>
      Effect.sync(() => {
        looks++;
        return known === now.version ? { ...now, holders: null } : now;
      }),
    answered: (inputIds) =>
      Effect.suspend(() => {
        lookedUp.push(inputIds);
        return lookingUp;
      }),
  });
  return {
    ...gate,
    asked: () => asked,
    looks: () => looks,
    lookedUp,
    lookingUp: (next: typeof lookingUp) => void (lookingUp = next),
    becomes: (next: QuotaStore.Survey) => void (now = next),
    ask: (subject: string, inputId = "new") =>
      Effect.flip(
        gate.guard(
          { quotaId: "q", subject, inputId: Effect.succeed(inputId) },
          Effect.suspend(() => {
            asked++;
            return Effect.fail(soldOut);
          }),
        ),
      ),
  };
});
const onMarks = Effect.provide(QuotaGate.QuotaMarks.layerMemory, { local: true });

/** Lets what was forked run. */
const settle = TestClock.adjust(0);

describe("QuotaMarks", () => {
  it.effect("a lower version never overwrites, however late it comes; reopening is a higher version", () =>
    Effect.gen(function* () {
      const marks = yield* QuotaGate.QuotaMarks;
      yield* marks.write("q", mark(2));
      yield* marks.write("q", mark(3, { exhausted: false }));
      yield* marks.write("q", mark(2, { knownAt: 99 }));
      assert.deepStrictEqual(yield* marks.read("q"), mark(3, { exhausted: false }));
      yield* marks.write("q", mark(3, { exhausted: false, knownAt: 5 }));
      yield* marks.write("q", mark(3, { exhausted: false, knownAt: 4 }));
      assert.strictEqual((yield* marks.read("q"))?.knownAt, 5, "of one version what was known last");
    }).pipe(onMarks),
  );

  it.effect("keeps a bounded number of marks; one that is gone turns nobody away", () =>
    Effect.gen(function* () {
      const marks = yield* QuotaGate.QuotaMarks;
      for (let n = 0; n <= QuotaGate.maxMarks; n++) yield* marks.write(`q${n}`, mark(1));
      assert.isUndefined(yield* marks.read("q0"));
      assert.isDefined(yield* marks.read("q1"));

      const subjects = Array.from({ length: QuotaGate.maxRememberedHolders / 5 }, (_, n) => `s${n}`);
      const holders = new Map(subjects.map((subject, n) => [subject, { grantId: subject, serial: n + 1 }]));
      for (let n = 0; n <= 5; n++) yield* marks.write(`large${n}`, mark(1, { holders }));
      assert.isUndefined(yield* marks.read("large0"), "holders are bounded over all marks");
      assert.isDefined(yield* marks.read("large1"));
      for (let n = 0; n < 9; n++) yield* marks.write("large5", mark(2 + n, { holders }));
      assert.isDefined(yield* marks.read("large1"), "the same mark again is no more than one");
    }).pipe(onMarks),
  );
});

describe("QuotaGate", () => {
  it.effect(
    "after the first `sold out` losers are answered without asking anybody; a winner's own input reaches the quota",
    () =>
      Effect.gen(function* () {
        const gate = yield* gated;
        yield* gate.ask("loser");
        yield* settle;
        for (let n = 0; n < 10; n++) assert.deepStrictEqual(yield* gate.ask("loser"), soldOut);
        assert.deepStrictEqual([gate.asked(), gate.lookedUp], [1, []]);
        yield* gate.ask("winner", "won");
        assert.strictEqual(gate.asked(), 2);
        yield* settle;
        assert.strictEqual(gate.looks(), 2, "one after each `sold out` of the quota itself");
      }).pipe(onMarks),
  );

  it.effect(
    "who has one is told which, when this input was never answered; when that cannot be known, the quota is asked",
    () =>
      Effect.gen(function* () {
        const gate = yield* gated;
        yield* gate.ask("loser");
        yield* settle;
        assert.deepStrictEqual(yield* gate.ask("winner"), alreadyHas);
        assert.strictEqual(gate.asked(), 1);
        gate.lookingUp(Effect.fail("the database is away"));
        assert.deepStrictEqual(yield* gate.ask("winner"), soldOut, "what the quota says here");
        assert.strictEqual(gate.asked(), 2);
      }).pipe(onMarks),
  );

  it.effect("one look-up at a time: who comes meanwhile is in the next", () =>
    Effect.gen(function* () {
      const gate = yield* gated;
      yield* gate.ask("loser");
      yield* settle;
      gate.lookingUp(Effect.as(Effect.sleep(10), new Set(["won"])));
      const asked = (...ids: ReadonlyArray<string>) =>
        Effect.forkChild(
          Effect.forEach(ids, (id) => gate.ask("winner", id), { concurrency: "unbounded" }),
          { startImmediately: true },
        );
      const first = yield* asked("a", "b");
      yield* settle;
      const second = yield* asked("c", "won", "d");
      yield* TestClock.adjust(9);
      assert.deepStrictEqual(gate.lookedUp, [["a", "b"]]);
      yield* TestClock.adjust(11);
      assert.deepStrictEqual(gate.lookedUp, [
        ["a", "b"],
        ["c", "won", "d"],
      ]);
      assert.deepStrictEqual(yield* Fiber.join(first), [alreadyHas, alreadyHas]);
      assert.deepStrictEqual(yield* Fiber.join(second), [alreadyHas, soldOut, alreadyHas]);
    }).pipe(onMarks),
  );

  it.effect("a mark is never used when it is `maxStaleMillis` old, and one in use is renewed before", () =>
    Effect.gen(function* () {
      const gate = yield* gated;
      yield* gate.ask("loser");
      yield* settle;
      for (let n = 0; n < 20; n++) {
        yield* TestClock.adjust(QuotaGate.refreshAfterMillis);
        yield* gate.ask("loser");
        yield* settle;
      }
      assert.strictEqual(gate.asked(), 1, "a rush does not fall through");
      assert.strictEqual(gate.looks(), 21);
      yield* TestClock.adjust(QuotaGate.maxStaleMillis);
      const late = Effect.forEach(["a", "b", "c"], (subject) => gate.ask(subject), { concurrency: "unbounded" });
      assert.deepStrictEqual(
        yield* late,
        [soldOut, soldOut, soldOut],
        "nobody has looked for too long: all wait for one look",
      );
      assert.deepStrictEqual([gate.asked(), gate.looks()], [1, 22]);
      gate.becomes({ version: 3, limit: 2, exhausted: false, holders: null });
      yield* TestClock.adjust(QuotaGate.maxStaleMillis);
      yield* gate.ask("loser");
      assert.deepStrictEqual(
        [gate.asked(), gate.looks()],
        [2, 23],
        "what the look says counts, not the mark before it",
      );
    }).pipe(onMarks),
  );

  it.effect("reopened here, it is open at once; reopened elsewhere, after `maxStaleMillis` at the latest", () =>
    Effect.gen(function* () {
      const gate = yield* gated;
      yield* gate.ask("loser");
      yield* settle;
      yield* gate.reopened("q", 3);
      yield* gate.ask("loser");
      assert.strictEqual(gate.asked(), 2);
      yield* settle;
      yield* gate.ask("loser");
      assert.strictEqual(gate.asked(), 3, "the look that saw version 2 does not undo it");

      gate.becomes({ version: 4, limit: 1, exhausted: true, holders: [] });
      yield* gate.ask("loser");
      yield* settle;
      assert.strictEqual(gate.asked(), 4);
      yield* gate.ask("loser");
      assert.strictEqual(gate.asked(), 4, "exhausted again, at a higher version");
      gate.becomes({ version: 5, limit: 2, exhausted: false, holders: null });
      yield* TestClock.adjust(QuotaGate.maxStaleMillis - 1);
      yield* gate.ask("loser");
      assert.strictEqual(gate.asked(), 4);
      yield* settle;
      yield* gate.ask("loser");
      assert.strictEqual(gate.asked(), 5);
    }).pipe(onMarks),
  );
});

layer(withDatabase, { excludeTestServices: true })("QuotaStore.survey", (it) => {
  it.effect("says whether nothing is left at this time, to whom it went, and its holders once a version", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient;
      const quota = yield* make;
      const survey = (more: { now?: number; known?: number; maxHolders?: number } = {}) =>
        QuotaStore.survey(sql, "s", { now: 1000, known: 0, maxHolders: 10, ...more });
      assert.isUndefined(yield* survey());
      yield* quota.submit(stamped({ ...define("s", 2), closesAt: 2000 } as QuotaMachine.Input));
      const first = issue("s", "a");
      yield* quota.submit(stamped(first));
      assert.deepStrictEqual(yield* survey(), { version: 2, limit: 2, exhausted: false, holders: null });
      const second = issue("s", "b");
      yield* quota.submit(stamped(second));
      const full = { version: 3, limit: 2, exhausted: true };
      assert.deepStrictEqual(yield* survey(), {
        ...full,
        holders: [
          ["a", first.grantId, 1],
          ["b", second.grantId, 2],
        ],
      });
      assert.deepStrictEqual(yield* survey({ known: 3 }), { ...full, holders: null });
      assert.strictEqual((yield* survey({ now: 2000 }))?.exhausted, false, "closed is not sold out");
      assert.strictEqual((yield* survey({ maxHolders: 1 }))?.exhausted, false, "too many to remember");
      yield* quota.submit(stamped({ _tag: "Revoke", quotaId: "s", grantId: first.grantId }));
      assert.strictEqual((yield* survey())?.exhausted, false);
    }),
  );
});
