/**
 * Lets a request wait until something changes, for `Prefer: wait`.
 *
 * Guarantee: a change in this process answers its waiters at once, without a read; one made by another copy of the service is
 * seen within `pollMillis`, and so is one that was made before the wait began. A waiter registers before it reads, so no change
 * falls in between.
 *
 * Limits: one statement every `pollMillis` looks for everybody, not one a waiter: when all wait the database is busy
 * already. Beyond `maxWaiters` nobody is kept waiting: the answer is what stands there now.
 */
import * as Deferred from "effect/Deferred";
import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import type * as Scope from "effect/Scope";

/** How often the waiters look by themselves. */
export const pollMillis = 1000;

export const maxWaiters = 10_000;

/** How many ids one look asks for. */
const maxPolledIds = 1000;

export interface Waiters<Id extends string, A, E> {
  /** Tells everybody who waits for one of these ids what stands there now. */
  readonly notify: (values: Iterable<readonly [Id, A]>) => void;
  /** Waits until `holds` or until the time is over, and answers what was seen last; undefined when there is nothing. */
  readonly until: (options: {
    readonly id: Id;
    readonly holds: (value: A | undefined) => boolean;
    readonly waitMillis: number;
  }) => Effect.Effect<A | undefined, E>;
}

export interface Options<Id extends string, A, E> {
  /** What stands there now; ids without anything are left out of the answer. */
  readonly read: (ids: ReadonlyArray<Id>) => Effect.Effect<ReadonlyMap<Id, A>, E>;
  /** What this process remembers, if it is not older than that: it spares a wait the read at its beginning. */
  readonly recall?: ((id: Id, maxAgeMillis: number) => A | undefined) | undefined;
}

interface Waiter<A> {
  readonly holds: (value: A | undefined) => boolean;
  readonly held: Deferred.Deferred<A | undefined>;
  last: A | undefined;
}

export const make = Effect.fnUntraced(function* <Id extends string, A, E>({
  read,
  recall = () => undefined,
}: Options<Id, A, E>): Effect.fn.Return<Waiters<Id, A, E>, never, Scope.Scope> {
  const waiting = new Map<Id, Set<Waiter<A>>>();
  let count = 0;

  const register = (id: Id, holds: Waiter<A>["holds"]) =>
    Effect.acquireRelease(
      Effect.sync(() => {
        const waiter: Waiter<A> = { holds, held: Deferred.makeUnsafe<A | undefined>(), last: undefined };
        const others = waiting.get(id) ?? new Set();
        waiting.set(id, others.add(waiter));
        count += 1;
        return waiter;
      }),
      (waiter) =>
        Effect.sync(() => {
          const others = waiting.get(id);
          others?.delete(waiter);
          if (others?.size === 0) waiting.delete(id);
          count -= 1;
        }),
    );

  const show = (waiter: Waiter<A>, value: A | undefined): void => {
    waiter.last = value;
    if (waiter.holds(value)) Deferred.doneUnsafe(waiter.held, Effect.succeed(value));
  };

  const readOne = (id: Id): Effect.Effect<A | undefined, E> =>
    Effect.suspend(() => {
      const known = recall(id, pollMillis);
      return known === undefined ? Effect.map(read([id]), (found) => found.get(id)) : Effect.succeed(known);
    });

  const look = Effect.suspend(() => {
    const ids = [...waiting.keys()].slice(0, maxPolledIds);
    if (ids.length === 0) return Effect.void;
    return Effect.map(read(ids), (found) => {
      for (const id of ids) {
        const waiters = waiting.get(id);
        if (waiters === undefined) continue;
        for (const waiter of waiters) show(waiter, found.get(id));
        // To the end of the line, so that the next look asks for others when there are too many.
        waiting.delete(id);
        waiting.set(id, waiters);
      }
    });
  });

  yield* Effect.sleep(pollMillis).pipe(
    Effect.andThen(look),
    Effect.catchCause((cause) => Effect.logWarning("waiting requests could not look for changes", cause)),
    Effect.forever,
    Effect.forkScoped,
  );

  return {
    notify: (values) => {
      for (const [id, value] of values) for (const waiter of waiting.get(id) ?? []) show(waiter, value);
    },
    until: ({ holds, id, waitMillis }) => {
      if (count >= maxWaiters) return readOne(id);
      return Effect.scoped(
        Effect.gen(function* () {
          const waiter = yield* register(id, holds);
          const value = yield* readOne(id);
          // A notice that came while the read was under way is newer than what was read.
          if (!Deferred.isDoneUnsafe(waiter.held)) show(waiter, value);
          const held = yield* Effect.timeoutOption(Deferred.await(waiter.held), waitMillis);
          return Option.getOrElse(held, () => waiter.last);
        }),
      );
    },
  };
});
