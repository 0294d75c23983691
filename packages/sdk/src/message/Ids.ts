/**
 * Identity of inputs and messages: UUID version 7 (RFC 9562).
 *
 * The time inside an id places its inbox row into a partition, so that a late duplicate meets its first. Ids are identity
 * only: they are made before the commit, so their order is not commit order (the outbox orders by `position`).
 */
import * as Clock from "effect/Clock";
import * as Context from "effect/Context";
import * as Effect from "effect/Effect";

export interface Ids {
  /** A fresh id for something that happened at `atMillis` (UTC epoch milliseconds). */
  readonly next: (atMillis: number) => string;
}

const hex = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/** Formats a UUIDv7 from its time and ten random bytes. */
export const format = (atMillis: number, random: Uint8Array): string => {
  const time = Math.trunc(atMillis).toString(16).padStart(12, "0");
  const byte = (index: number): string => hex[random[index] ?? 0] ?? "00";
  const version = hex[0x70 | ((random[0] ?? 0) & 0x0f)] ?? "70";
  const variant = hex[0x80 | ((random[2] ?? 0) & 0x3f)] ?? "80";
  return (
    `${time.slice(0, 8)}-${time.slice(8)}-${version}${byte(1)}-${variant}${byte(3)}-` +
    `${byte(4)}${byte(5)}${byte(6)}${byte(7)}${byte(8)}${byte(9)}`
  );
};

/** Random bytes are drawn 4 KiB at a time: one call to the generator for some 400 ids. */
const poolBytes = 4096;

const make = (fill: (bytes: Uint8Array<ArrayBuffer>) => void): Ids => {
  const pool = new Uint8Array(poolBytes);
  let used = poolBytes;
  return {
    next: (atMillis) => {
      if (used + 10 > poolBytes) {
        fill(pool);
        used = 0;
      }
      const id = format(atMillis, pool.subarray(used, used + 10));
      used += 10;
      return id;
    },
  };
};

/** A deterministic source for simulations and golden tests (mulberry32). */
export const seeded = (seed: number): Ids => {
  let state = seed >>> 0;
  const nextByte = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 24) & 0xff;
  };
  return make((bytes) => {
    for (let index = 0; index < bytes.length; index++) bytes[index] = nextByte();
  });
};

/** The ambient source: cryptographic unless a test or a simulation replaces it. */
export const Ids = Context.Reference<Ids>("@destiny/sdk/message/Ids", {
  defaultValue: () => make((bytes) => globalThis.crypto.getRandomValues(bytes)),
});

/** A fresh id stamped with the current time. */
export const fresh: Effect.Effect<string> = Effect.gen(function* () {
  const ids = yield* Ids;
  return ids.next(yield* Clock.currentTimeMillis);
});

const pattern = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/** The time inside a UUIDv7; undefined for anything else, such as an idempotency key that a client chose. */
export const timeOf = (id: string): number | undefined =>
  pattern.test(id) ? Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16) : undefined;
