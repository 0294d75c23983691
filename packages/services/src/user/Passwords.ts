/**
 * Password hashes: argon2id, on the thread pool, a few at a time.
 *
 * One hash costs about 20 ms of a core. Unbounded, a login storm would starve everything else of the process; so at most
 * `maxConcurrentHashes` run, and a caller who would wait behind more than `maxWaitingHashes` is told to come back.
 */
import { Problem } from "@destiny/sdk/http";
import * as argon2 from "@node-rs/argon2";
import * as Context from "effect/Context";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Redacted from "effect/Redacted";
import * as Semaphore from "effect/Semaphore";

export interface Limits {
  readonly maxConcurrentHashes: number;
  readonly maxWaitingHashes: number;
}

/** At two hashes a time the last one in the queue waits about two seconds. */
export const Limits = Context.Reference<Limits>("@destiny/services/user/Passwords/Limits", {
  defaultValue: () => ({ maxConcurrentHashes: 2, maxWaitingHashes: 200 }),
});

const retryAfterSeconds = 2;

/** OWASP's second choice for argon2id: 19 MiB, two passes. */
const full = { memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const;

/** For seeded shoppers only, whose password is printed anyway: 64 KiB, one pass. */
const cheap = { memoryCost: 64, timeCost: 1, parallelism: 1 } as const;

const make = Effect.gen(function* () {
  const { maxConcurrentHashes, maxWaitingHashes } = yield* Limits;
  const permits = yield* Semaphore.make(maxConcurrentHashes);
  let admitted = 0;

  const bounded = <A>(work: () => Promise<A>): Effect.Effect<A, Problem.Unavailable> =>
    Effect.suspend(() => {
      if (admitted >= maxConcurrentHashes + maxWaitingHashes) {
        return Effect.fail(new Problem.Unavailable({ detail: "Too many logins at once", retryAfterSeconds }));
      }
      admitted += 1;
      return permits.withPermit(Effect.promise(work)).pipe(
        Effect.ensuring(
          Effect.sync(() => {
            admitted -= 1;
          }),
        ),
      );
    });

  return {
    hash: Effect.fn("Passwords.hash")((password: Redacted.Redacted) =>
      bounded(() => argon2.hash(Redacted.value(password), full)),
    ),
    verify: Effect.fn("Passwords.verify")((stored: string, password: Redacted.Redacted) =>
      bounded(() => argon2.verify(stored, Redacted.value(password))),
    ),
  };
});

export class Passwords extends Context.Service<Passwords, Effect.Success<typeof make>>()(
  "@destiny/services/user/Passwords",
) {
  static readonly layer = Layer.effect(Passwords, make);
}

/** Not for people: whoever has the table finds such a password in no time. */
export const hashCheaply = (password: Redacted.Redacted): Effect.Effect<string> =>
  Effect.promise(() => argon2.hash(Redacted.value(password), cheap));
