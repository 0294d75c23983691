/**
 * How often somebody may ask: so many at once, and then so many a second.
 *
 * Guarantee: of one key's requests never more than `burst` + `perSecond` x seconds pass in any span of time.
 *
 * Limits: this process alone counts; `maxKeys` keys, and whoever was seen longest ago is forgotten first, as if never seen.
 */
import type * as Headers from "effect/http/Headers";
import * as Schema from "effect/Schema";
import * as Problem from "./Problem.ts";

export interface Options {
  readonly perSecond: number;
  readonly burst: number;
  readonly maxKeys?: number | undefined;
}

export const defaultMaxKeys = 100_000;

export class TooManyRequests extends Problem.Class<TooManyRequests>()(
  "TooManyRequests",
  { code: "SERV-429", status: 429, title: "Too many requests" },
  { retryAfterSeconds: Schema.Int },
) {}

/** `millis`: until the next one passes; 0 is one that passed. */
export type Wait = number;

export interface RateLimit {
  readonly take: (key: string, nowMillis: number) => Wait;
  /** What an answer of 429 says of the rule (IETF draft `RateLimit` headers). */
  readonly headers: (wait: Wait) => Headers.Input;
}

export const secondsOf = (wait: Wait): number => Math.max(1, Math.ceil(wait / 1000));

/**
 * One number a key: when it would have used up what it has taken, if it had asked evenly. Rejected: a count a window, which lets twice
 * as many through at the border of two windows.
 */
export const make = ({ burst, maxKeys = defaultMaxKeys, perSecond }: Options): RateLimit => {
  if (!(perSecond > 0 && burst >= 1)) throw new Error(`nobody could ever ask: ${perSecond} a second, ${burst} at once`);
  const millisEach = 1000 / perSecond;
  const aheadMillis = (burst - 1) * millisEach;
  // Insertion order of a Map is the order of use.
  const usedUntil = new Map<string, number>();
  return {
    take: (key, nowMillis) => {
      // A clock that was set back costs no more than a burst that was used up.
      const most = nowMillis + burst * millisEach;
      const until = Math.min(Math.max(usedUntil.get(key) ?? nowMillis, nowMillis), most);
      const wait = until - aheadMillis - nowMillis;
      usedUntil.delete(key);
      if (wait > 0) {
        // Whoever goes on asking is seen, though refused: forgotten, it would have a whole burst again.
        usedUntil.set(key, until);
        return wait;
      }
      const oldest = usedUntil.size >= maxKeys ? usedUntil.keys().next() : undefined;
      if (oldest?.done === false) usedUntil.delete(oldest.value);
      usedUntil.set(key, until + millisEach);
      return 0;
    },
    headers: (wait) => ({
      ratelimit: `"default";r=0;t=${secondsOf(wait)}`,
      "ratelimit-policy": `"default";q=${burst};w=${Math.max(1, Math.ceil(burst / perSecond))}`,
    }),
  };
};
