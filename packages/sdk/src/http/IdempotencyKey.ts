/**
 * The `Idempotency-Key` header: quoted (IETF draft) or bare, and the identity of an input that is made of it.
 *
 * Guarantee: two requests have the same input id if and only if they come from the same user, name the same route and carry the same key;
 * two requests have the same fingerprint if and only if method, path and the meaning of the JSON body agree.
 *
 * Limits: 1 to 255 visible ASCII characters (`maxKeyLength`). Ids and fingerprints are SHA-256, so "only if" is up to a collision.
 */
import { hash } from "node:crypto";
import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import * as Schema from "effect/Schema";
import * as SchemaIssue from "effect/SchemaIssue";
import * as SchemaTransformation from "effect/SchemaTransformation";
import * as HttpRouter from "effect/http/HttpRouter";
import * as HttpServerRequest from "effect/http/HttpServerRequest";
import * as Problem from "./Problem.ts";

export const headerName = "idempotency-key";

export const maxKeyLength = 255;

const expected = `1 to ${maxKeyLength} visible ASCII characters, quoted or bare`;

/** Inside the quotes `\"` and `\\` stand for themselves (RFC 8941 strings); other backslashes are refused. */
const unquote = (value: string): string | undefined => {
  if (!value.startsWith('"')) return value.includes('"') ? undefined : value;
  if (value.length < 2 || !value.endsWith('"')) return undefined;
  const inner = value.slice(1, -1);
  return /^(?:[^"\\]|\\["\\])*$/.test(inner) ? inner.replace(/\\(["\\])/g, "$1") : undefined;
};

/** The key of a header value, `undefined` if it is not one. */
export const parse = (header: string): string | undefined => {
  const key = unquote(header.trim());
  return key !== undefined && key.length <= maxKeyLength && /^[!-~]+$/.test(key) ? key : undefined;
};

/** The header value of a key, always quoted. */
export const format = (key: string): string => `"${key.replace(/["\\]/g, "\\$&")}"`;

/** For contracts: `headers: { "idempotency-key": IdempotencyKey.Header }`. A missing or refused key is a 400 that names the field. */
export const Header = Schema.String.pipe(
  Schema.decodeTo(
    Schema.NonEmptyString.pipe(Schema.brand("IdempotencyKey")),
    SchemaTransformation.transformEffect({
      decode: (header: string) => {
        const key = parse(header);
        return key === undefined
          ? Effect.fail(new SchemaIssue.InvalidValue({ message: `Expected ${expected}` }))
          : Effect.succeed(key);
      },
      encode: (key: string) => Effect.succeed(format(key)),
    }),
  ),
);

export type IdempotencyKey = typeof Header.Type;

/** The same key was used before with another payload. */
export class Reused extends Problem.Class<Reused>()("IdempotencyKeyReused", {
  code: "SERV-010",
  status: 422,
  title: "Idempotency key reused with another payload",
}) {}

/** The first request with this key has no outcome yet. */
export class InFlight extends Problem.Class<InFlight>()("IdempotencyKeyInFlight", {
  code: "SERV-011",
  status: 409,
  title: "The first request with this idempotency key is still in flight",
}) {}

const digest = (parts: ReadonlyArray<string | null>): string => hash("sha256", JSON.stringify(parts), "base64url");

/** Object keys sorted at every depth, so that two spellings of one value are one text. `JSON.stringify` has the last word on the rest. */
export const canonicalJson = (value: unknown): string =>
  JSON.stringify(value, (_, member: unknown) =>
    typeof member === "object" && member !== null && !Array.isArray(member)
      ? Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1)))
      : member,
  ) ?? "";

/** One id for (user, route, key). `route` is the template (`POST /v1/orders/:id/cancel`), not the path. */
export const inputId = (of: { readonly userId: string; readonly route: string; readonly key: string }): string =>
  `http:${digest([of.userId, of.route, of.key])}`;

/** `body` is the JSON value as it was received, `undefined` for none. */
export const fingerprint = (of: { readonly method: string; readonly path: string; readonly body: unknown }): string =>
  digest([of.method, of.path, of.body === undefined ? null : canonicalJson(of.body)]);

const decodeJson = Schema.decodeEffect(Schema.fromJsonString(Schema.Unknown));

/** How a request is known to the machine that decides it: the inbox's id and what a repetition must agree with. */
export interface Identity {
  readonly inputId: string;
  readonly fingerprint: string;
}

/** The input id of the running request; the rest of its identity needs its body. */
export const currentInputId = Effect.fnUntraced(function* (of: { readonly userId: string; readonly key: string }) {
  const { method } = yield* HttpServerRequest.HttpServerRequest;
  const { route } = yield* HttpRouter.RouteContext;
  return inputId({ userId: of.userId, route: `${method} ${route.path}`, key: of.key });
});

/** The identity of the running request. A request that reached its handler has readable JSON or no body at all. */
export const identify = Effect.fn("IdempotencyKey.identify")(function* (of: {
  readonly userId: string;
  readonly key: string;
}) {
  const request = yield* HttpServerRequest.HttpServerRequest;
  const text = yield* Effect.orDie(request.text);
  const body: unknown = text === "" ? undefined : yield* Effect.orDie(decodeJson(text));
  const identity: Identity = {
    inputId: yield* currentInputId(of),
    fingerprint: fingerprint({ method: request.method, path: Problem.pathOf(request), body }),
  };
  return identity;
});

/** For handlers outside of a contract: the key of the running request, or the 400. */
export const fromRequest: Effect.Effect<string, Problem.InvalidInput, HttpServerRequest.HttpServerRequest> = Effect.gen(
  function* () {
    const request = yield* HttpServerRequest.HttpServerRequest;
    const key = Option.flatMapNullishOr(Option.fromUndefinedOr(request.headers[headerName]), parse);
    if (Option.isSome(key)) return key.value;
    return yield* new Problem.InvalidInput({
      errors: [{ field: `header.${headerName}`, reason: `Expected ${expected}` }],
    });
  },
);
