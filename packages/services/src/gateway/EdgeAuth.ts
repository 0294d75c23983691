/**
 * A look at the token before a service is bothered with it.
 *
 * Guarantee: a bearer token that is forged, expired or of another kind is refused here. Nothing is added to the request:
 * the services read the token themselves.
 *
 * Limits: no token means an anonymous caller, whom the services judge. While no key could ever be had nothing is refused
 * here, because the services verify every token again; refusing would make the gateway's start depend on the user service.
 */
import { TokenVerifier } from "@destiny/sdk/http";
import * as Effect from "effect/Effect";

const scheme = /^bearer(?: +(.*))?$/i;

export const make =
  (verifier: typeof TokenVerifier.TokenVerifier.Service) =>
  (authorization: string | undefined): Effect.Effect<void, TokenVerifier.Unauthenticated> => {
    if (authorization === undefined) return Effect.void;
    const match = scheme.exec(authorization.trim());
    if (match === null) return Effect.void;
    return Effect.catchTag(
      Effect.asVoid(verifier.verify(match[1] ?? "", ["access"])),
      "Unavailable",
      () => Effect.void,
    );
  };
