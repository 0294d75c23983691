/**
 * The answers that a vendor keeps under idempotency keys.
 *
 * Guarantee: within `lifeMillis` of its first use, and while not pushed out by `maxKeys` younger ones, an identity gets
 * one answer; while the first request is in flight others are told so.
 * Limits: `maxKeys` answers; the oldest goes first, and `evicted` counts those that went before their time.
 */
import * as Crypto from "node:crypto";

export type Begun<A> =
  | { readonly _tag: "Fresh" }
  | { readonly _tag: "InFlight" }
  | { readonly _tag: "Answered"; readonly answer: A };

export interface IdempotentAnswers<A> {
  readonly begin: (identity: string) => Begun<A>;
  /** When the identity was first used; meaningful between `begin` and `complete`. */
  readonly startedAt: (identity: string) => number;
  readonly complete: (identity: string, answer: A) => void;
  /** The request ended without an answer that binds: the next one is the first again. */
  readonly abandon: (identity: string) => void;
  readonly restore: (identity: string, at: number, answer: A) => void;
  readonly clear: () => void;
  readonly evicted: () => number;
}

/** What a key is bound to. A digest, because the parts hold a secret and the identity is written to disk. */
export const identify = (...parts: ReadonlyArray<string>): string =>
  Crypto.hash("sha256", JSON.stringify(parts), "base64url");

export const make = <A>(options: {
  readonly lifeMillis: number;
  readonly maxKeys: number;
  readonly now: () => number;
}): IdempotentAnswers<A> => {
  const answered = new Map<string, { readonly at: number; readonly answer: A }>();
  const inFlight = new Map<string, number>();
  let evicted = 0;

  const restore = (identity: string, at: number, answer: A) => {
    const oldest = options.now() - options.lifeMillis;
    answered.delete(identity);
    answered.set(identity, { at, answer });
    for (const [key, entry] of answered) {
      if (entry.at > oldest && answered.size <= options.maxKeys) break;
      if (entry.at > oldest) evicted += 1;
      answered.delete(key);
    }
  };

  return {
    begin: (identity) => {
      if (inFlight.has(identity)) return { _tag: "InFlight" };
      const at = options.now();
      const known = answered.get(identity);
      if (known !== undefined && at - known.at < options.lifeMillis) return { _tag: "Answered", answer: known.answer };
      inFlight.set(identity, at);
      return { _tag: "Fresh" };
    },
    startedAt: (identity) => inFlight.get(identity) ?? options.now(),
    complete: (identity, answer) => {
      restore(identity, inFlight.get(identity) ?? options.now(), answer);
      inFlight.delete(identity);
    },
    abandon: (identity) => void inFlight.delete(identity),
    restore,
    clear: () => {
      answered.clear();
      inFlight.clear();
      evicted = 0;
    },
    evicted: () => evicted,
  };
};
