/**
 * Verifies tokens and remembers, by token, that it did.
 *
 * Guarantee: a token passes only if its signature, algorithm (Ed25519 only), type, issuer, audience, lifetime and claims are right; a
 * remembered result is never used after the token's expiry.
 *
 * Limits: `maxCachedTokens` results, least recently used out first; `maxTokenLength` characters a token. Verifying costs some 200
 * microseconds, a remembered token less than one.
 */
import * as Clock from "effect/Clock";
import * as Context from "effect/Context";
import * as Effect from "effect/Effect";
import type * as HttpClient from "effect/http/HttpClient";
import * as Layer from "effect/Layer";
import * as Option from "effect/Option";
import * as Schema from "effect/Schema";
import * as jose from "jose";
import * as KeySource from "./KeySource.ts";
import * as Problem from "./Problem.ts";
import * as Token from "./Token.ts";

/** No token, or one that does not pass. */
export class Unauthenticated extends Problem.Class<Unauthenticated>()("Unauthenticated", {
  code: "SERV-006",
  status: 401,
  title: "Authentication required",
}) {}

export interface Verified {
  readonly kind: Token.Kind;
  readonly principal: Token.Principal;
  /** UTC epoch milliseconds. */
  readonly expiresAtMillis: number;
}

export interface Options {
  readonly issuer: string;
  /** The audience of access and refresh tokens. */
  readonly audience: string;
  /** This service's own name. Without it service tokens are refused. */
  readonly serviceAudience?: string | undefined;
  readonly maxCachedTokens?: number | undefined;
}

export const defaultMaxCachedTokens = 10_000;

export const maxTokenLength = 4_096;

/** Two hosts' clocks differ a little; an expired token passes that much longer at its first sight. */
export const clockToleranceSeconds = 5;

export class TokenVerifier extends Context.Service<
  TokenVerifier,
  {
    /** The principal of a token of one of the accepted kinds. `Unavailable` when no key could ever be had. */
    readonly verify: (
      token: string,
      accept: ReadonlyArray<Token.Kind>,
    ) => Effect.Effect<Verified, Unauthenticated | Problem.Unavailable>;
  }
>()("@destiny/sdk/http/TokenVerifier") {
  /** Keys from a JWKS URL. */
  static readonly layer = (
    options: Options & KeySource.UrlOptions,
  ): Layer.Layer<TokenVerifier, never, HttpClient.HttpClient> =>
    Layer.effect(
      TokenVerifier,
      Effect.map(KeySource.fromUrl(options), (source) => make(options, source)),
    );

  /** Keys at hand: the signing service itself, and tests. */
  static readonly layerJwks = (options: Options & { readonly jwks: Token.JwkSet }): Layer.Layer<TokenVerifier> =>
    Layer.effect(
      TokenVerifier,
      Effect.map(KeySource.fromJwks(options.jwks), (source) => make(options, source)),
    );
}

const Claims = Schema.Struct({
  sub: Schema.NonEmptyString,
  jti: Schema.NonEmptyString,
  exp: Schema.Int,
  role: Token.Role,
});

const decodeClaims = Schema.decodeUnknownOption(Claims);

const kinds = new Map<unknown, Token.Kind>(Token.Kind.literals.map((kind) => [Token.typeOf[kind], kind]));

const refused = (detail: string): Unauthenticated => new Unauthenticated({ detail });

export const make = (options: Options, source: KeySource.KeySource): typeof TokenVerifier.Service => {
  const maxCachedTokens = options.maxCachedTokens ?? defaultMaxCachedTokens;
  // Insertion order of a Map is the order of use.
  const cache = new Map<string, Verified>();

  const remember = (token: string, verified: Verified): void => {
    const oldest = cache.size >= maxCachedTokens ? cache.keys().next() : undefined;
    if (oldest?.done === false) cache.delete(oldest.value);
    cache.set(token, verified);
  };

  const recall = (token: string, nowMillis: number): Verified | undefined => {
    const verified = cache.get(token);
    if (verified === undefined) return undefined;
    cache.delete(token);
    if (verified.expiresAtMillis <= nowMillis) return undefined;
    cache.set(token, verified);
    return verified;
  };

  const verifyAnew = Effect.fnUntraced(function* (token: string, nowMillis: number) {
    const header = yield* Effect.try({
      try: () => jose.decodeProtectedHeader(token),
      catch: () => refused("The token is not a JWT"),
    });
    const kind = kinds.get(header.typ);
    const audience = kind === "service" ? options.serviceAudience : options.audience;
    if (kind === undefined || audience === undefined || header.alg !== Token.algorithm || header.kid === undefined) {
      return yield* refused("The token is of an unknown kind");
    }
    const key = yield* source.key(header.kid);
    if (Option.isNone(key)) return yield* refused("The token is signed with an unknown key");
    const { payload } = yield* Effect.tryPromise({
      try: () =>
        jose.jwtVerify(token, key.value, {
          algorithms: [Token.algorithm],
          issuer: options.issuer,
          audience,
          clockTolerance: clockToleranceSeconds,
          currentDate: new Date(nowMillis),
          requiredClaims: ["iat", "exp"],
        }),
      catch: (error) =>
        refused(error instanceof jose.errors.JWTExpired ? "The token is expired" : "The token is not valid"),
    });
    const claims = decodeClaims(payload);
    if (Option.isNone(claims) || (claims.value.role === "SERVICE") !== (kind === "service")) {
      return yield* refused("The token's claims are not valid");
    }
    const { exp, jti, role, sub } = claims.value;
    const verified: Verified = { kind, principal: { userId: sub, role, tokenId: jti }, expiresAtMillis: exp * 1000 };
    if (verified.expiresAtMillis > nowMillis) remember(token, verified);
    return verified;
  });

  const verify = Effect.fnUntraced(function* (token: string, accept: ReadonlyArray<Token.Kind>) {
    if (token === "") return yield* refused("A bearer token is required");
    if (token.length > maxTokenLength) return yield* refused("The token is too long");
    const nowMillis = yield* Clock.currentTimeMillis;
    const verified = recall(token, nowMillis) ?? (yield* verifyAnew(token, nowMillis));
    return accept.includes(verified.kind)
      ? verified
      : yield* refused(`A token of kind ${verified.kind} is not accepted here`);
  });

  return TokenVerifier.of({ verify });
};
