/** States, answers and messages commit together, once. */
import { Errors } from "@destiny/sdk/machine";
import { assert, type Vitest } from "@effect/vitest";
import * as Effect from "effect/Effect";
import { ConstraintError, SqlError } from "effect/sql/SqlError";
import { keyOf, own } from "./Owner.ts";
import { stamped, type Subject, type Types, unique } from "./Subject.ts";

/** What a database says to a write that one input alone is to blame for. */
const refusedWrite = new SqlError({
  reason: new ConstraintError({ cause: { code: "23514" }, message: "refused", operation: "execute" }),
});

export const answering = <T extends Types, R>(it: Vitest.MethodsNonLive<R>, subject: Subject<T, R>): void => {
  it.effect("an input that comes again gets its first answer, from whichever owner, and changes nothing", () =>
    Effect.gen(function* () {
      const [mine, theirs] = [yield* own(subject), yield* own(subject)];
      const name = unique("again");
      const key = yield* mine.create(name);
      const input = stamped(subject.changes(name, 0));
      const first = yield* mine.submit(input);
      yield* mine.accept(subject.changes(name, 1));
      const before = yield* mine.load([key]);
      for (const owner of [theirs, mine]) assert.deepStrictEqual(yield* owner.submit(input), first);
      assert.deepStrictEqual(yield* theirs.load([key]), before);
    }),
  );

  it.effect("a rejection is stored like any answer, and is no obstacle to its neighbours", () =>
    Effect.gen(function* () {
      const [mine, theirs] = [yield* own(subject), yield* own(subject)];
      const name = unique("rejected");
      const key = yield* mine.create(name);
      const input = stamped(subject.rejected(name));
      const [one, refused, other] = yield* Effect.all(
        [
          mine.submit(stamped(subject.changes(name, 0))),
          mine.submit(input),
          mine.submit(stamped(subject.changes(name, 1))),
        ],
        { concurrency: "unbounded" },
      );
      assert.deepStrictEqual([one._tag, refused._tag, other._tag], ["Accepted", "Rejected", "Accepted"]);
      const before = yield* mine.load([key]);
      for (const owner of [theirs, mine]) assert.deepStrictEqual(yield* owner.submit(input), refused);
      assert.deepStrictEqual(yield* mine.load([key]), before);
    }),
  );

  it.effect("the id of an input with another fingerprint is refused, by whichever owner, and changes nothing", () =>
    Effect.gen(function* () {
      const [mine, theirs] = [yield* own(subject), yield* own(subject)];
      const name = unique("reused");
      const key = yield* mine.create(name);
      const input = { ...stamped(subject.changes(name, 0)), fingerprint: "one" };
      assert.strictEqual((yield* mine.submit(input))._tag, "Accepted");
      const before = yield* mine.load([key]);
      const other = { ...input, input: subject.changes(name, 1), fingerprint: "another" };
      for (const owner of [theirs, mine]) {
        const error = yield* Effect.flip(owner.commit.submit(other));
        assert.isTrue(error instanceof Errors.GroupCommitError && error.reason._tag === "IdReused", String(error));
      }
      assert.deepStrictEqual(yield* mine.load([key]), before);
    }),
  );

  it.effect("every version of a state is told once, in order, with the commit that made it", () =>
    Effect.gen(function* () {
      const owner = yield* own(subject);
      const name = unique("told");
      const key = yield* owner.create(name);
      yield* owner.submit(stamped(subject.rejected(name)));
      for (const which of [0, 1] as const) yield* owner.accept(subject.changes(name, which));
      const version = (yield* owner.load([key])).get(key)?.version ?? 0;
      const told = yield* owner.told([key]);
      assert.deepStrictEqual(
        told.map((message) => message.version),
        Array.from({ length: version }, (_, index) => index + 1),
      );
      for (const [index, { sequence }] of told.entries()) {
        assert.isAbove(sequence ?? 0, told[index - 1]?.sequence ?? 0);
      }
    }),
  );

  it.effect("a group that does not commit leaves nothing: no state, no answer, no message", () =>
    Effect.gen(function* () {
      const sound = yield* own(subject);
      const broken = yield* own(subject, {
        database: (database) => ({
          ...database,
          // What can be rolled back is written first; a database in memory has no way back.
          write: (writes) =>
            Effect.flatMap(database.joined, (inside) => (inside ? database.write(writes) : Effect.void)).pipe(
              Effect.andThen(Effect.fail(refusedWrite)),
            ),
        }),
      });
      const name = unique("rolled back");
      const key = keyOf(subject, name);
      const [first, ...others] = subject.creates(name);
      const input = stamped(first);
      assert.strictEqual((yield* broken.submit(input))._tag, "Poisoned");
      assert.deepStrictEqual([...(yield* sound.load([key]))], []);
      assert.deepStrictEqual(yield* sound.told([key]), []);
      assert.strictEqual((yield* sound.submit(input))._tag, "Accepted");
      for (const other of others) yield* sound.accept(other);
      const before = yield* sound.load([key]);
      const told = yield* sound.told([key]);
      assert.strictEqual((yield* broken.submit(stamped(subject.changes(name, 0))))._tag, "Poisoned");
      assert.deepStrictEqual(yield* sound.load([key]), before);
      assert.deepStrictEqual(yield* sound.told([key]), told);
    }),
  );
};
