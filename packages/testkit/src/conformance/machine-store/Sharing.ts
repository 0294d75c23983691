/** Several owners of the same states: the commit decides who was first, and nobody's change is lost. */
import { assert, type Vitest } from "@effect/vitest";
import type { Database } from "@destiny/sdk/machine";
import * as Deferred from "effect/Deferred";
import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import * as Fiber from "effect/Fiber";
import * as Option from "effect/Option";
import { checked, history, stepsOf } from "./Model.ts";
import { keyOf, names, own, type Owner } from "./Owner.ts";
import { stamped, type StoreOf, type Subject, type Types, unique } from "./Subject.ts";

/** How long one waits for another that a lock may keep out for ever. */
const patienceMillis = 150;
/** How often a lock is looked for that must come. */
const maxLooks = 100;

/** A store whose first readers go on together: all have read before any writes, unless a lock keeps some of them out. */
const meeting = (parties: number) => {
  const all = Deferred.makeUnsafe<void>();
  let arrived = 0;
  const meet = Effect.suspend(() => {
    if (++arrived >= parties) Deferred.doneUnsafe(all, Exit.void);
    return Effect.timeoutOption(Deferred.await(all), patienceMillis);
  });
  return <T extends Types>(store: StoreOf<T>): StoreOf<T> => ({
    ...store,
    load: (keys) => Effect.tap(store.load(keys), () => meet),
  });
};

/**
 * The decisions that were committed about each key are numbered 1, 2, … over all owners, and the store has the last one. A
 * number that occurs twice is a lost update.
 */
const assertNothingLost = Effect.fnUntraced(function* <T extends Types, R>(
  keys: ReadonlyArray<T["key"]>,
  owners: ReadonlyArray<Owner<T, R>>,
) {
  const [reader] = owners;
  assert.isDefined(reader);
  const found = yield* reader.load(keys);
  for (const key of keys) {
    const changes = owners
      .flatMap(({ decisions }) => [...decisions.values()])
      .flatMap(({ changed }) => changed.get(key) ?? [])
      .sort((a, b) => a.version - b.version);
    assert.deepStrictEqual(
      changes.map(({ version }) => version),
      changes.map((_, index) => index + 1),
      `versions of ${key}`,
    );
    assert.deepStrictEqual(found.get(key), changes.at(-1), `the last state of ${key}`);
  }
});

export const sharing = <T extends Types, R>(it: Vitest.MethodsNonLive<R>, subject: Subject<T, R>): void => {
  const bothOwn = Effect.gen(function* () {
    const store = meeting(2);
    return [yield* own(subject, { store }), yield* own(subject, { store })] as const;
  });

  it.effect("two groups that meet at a state: the second decides on what the first has written", () =>
    Effect.gen(function* () {
      const maker = yield* own(subject);
      const [mine, theirs] = yield* bothOwn;
      const name = unique("met");
      const key = yield* maker.create(name);
      yield* Effect.all([mine.accept(subject.changes(name, 0)), theirs.accept(subject.changes(name, 1))], {
        concurrency: "unbounded",
      });
      yield* assertNothingLost([key], [maker, mine, theirs]);
    }),
  );

  it.effect("two groups that meet where no state is yet: it is made once, and the second decides on it", () =>
    Effect.gen(function* () {
      const [mine, theirs] = yield* bothOwn;
      const name = unique("made");
      const [first] = subject.creates(name);
      const answers = yield* Effect.forEach([mine, theirs], (owner) => owner.submit(stamped(first)), {
        concurrency: "unbounded",
      });
      assert.include(
        answers.map(({ _tag }) => _tag),
        "Accepted",
      );
      yield* assertNothingLost([keyOf(subject, name)], [mine, theirs]);
    }),
  );

  it.effect("an owner that remembers what another one has changed decides again on what it finds", () =>
    Effect.gen(function* () {
      let remembered = 0;
      const counting = (database: Database.Database["Service"]): typeof database => ({
        ...database,
        write: (writes, conditions) => {
          if (conditions !== undefined) remembered++;
          return database.write(writes, conditions);
        },
      });
      const [mine, theirs] = [yield* own(subject, { database: counting }), yield* own(subject)];
      const name = unique("remembered");
      const key = yield* mine.create(name);
      yield* theirs.accept(subject.changes(name, 0));
      remembered = 0;
      yield* mine.accept(subject.changes(name, 1));
      yield* assertNothingLost([key], [mine, theirs]);
      assert.strictEqual(remembered, mine.store.guard === undefined ? 0 : 1);
    }),
  );

  it.effect.prop(
    "whatever two owners do at once, to new states and old ones, no change is lost",
    [stepsOf(subject)],
    ([steps]) =>
      Effect.gen(function* () {
        const owners = yield* Effect.all([own(subject), own(subject)]);
        // The order is theirs, so what comes of it need not be what the history says; but nothing may be lost.
        const { inputs, keys } = history(subject, unique("shared"), steps);
        yield* Effect.forEach(inputs, (input, index) => owners[index % 2 === 0 ? 0 : 1].submit(input), {
          concurrency: "unbounded",
        });
        yield* assertNothingLost(keys, owners);
      }),
    checked(15),
  );

  it.effect("states are locked in the order of their keys, whatever order they lie in", () =>
    Effect.gen(function* () {
      const owner = yield* own(subject);
      // Made from the last to the first, so that a scan of the table comes by them in the wrong order.
      const byKey = (a: string, b: string) => (keyOf(subject, a) < keyOf(subject, b) ? -1 : 1);
      const [first = "", last = ""] = names(unique("order"), 2).toSorted(byKey);
      const high = yield* owner.create(last);
      const low = yield* owner.create(first);
      const release = yield* Deferred.make<void>();
      const locked = yield* Deferred.make<void>();
      const holder = yield* Effect.forkChild(
        owner.database.transact(
          Effect.andThen(owner.store.load([high]), Deferred.succeed(locked, undefined)).pipe(
            Effect.andThen(Deferred.await(release)),
          ),
        ),
      );
      yield* Deferred.await(locked);
      const both = yield* Effect.forkChild(owner.load([low, high]));
      // Kept out at the high key, it has locked the low one before: sooner or later a third one is kept out there.
      const look = Effect.gen(function* () {
        const third = yield* Effect.forkChild(owner.load([low]));
        const answer = yield* Effect.timeoutOption(Fiber.await(third), patienceMillis);
        return { third, keptOut: Option.isNone(answer) };
      });
      let seen = yield* look;
      for (let looks = 1; !seen.keptOut && looks < maxLooks; looks++) {
        yield* Effect.sleep(10);
        seen = yield* look;
      }
      yield* Deferred.succeed(release, undefined);
      yield* Fiber.joinAll([holder, both, seen.third]);
      assert.isTrue(seen.keptOut, `${high} is locked before ${low}`);
    }),
  );
};
