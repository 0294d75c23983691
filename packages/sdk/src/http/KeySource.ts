/**
 * Where the public keys come from that tokens are verified with: a fixed set, or a JWKS URL.
 *
 * Guarantee: a key that was fetched once stays usable while the URL is down; before any fetch has succeeded every question fails
 * (`Unavailable`), so nobody is let in by default.
 *
 * Limits: one fetch at a time. An unknown key id causes at most one fetch per `minRefreshIntervalMillis`; failures back off up to
 * `maxBackoffMillis`. A withdrawn key is noticed after `maxAgeMillis` at the latest.
 */
import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import * as HttpClient from "effect/http/HttpClient";
import * as HttpClientResponse from "effect/http/HttpClientResponse";
import * as Option from "effect/Option";
import * as Schema from "effect/Schema";
import * as Semaphore from "effect/Semaphore";
import * as jose from "jose";
import * as Problem from "./Problem.ts";
import * as Token from "./Token.ts";

type Key = jose.CryptoKey | Uint8Array;

export interface KeySource {
  /** The key of this id, none if the set does not have it. */
  readonly key: (kid: string) => Effect.Effect<Option.Option<Key>, Problem.Unavailable>;
}

const importKeys = (keys: ReadonlyArray<Token.PublicJwk>): Effect.Effect<ReadonlyMap<string, Key>> =>
  Effect.map(
    Effect.forEach(keys, (jwk) =>
      Effect.promise(async () => [jwk.kid, await jose.importJWK({ ...jwk }, Token.algorithm)] as const),
    ),
    (entries) => new Map(entries),
  );

/** For the service that signs, and for tests. */
export const fromJwks = (jwks: Token.JwkSet): Effect.Effect<KeySource> =>
  Effect.map(importKeys(jwks.keys), (keys) => ({
    key: (kid) => Effect.succeed(Option.fromUndefinedOr(keys.get(kid))),
  }));

export interface UrlOptions {
  readonly url: string;
  readonly maxAgeMillis?: number | undefined;
  readonly minRefreshIntervalMillis?: number | undefined;
  readonly fetchTimeoutMillis?: number | undefined;
  readonly minBackoffMillis?: number | undefined;
  readonly maxBackoffMillis?: number | undefined;
}

const FetchedSet = Schema.Struct({ keys: Schema.Array(Schema.Unknown) });

const isPublicJwk = Schema.is(Token.PublicJwk);

export const fromUrl = Effect.fn("KeySource.fromUrl")(function* (options: UrlOptions) {
  const {
    fetchTimeoutMillis = 2_000,
    maxAgeMillis = 600_000,
    maxBackoffMillis = 30_000,
    minBackoffMillis = 500,
    minRefreshIntervalMillis = 5_000,
  } = options;
  const client = HttpClient.filterStatusOk(yield* HttpClient.HttpClient);
  const oneAtATime = yield* Semaphore.make(1);
  let keys: ReadonlyMap<string, Key> = new Map();
  let fetchedAtMillis: number | undefined;
  let nextAttemptAtMillis = 0;
  let failures = 0;
  let inFlight = false;

  // Other kinds of keys in the set are not ours to refuse: they are passed over.
  const fetchKeys = client.get(options.url).pipe(
    Effect.flatMap(HttpClientResponse.schemaBodyJson(FetchedSet)),
    Effect.flatMap((set) => importKeys(set.keys.filter(isPublicJwk))),
    Effect.timeout(fetchTimeoutMillis),
  );

  const attempt = Effect.gen(function* () {
    const startedAtMillis = yield* Clock.currentTimeMillis;
    if (startedAtMillis < nextAttemptAtMillis) return;
    inFlight = true;
    const exit = yield* Effect.exit(fetchKeys);
    const now = yield* Clock.currentTimeMillis;
    if (exit._tag === "Success") {
      keys = exit.value;
      fetchedAtMillis = now;
      failures = 0;
      nextAttemptAtMillis = now + minRefreshIntervalMillis;
      return;
    }
    nextAttemptAtMillis = now + Math.min(minBackoffMillis * 2 ** failures, maxBackoffMillis);
    failures++;
    yield* Effect.logWarning("signing keys could not be fetched", { url: options.url, failures }, exit.cause);
  }).pipe(
    Effect.ensuring(
      Effect.sync(() => {
        inFlight = false;
      }),
    ),
  );

  const refresh = oneAtATime.withPermits(1)(attempt);

  const key = Effect.fnUntraced(function* (kid: string) {
    const now = yield* Clock.currentTimeMillis;
    const isFresh = fetchedAtMillis !== undefined && now - fetchedAtMillis < maxAgeMillis;
    const known = keys.get(kid);
    // A known key never waits for a fetch that somebody else has begun; an unknown one does.
    const refreshes =
      known === undefined
        ? inFlight || now >= nextAttemptAtMillis
        : !isFresh && !inFlight && now >= nextAttemptAtMillis;
    if (refreshes) yield* refresh;
    if (fetchedAtMillis === undefined) {
      return yield* new Problem.Unavailable({
        detail: "Tokens cannot be verified at the moment",
        retryAfterSeconds: 1,
      });
    }
    return Option.fromUndefinedOr(keys.get(kid));
  });

  const source: KeySource = { key };
  return source;
});
