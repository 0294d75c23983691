/**
 * Lets a request wait until something changes, for `Prefer: wait`.
 *
 * Guarantee: a change in this process wakes its waiters at once; one made by another copy of the service is seen within
 * `pollMillis`. A waiter registers before it reads, so no change falls in between.
 */
import * as Deferred from "effect/Deferred";
import * as Effect from "effect/Effect";

/** How often a waiter looks by itself. */
export const pollMillis = 1000;

export interface Waiters {
  /** Wakes everybody who waits for one of these ids. */
  readonly notify: (ids: Iterable<string>) => void;
  /** Reads until `holds` or until the time is over, and answers what was read last. */
  readonly until: <A, E, R>(options: {
    readonly id: string;
    readonly read: Effect.Effect<A, E, R>;
    readonly holds: (value: A) => boolean;
    readonly waitMillis: number;
  }) => Effect.Effect<A, E, R>;
}

export const make = (): Waiters => {
  const waiting = new Map<string, Set<Deferred.Deferred<void>>>();

  const register = (id: string) =>
    Effect.acquireRelease(
      Effect.sync(() => {
        const woken = Deferred.makeUnsafe<void>();
        const others = waiting.get(id) ?? new Set();
        waiting.set(id, others.add(woken));
        return woken;
      }),
      (woken) =>
        Effect.sync(() => {
          const others = waiting.get(id);
          others?.delete(woken);
          if (others?.size === 0) waiting.delete(id);
        }),
    );

  return {
    notify: (ids) => {
      for (const id of ids) {
        for (const woken of waiting.get(id) ?? []) Deferred.doneUnsafe(woken, Effect.void);
      }
    },
    until: ({ holds, id, read, waitMillis }) => {
      let last: { readonly value: Effect.Success<typeof read> } | undefined;
      const turn = Effect.scoped(
        Effect.gen(function* () {
          const woken = yield* register(id);
          const value = yield* read;
          last = { value };
          if (!holds(value)) yield* Effect.timeoutOption(Deferred.await(woken), pollMillis);
          return value;
        }),
      );
      return Effect.flatMap(Effect.timeoutOption(Effect.repeat(turn, { until: holds }), waitMillis), () =>
        last === undefined ? read : Effect.succeed(last.value),
      );
    },
  };
};
