/**
 * Password hashes: argon2id, on the thread pool, a few at a time.
 *
 * One hash costs about 20 ms of a core. Unbounded, a login storm would starve everything else of the process; so at most
 * `maxConcurrentHashes` run, and a caller who would wait behind more than `maxWaitingHashes` is told to come back.
 */
import { Problem } from "@destiny/sdk/http";
import * as argon2 from "@node-rs/argon2";
import * as Effect from "effect/Effect";
import * as Redacted from "effect/Redacted";
import * as Semaphore from "effect/Semaphore";

export const maxConcurrentHashes = 2;
export const maxWaitingHashes = 200;

/** OWASP's second choice for argon2id: 19 MiB, two passes. */
const full = { memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const;

/** For seeded shoppers only, whose password is printed anyway: 64 KiB, one pass. */
const cheap = { memoryCost: 64, timeCost: 1, parallelism: 1 } as const;

const permits = Semaphore.makeUnsafe(maxConcurrentHashes);
let waiting = 0;

const bounded = <A>(work: () => Promise<A>): Effect.Effect<A, Problem.Unavailable> =>
  Effect.suspend(() => {
    if (waiting >= maxWaitingHashes) {
      return Effect.fail(new Problem.Unavailable({ detail: "Too many logins at once", retryAfterSeconds: 2 }));
    }
    waiting += 1;
    return permits.withPermit(Effect.promise(work)).pipe(
      Effect.ensuring(
        Effect.sync(() => {
          waiting -= 1;
        }),
      ),
    );
  });

export const hash = (password: Redacted.Redacted) => bounded(() => argon2.hash(Redacted.value(password), full));

export const hashCheaply = (password: Redacted.Redacted) =>
  Effect.promise(() => argon2.hash(Redacted.value(password), cheap));

export const verify = (stored: string, password: Redacted.Redacted) =>
  bounded(() => argon2.verify(stored, Redacted.value(password)));
