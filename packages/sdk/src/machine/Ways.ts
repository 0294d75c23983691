/**
 * Two ways to decide and write a group: on states that are locked and read first, or on remembered ones.
 *
 * The locked way is right with any number of owners: it takes the locks, reads, looks the inputs up, decides, writes; five or
 * six statements in a transaction that somebody else begins and commits. The remembered way is one statement, a transaction
 * of its own: it locks every key that a decision read, changed or not, compares the versions, makes sure that no key of the
 * group is parked, and writes. What it creates it inserts, which fails if somebody else was first. If anything is not as it was remembered, nothing is written, not even an inbox row, and nobody
 * is answered: the group then takes the locked way. An input that was seen before fails the same way, on its inbox row.
 *
 * Rejected: comparing only the keys that were changed. A stale owner that decides "not awaited" or "sold out" changes nothing
 * but would write the inbox row, and the true owner would then drop the message as a duplicate.
 */
import * as Effect from "effect/Effect";
import type { SqlError } from "effect/sql/SqlError";
import type { Conditions } from "./Database.ts";
import { decideGroup, type Decision, type Entry, type Parts, viewOf } from "./Decide.ts";
import type { Versioned } from "./Machine.ts";
import type { Write } from "./MachineStore.ts";
import type { StateCache } from "./StateCache.ts";

/** A group that was written, and, when its transaction is a caller's, not yet committed. */
export interface Written<Key extends string, State, Output, Rejection> extends Decision<Key, State, Output, Rejection> {
  /** Of `messages`, in their order. */
  readonly positions: ReadonlyArray<bigint>;
}

/** Reads under locks, decides and writes. */
export const locked = Effect.fnUntraced(function* <Key extends string, State, Input, Output, Rejection>(
  parts: Parts<Key, State, Input, Output, Rejection>,
  entries: ReadonlyArray<Entry<Input>>,
  write: (writes: ReadonlyArray<Write>) => Effect.Effect<ReadonlyArray<bigint>, SqlError>,
): Effect.fn.Return<Written<Key, State, Output, Rejection>, SqlError> {
  const { machine, store } = parts;
  const states = new Map<Key, Versioned<State>>();

  // States before inbox rows: the lock order that every group of every process keeps.
  const loaded = new Set<Key>();
  const load = (wanted: Iterable<Key>): Effect.Effect<void, SqlError> => {
    const keys = [...new Set(wanted)].filter((key) => !loaded.has(key)).sort();
    if (keys.length === 0) return Effect.void;
    for (const key of keys) loaded.add(key);
    return Effect.map(store.load(keys), (found) => {
      for (const [key, state] of found) states.set(key, state);
    });
  };
  const readable = entries.filter((entry) => entry.unreadable === undefined);
  yield* load(readable.flatMap((entry) => machine.keys(entry.input.input)));
  const { more } = machine;
  if (more !== undefined) {
    const view = viewOf(states);
    yield* load(readable.flatMap((entry) => more(view, entry.input.input)));
  }
  const seen = yield* parts.inputs.look(
    parts.consumer,
    entries.map((entry) => entry.input),
  );
  const decision = decideGroup(parts, entries, states, seen);
  return { ...decision, positions: yield* write(decision.writes) };
});

export interface Remembered<Key extends string, State, Output, Rejection> extends Decision<
  Key,
  State,
  Output,
  Rejection
> {
  /** Every key that the group was decided on. */
  readonly keys: ReadonlySet<Key>;
  readonly conditions: Conditions;
}

/** Decides without asking the database; undefined when something is not remembered, or is for the locked way to settle. */
export const remembered = <Key extends string, State, Input, Output, Rejection>(
  parts: Parts<Key, State, Input, Output, Rejection>,
  entries: ReadonlyArray<Entry<Input>>,
  cache: StateCache<Key, State>,
  now: number,
): Remembered<Key, State, Output, Rejection> | undefined => {
  const { machine, store } = parts;
  const { creates, more } = machine;
  const { unparked } = parts.inputs;
  if (store.guard === undefined || unparked === undefined) return undefined;
  const states = new Map<Key, Versioned<State>>();
  const keys = new Set<Key>();

  /** False when a key is not known, though the input may need it. */
  const recall = (wanted: ReadonlyArray<Key>, created: ReadonlyArray<Key>): boolean => {
    for (const key of wanted) {
      if (keys.has(key)) continue;
      const known = cache.get(key);
      if (known !== undefined) states.set(key, known);
      else if (!created.includes(key) || cache.cooling(key, now)) return false;
      keys.add(key);
    }
    return true;
  };
  for (const { input, redrive, unreadable } of entries) {
    if (unreadable !== undefined || redrive === true) return undefined;
    if (!recall(machine.keys(input.input), creates?.(input.input) ?? [])) return undefined;
  }
  if (more !== undefined) {
    const view = viewOf(states);
    for (const { input } of entries) if (!recall(more(view, input.input), [])) return undefined;
  }
  const decision = decideGroup(parts, entries, states, new Map());
  if (decision.troubled) return undefined;
  // What the group creates needs no guard of its own: a state that somebody else has made meanwhile fails the insert.
  const guarded = [...keys].filter((key) => states.has(key) || !decision.states.has(key)).sort();
  const versions = new Map(guarded.map((key) => [key, states.get(key)?.version ?? 0] as const));
  const inputs = entries.map((entry) => entry.input);
  return {
    ...decision,
    keys,
    conditions: {
      guards: versions.size === 0 ? [] : store.guard(versions),
      unparked: unparked(parts.consumer, inputs),
    },
  };
};
