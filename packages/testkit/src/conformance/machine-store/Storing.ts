/** What is written is read again, and nothing else. */
import type { GroupCommit, Machine } from "@destiny/sdk/machine";
import { assert, type Vitest } from "@effect/vitest";
import * as Effect from "effect/Effect";
import * as Schema from "effect/Schema";
import { accepted, type Answer, keyOf, names, own, rejected } from "./Owner.ts";
import { place, stamped, type Subject, type Types, unique } from "./Subject.ts";

/** The machine alone, with its states in a map: what a group commit over any store has to amount to. */
const model = <T extends Types, R>(subject: Subject<T, R>) => {
  const { machine } = subject;
  const states = new Map<T["key"], Machine.Versioned<T["state"]>>();
  const touched = new Set<T["key"]>();
  const told = new Map<T["key"], Array<number>>();
  const view: Machine.View<T["key"], T["state"]> = {
    get: (key) => states.get(key)?.state,
    version: (key) => states.get(key)?.version ?? 0,
  };
  const decide = (input: Machine.Identified<T["input"]>): Answer => {
    for (const key of machine.keys(input.input)) touched.add(key);
    let verdict: ReturnType<typeof machine.decide>;
    try {
      verdict = machine.decide(view, input);
    } catch {
      return { _tag: "Poisoned" };
    }
    for (const [key, state] of verdict.changes) {
      const version = view.version(key) + 1;
      states.set(key, { version, state });
      told.set(key, [...(told.get(key) ?? []), version]);
    }
    return verdict._tag === "Accepted" ? accepted(subject, verdict.outputs) : rejected(subject, verdict.rejection);
  };
  return { states, touched, told, decide };
};

export const storing = <T extends Types, R>(it: Vitest.MethodsNonLive<R>, subject: Subject<T, R>): void => {
  it.effect("no key is no state, an absent one is left out, and one that is asked for twice is found once", () =>
    Effect.gen(function* () {
      const owner = yield* own(subject);
      const run = unique("load");
      const [known = "", absent = ""] = names(run, 2);
      assert.deepStrictEqual([...(yield* owner.load([]))], []);
      const [key, other] = [keyOf(subject, known), keyOf(subject, absent)];
      assert.deepStrictEqual([...(yield* owner.load([key, other]))], []);
      yield* owner.create(known);
      const found = yield* owner.load([key, other, key]);
      assert.deepStrictEqual([...found.keys()], [key]);
    }),
  );

  it.effect("a version counts the decisions that changed the state, from 1, and nothing else", () =>
    Effect.gen(function* () {
      const owner = yield* own(subject);
      const name = unique("version");
      const key = keyOf(subject, name);
      const version = Effect.map(owner.load([key]), (found) => found.get(key)?.version ?? 0);
      const [first, ...others] = subject.creates(name);
      yield* owner.accept(first);
      assert.strictEqual(yield* version, 1);
      for (const input of others) yield* owner.accept(input);
      const before = yield* version;
      const answer = yield* owner.submit(stamped(subject.rejected(name)));
      assert.strictEqual(answer._tag, "Rejected");
      assert.strictEqual(yield* version, before);
      for (const which of [0, 1] as const) yield* owner.accept(subject.changes(name, which));
      assert.strictEqual(yield* version, before + 2);
    }),
  );

  it.effect("a group of many is one write, and every state of it is in its place", () =>
    Effect.gen(function* () {
      let writes = 0;
      const owner = yield* own(subject, {
        database: (database) => ({
          ...database,
          write: (all) => {
            writes++;
            return database.write(all);
          },
        }),
      });
      const many = names(unique("many"), 100);
      const group = (inputs: ReadonlyArray<T["input"]>) =>
        owner.commit.apply(
          inputs.map((input): GroupCommit.Delivery<T["input"]> => ({ _tag: "Readable", input: stamped(input) })),
        );
      const made = yield* group(many.flatMap((name) => subject.creates(name)));
      assert.deepStrictEqual([made.poisoned, writes], [[], 1]);
      const changed = yield* group(many.map((name, index) => subject.changes(name, index % 2 === 0 ? 0 : 1)));
      assert.deepStrictEqual([changed.poisoned, writes], [[], 2]);
      const keys = many.map((name) => keyOf(subject, name));
      const found = yield* owner.load(keys);
      assert.sameMembers([...found.keys()], keys);
      const last = new Map([...owner.decisions.values()].flatMap(({ changed }) => [...changed]));
      for (const key of keys) assert.deepStrictEqual(found.get(key), last.get(key));
    }),
  );

  it.effect.prop(
    "whatever happens, in groups of whatever size: states, versions, answers and messages are the machine's own",
    [Schema.Array(subject.step)],
    ([steps]) =>
      Effect.gen(function* () {
        const owner = yield* own(subject);
        const expected = model(subject);
        const run = unique("history");
        const inputs = steps.map((step) => {
          const here = place(run);
          return stamped(subject.input(step, here), here);
        });
        const answers = inputs.map(expected.decide);
        // The first is a group of its own, and the others gather behind it.
        assert.deepStrictEqual(yield* Effect.forEach(inputs, owner.submit, { concurrency: "unbounded" }), answers);
        const keys = [...new Set([...expected.touched, ...expected.states.keys()])];
        const found = yield* owner.load(keys);
        const byKey = (states: ReadonlyMap<T["key"], Machine.Versioned<T["state"]>>) =>
          keys.flatMap((key) => (states.has(key) ? [[key, states.get(key)]] : []));
        assert.deepStrictEqual(byKey(found), byKey(expected.states));
        const told = Map.groupBy(yield* owner.told(keys), ({ key }) => key);
        for (const key of keys) {
          assert.deepStrictEqual(
            (told.get(key) ?? []).map(({ version }) => version),
            expected.told.get(key) ?? [],
          );
        }
      }),
    { arbitrary: { runs: 50 } },
  );
};
