/** What is written is read again, and nothing else. */
import type { GroupCommit } from "@destiny/sdk/machine";
import { assert, type Vitest } from "@effect/vitest";
import * as Effect from "effect/Effect";
import { checked, history, stepsOf } from "./Model.ts";
import { keyOf, names, own } from "./Owner.ts";
import { stamped, type Subject, type Types, unique } from "./Subject.ts";

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
      const loads: Array<ReadonlyArray<T["key"]>> = [];
      const owner = yield* own(subject, {
        database: (database) => ({
          ...database,
          write: (all) => {
            writes++;
            return database.write(all);
          },
        }),
        store: (store) => ({
          ...store,
          load: (keys) => {
            loads.push(keys);
            return store.load(keys);
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
      for (const asked of loads) assert.deepStrictEqual(asked, [...new Set(asked)].sort(), "distinct, in key order");
      const keys = many.map((name) => keyOf(subject, name));
      const found = yield* owner.load(keys);
      assert.sameMembers([...found.keys()], keys);
      const last = new Map([...owner.decisions.values()].flatMap(({ changed }) => [...changed]));
      for (const key of keys) assert.deepStrictEqual(found.get(key), last.get(key));
    }),
  );

  it.effect.prop(
    "whatever happens, in groups of whatever size: states, versions, answers and messages are the machine's own",
    [stepsOf(subject)],
    ([steps]) =>
      Effect.gen(function* () {
        const owner = yield* own(subject);
        const { answers, inputs, keys, states, told } = history(subject, unique("history"), steps);
        // The first is a group of its own, and the others gather behind it.
        assert.deepStrictEqual(yield* Effect.forEach(inputs, owner.submit, { concurrency: "unbounded" }), answers);
        const found = yield* owner.load(keys);
        const messages = Map.groupBy(yield* owner.told(keys), ({ key }) => key);
        for (const key of keys) {
          assert.deepStrictEqual(found.get(key), states.get(key), `the state of ${key}`);
          const versions = messages.get(key)?.map(({ version }) => version);
          assert.deepStrictEqual(versions, told.get(key), `the messages of ${key}`);
        }
      }),
    checked(50),
  );
};
