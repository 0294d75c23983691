/**
 * Signed tokens (JWT, Ed25519): access, refresh and service, told apart by `typ` and by audience.
 *
 * Guarantee: a token of one kind never passes as another; every token names who issued it, for whom, until when, and has an id of its own.
 *
 * Limits: there is no revocation here: an access token is valid until it expires (15 minutes), a refresh token's id is what a store revokes.
 */
import * as Clock from "effect/Clock";
import * as Context from "effect/Context";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Redacted from "effect/Redacted";
import * as Schema from "effect/Schema";
import * as jose from "jose";
import * as Ids from "../message/Ids.ts";

export const Kind = Schema.Literals(["access", "refresh", "service"]);
export type Kind = typeof Kind.Type;

/** The `typ` header by kind. `at+jwt` is RFC 9068's; the others follow its pattern. */
export const typeOf: { readonly [K in Kind]: string } = { access: "at+jwt", refresh: "rt+jwt", service: "st+jwt" };

export const Role = Schema.Literals(["CUSTOMER", "PARTNER", "MASTER", "SERVICE"]);
export type Role = typeof Role.Type;

/** Who is asking. For a service token `userId` is the calling service's name and `role` is `SERVICE`. */
export const Principal = Schema.Struct({ userId: Schema.NonEmptyString, role: Role, tokenId: Schema.NonEmptyString });
export type Principal = typeof Principal.Type;

export const algorithm = "EdDSA";

const PrivateJwk = Schema.Struct({
  kty: Schema.Literal("OKP"),
  crv: Schema.Literal("Ed25519"),
  x: Schema.NonEmptyString,
  d: Schema.NonEmptyString,
  kid: Schema.optionalKey(Schema.NonEmptyString),
});

export const PublicJwk = Schema.Struct({
  kty: Schema.Literal("OKP"),
  crv: Schema.Literal("Ed25519"),
  x: Schema.NonEmptyString,
  kid: Schema.NonEmptyString,
});
export type PublicJwk = typeof PublicJwk.Type;

export const JwkSet = Schema.Struct({ keys: Schema.Array(PublicJwk) });
export type JwkSet = typeof JwkSet.Type;

export interface SignedToken {
  readonly token: Redacted.Redacted;
  readonly tokenId: string;
  /** UTC epoch milliseconds. */
  readonly expiresAtMillis: number;
}

export interface Options {
  /** A private Ed25519 JWK as JSON; see `generatePrivateJwk`. */
  readonly privateJwk: Redacted.Redacted;
  readonly issuer: string;
  /** The audience of access and refresh tokens. */
  readonly audience: string;
  readonly accessLifetimeMillis?: number | undefined;
  readonly refreshLifetimeMillis?: number | undefined;
  readonly serviceLifetimeMillis?: number | undefined;
}

export const defaultAccessLifetimeMillis = 15 * 60_000;
export const defaultRefreshLifetimeMillis = 14 * 24 * 60 * 60_000;
export const defaultServiceLifetimeMillis = 5 * 60_000;

export class TokenSigner extends Context.Service<
  TokenSigner,
  {
    readonly access: (of: {
      readonly userId: string;
      readonly role: Exclude<Role, "SERVICE">;
    }) => Effect.Effect<SignedToken>;
    /** `tokenId`: for a store that numbers its tokens; a fresh id unless given. */
    readonly refresh: (of: {
      readonly userId: string;
      readonly role: Exclude<Role, "SERVICE">;
      readonly tokenId?: string | undefined;
    }) => Effect.Effect<SignedToken>;
    /** A token of the service `name` for calls to the service `audience`, and to no other. */
    readonly service: (of: { readonly name: string; readonly audience: string }) => Effect.Effect<SignedToken>;
    /** The public half, to be published. */
    readonly jwks: JwkSet;
  }
>()("@destiny/sdk/http/TokenSigner") {
  static readonly layer = (options: Options): Layer.Layer<TokenSigner, InvalidSigningKey> =>
    Layer.effect(TokenSigner, makeSigner(options));
}

const decodePrivateJwk = Schema.decodeUnknownEffect(Schema.fromJsonString(PrivateJwk));

export const makeSigner = Effect.fn("Token.makeSigner")(function* (options: Options) {
  const jwk = yield* Effect.mapError(
    decodePrivateJwk(Redacted.value(options.privateJwk)),
    () => new InvalidSigningKey(),
  );
  const key = yield* Effect.tryPromise({
    try: () => jose.importJWK({ ...jwk }, algorithm),
    catch: () => new InvalidSigningKey(),
  });
  const kid = jwk.kid ?? (yield* Effect.promise(() => jose.calculateJwkThumbprint({ ...jwk })));

  const sign = Effect.fnUntraced(function* (
    kind: Kind,
    userId: string,
    role: Role,
    audience: string,
    lifetimeMillis: number,
    givenId?: string,
  ) {
    const issuedAt = Math.floor((yield* Clock.currentTimeMillis) / 1000);
    const expiresAt = issuedAt + Math.floor(lifetimeMillis / 1000);
    const tokenId = givenId ?? (yield* Ids.fresh);
    const jwt = new jose.SignJWT({ role })
      .setProtectedHeader({ alg: algorithm, typ: typeOf[kind], kid })
      .setIssuer(options.issuer)
      .setAudience(audience)
      .setSubject(userId)
      .setJti(tokenId)
      .setIssuedAt(issuedAt)
      .setExpirationTime(expiresAt);
    const token = yield* Effect.promise(() => jwt.sign(key));
    const signed: SignedToken = { token: Redacted.make(token), tokenId, expiresAtMillis: expiresAt * 1000 };
    return signed;
  });

  return TokenSigner.of({
    access: ({ role, userId }) =>
      sign("access", userId, role, options.audience, options.accessLifetimeMillis ?? defaultAccessLifetimeMillis),
    refresh: ({ role, tokenId, userId }) => {
      const lifetimeMillis = options.refreshLifetimeMillis ?? defaultRefreshLifetimeMillis;
      return sign("refresh", userId, role, options.audience, lifetimeMillis, tokenId);
    },
    service: ({ audience, name }) =>
      sign("service", name, "SERVICE", audience, options.serviceLifetimeMillis ?? defaultServiceLifetimeMillis),
    jwks: { keys: [{ kty: jwk.kty, crv: jwk.crv, x: jwk.x, kid }] },
  });
});

/** A new signing key for an instance, as the JSON that `Options.privateJwk` takes. */
export const generatePrivateJwk: Effect.Effect<Redacted.Redacted> = Effect.promise(async () => {
  const { privateKey } = await jose.generateKeyPair(algorithm, { crv: "Ed25519", extractable: true });
  const jwk = await jose.exportJWK(privateKey);
  return Redacted.make(JSON.stringify({ ...jwk, kid: await jose.calculateJwkThumbprint(jwk) }));
});

/** What was given is not a private Ed25519 JWK. The key itself is not part of the error. */
export class InvalidSigningKey extends Schema.TaggedError<InvalidSigningKey>()("InvalidSigningKey", {}) {}
