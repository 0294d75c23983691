/**
 * Who may call an endpoint: bearer tokens and roles, declared in the contract.
 *
 * Guarantee: behind `Bearer` a handler runs only for an access or service token whose role the endpoint names; an endpoint that names no
 * role admits nobody. Without a token, or with one that does not pass, the answer is 401; with the wrong role 403; while no verification
 * key could be had 503.
 *
 * Limits: roles only. Whether this order is this customer's is the handler's question.
 */
import * as Context from "effect/Context";
import * as Effect from "effect/Effect";
import * as HttpRouter from "effect/http/HttpRouter";
import * as HttpServerResponse from "effect/http/HttpServerResponse";
import * as HttpApiMiddleware from "effect/http-api/HttpApiMiddleware";
import * as HttpApiSecurity from "effect/http-api/HttpApiSecurity";
import * as Layer from "effect/Layer";
import * as Redacted from "effect/Redacted";
import * as Problem from "./Problem.ts";
import * as Token from "./Token.ts";
import { TokenVerifier, Unauthenticated } from "./TokenVerifier.ts";

export { Unauthenticated } from "./TokenVerifier.ts";

/** Authenticated, but not allowed. */
export class AccessDenied extends Problem.Class<AccessDenied>()("AccessDenied", {
  code: "SERV-007",
  status: 403,
  title: "Access denied",
}) {}

/** The principal of the running request. */
export class CurrentPrincipal extends Context.Service<CurrentPrincipal, Token.Principal>()(
  "@destiny/sdk/http/CurrentPrincipal",
) {}

/** The roles that an endpoint, or every endpoint of a group, admits: `endpoint.annotate(Auth.Roles, ["CUSTOMER"])`. */
export class Roles extends Context.Service<Roles, ReadonlyArray<Token.Role>>()("@destiny/sdk/http/Roles") {}

/** Demands a bearer token: `HttpApiGroup.make("orders").add(…).middleware(Auth.Bearer)`. */
export class Bearer extends HttpApiMiddleware.Service<Bearer, { provides: CurrentPrincipal }>()(
  "@destiny/sdk/http/Bearer",
  {
    security: { bearer: HttpApiSecurity.bearer },
    error: [Unauthenticated, AccessDenied, Problem.Unavailable],
  },
) {}

const accepted: ReadonlyArray<Token.Kind> = ["access", "service"];

export const layer: Layer.Layer<Bearer, never, TokenVerifier> = Layer.effect(
  Bearer,
  Effect.gen(function* () {
    const verifier = yield* TokenVerifier;
    return Bearer.of({
      bearer: Effect.fnUntraced(function* (handler, { credential, endpoint, group }) {
        const { principal } = yield* verifier.verify(Redacted.value(credential), accepted);
        const roles =
          Context.getOrUndefined(endpoint.annotations, Roles) ?? Context.getOrUndefined(group.annotations, Roles) ?? [];
        if (!roles.includes(principal.role)) return yield* new AccessDenied({});
        return yield* Effect.provideService(handler, CurrentPrincipal, principal);
      }),
    });
  }),
);

/** For what only the handler can know: the principal if it has one of the roles, else a 403. */
export const requireRole = Effect.fn("Auth.requireRole")(function* (...roles: ReadonlyArray<Token.Role>) {
  const principal = yield* CurrentPrincipal;
  return roles.includes(principal.role) ? principal : yield* new AccessDenied({});
});

export const jwksPath = "/.well-known/jwks.json";

/** Publishes the signer's public keys at `jwksPath`. */
export const layerJwksRoute: Layer.Layer<never, never, HttpRouter.HttpRouter | Token.TokenSigner> = HttpRouter.use(
  (router) =>
    Effect.gen(function* () {
      const { jwks } = yield* Token.TokenSigner;
      yield* router.add(
        "GET",
        jwksPath,
        HttpServerResponse.jsonUnsafe(jwks, { headers: { "cache-control": "public, max-age=300" } }),
      );
    }),
);
