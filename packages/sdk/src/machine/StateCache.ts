/**
 * States as this process last committed or read them, so that a group need not ask for them.
 *
 * Guarantee: none about being current. Whoever decides on a remembered state has its version compared in the statement that
 * writes. Absence is never remembered. A key that somebody else moved is cooled: for a while it is not kept, so that two
 * owners of it take the locked way instead of failing each other's groups.
 *
 * Limit: `maxStates`; the longest unused goes first.
 */
import type { Versioned } from "./Machine.ts";

export interface StateCache<Key extends string, State> {
  readonly get: (key: Key) => Versioned<State> | undefined;
  /** What was current at `since` or later: committed, read under its lock, or compared by a group that committed then. */
  readonly getSince: (key: Key, since: number) => Versioned<State> | undefined;
  readonly cooling: (key: Key, now: number) => boolean;
  readonly keep: (states: Iterable<readonly [Key, Versioned<State>]>, now: number) => void;
  readonly forget: (keys: Iterable<Key>) => void;
  readonly cool: (keys: Iterable<Key>, until: number) => void;
}

/** Keys that may cool at once; beyond that the oldest is trusted again, and at worst conflicts again. */
const maxCoolingKeys = 10_000;

const trim = (map: Map<unknown, unknown>, max: number): void => {
  for (const key of map.keys()) {
    if (map.size <= max) return;
    map.delete(key);
  }
};

interface Kept<State> {
  readonly versioned: Versioned<State>;
  readonly at: number;
}

export const make = <Key extends string, State>(maxStates: number): StateCache<Key, State> => {
  const states = new Map<Key, Kept<State>>();
  const coolUntil = new Map<Key, number>();

  const cooling = (key: Key, now: number): boolean => {
    const until = coolUntil.get(key);
    if (until !== undefined && until <= now) coolUntil.delete(key);
    return until !== undefined && until > now;
  };

  return {
    get: (key) => states.get(key)?.versioned,
    getSince: (key, since) => {
      const kept = states.get(key);
      return kept === undefined || kept.at < since ? undefined : kept.versioned;
    },
    cooling,
    keep: (found, now) => {
      for (const [key, versioned] of found) {
        if (cooling(key, now)) continue;
        // To the end of the line: a Map keeps the order of insertion.
        states.delete(key);
        states.set(key, { versioned, at: now });
      }
      trim(states, maxStates);
    },
    forget: (keys) => {
      for (const key of keys) states.delete(key);
    },
    cool: (keys, until) => {
      for (const key of keys) {
        states.delete(key);
        coolUntil.set(key, until);
      }
      trim(coolUntil, maxCoolingKeys);
    },
  };
};
