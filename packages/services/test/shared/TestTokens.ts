/** Tokens of every role, and of every kind that must not pass. */
import { Ids } from "@destiny/sdk/message";
import { Token } from "@destiny/sdk/http";
import * as Effect from "effect/Effect";
import * as Redacted from "effect/Redacted";
import { UserId } from "../../src/contracts/index.ts";
import * as Settings from "../../src/shared/Settings.ts";

export interface Shopper {
  readonly userId: UserId;
  readonly token: string;
}

export type UserRole = Exclude<Token.Role, "SERVICE">;

/** Ways in which a token does not pass. */
export const unacceptable = ["forged", "tampered", "expired", "refresh", "service", "garbage"] as const;
export type Unacceptable = (typeof unacceptable)[number];

export interface TestTokens {
  /** Somebody new on every use. */
  readonly customer: Effect.Effect<Shopper>;
  readonly partner: Effect.Effect<Shopper>;
  readonly master: Effect.Effect<Shopper>;
  readonly as: (role: UserRole, userId?: UserId) => Effect.Effect<Shopper>;
  /** A token of that role with one flaw. */
  readonly bad: (flaw: Unacceptable, role: UserRole, userId?: UserId) => Effect.Effect<string>;
}

const signerWith = (privateJwk: Redacted.Redacted, options: { readonly accessLifetimeMillis?: number } = {}) =>
  Effect.orDie(Token.makeSigner({ ...Settings.tokenNames, ...options, privateJwk }));

/** `service` is the one under test; `privateJwk` the key that it trusts. */
export const make = Effect.fnUntraced(function* (service: string, privateJwk: Redacted.Redacted) {
  const signer = yield* signerWith(privateJwk);
  const expired = yield* signerWith(privateJwk, { accessLifetimeMillis: -60_000 });
  const [published] = signer.jwks.keys;
  // Another key under the published name: only the signature gives it away.
  const strangersJwk = Redacted.make(
    JSON.stringify({
      ...(JSON.parse(Redacted.value(yield* Token.generatePrivateJwk)) as object),
      kid: published?.kid,
    }),
  );
  const stranger = yield* signerWith(strangersJwk);

  const textOf = (signed: Effect.Effect<Token.SignedToken>) => Effect.map(signed, ({ token }) => Redacted.value(token));
  const fresh = Effect.map(Ids.fresh, (id) => UserId.make(id));
  const ownerOf = (userId: UserId | undefined) => (userId === undefined ? fresh : Effect.succeed(userId));

  const as = Effect.fnUntraced(function* (role: UserRole, given?: UserId) {
    const userId = yield* ownerOf(given);
    const shopper: Shopper = { userId, token: yield* textOf(signer.access({ userId, role })) };
    return shopper;
  });

  const bad = Effect.fnUntraced(function* (flaw: Unacceptable, role: UserRole, given?: UserId) {
    const of = { userId: yield* ownerOf(given), role };
    switch (flaw) {
      case "forged":
        return yield* textOf(stranger.access(of));
      case "tampered": {
        const [head, , signature] = (yield* textOf(signer.access(of))).split(".");
        const [, body] = (yield* textOf(signer.access({ ...of, role: "MASTER", userId: yield* fresh }))).split(".");
        return [head, body, signature].join(".");
      }
      case "expired":
        return yield* textOf(expired.access(of));
      case "refresh":
        return yield* textOf(signer.refresh(of));
      case "service":
        return yield* textOf(signer.service({ name: "somebody", audience: service }));
      case "garbage":
        return "not.a.token";
    }
  });
  return { as, bad, customer: as("CUSTOMER"), partner: as("PARTNER"), master: as("MASTER") } satisfies TestTokens;
});
