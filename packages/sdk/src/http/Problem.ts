/**
 * Errors of an HTTP API as RFC 9457 problem details.
 *
 * Guarantee: a problem's body is `application/problem+json` with `type`, `title`, `status`, `code`, `instance` and the `traceId` of the
 * request that it answers; `errors[]` names fields and reasons, never the value that was refused.
 *
 * Limits: `detail` and the members that a class adds are the author's; they must hold nothing that the caller may not read.
 */
import * as Context from "effect/Context";
import * as Effect from "effect/Effect";
import * as Headers from "effect/http/Headers";
import * as HttpServerRequest from "effect/http/HttpServerRequest";
import * as HttpServerResponse from "effect/http/HttpServerResponse";
import * as HttpServerRespondable from "effect/http/HttpServerRespondable";
import * as HttpApi from "effect/http-api/HttpApi";
import * as HttpApiError from "effect/http-api/HttpApiError";
import * as Option from "effect/Option";
import * as Schema from "effect/Schema";
import * as SchemaGetter from "effect/SchemaGetter";
import * as SchemaIssue from "effect/SchemaIssue";
import * as Tracer from "effect/Tracer";

/** One refused field: `lines[0].quantity` for a body, `path.orderId`, `query.limit`, `header.idempotency-key` otherwise. */
export const FieldError = Schema.Struct({ field: Schema.String, reason: Schema.String });
export type FieldError = typeof FieldError.Type;

/** The trace id of the running request, `undefined` outside of one. */
export const currentTraceId: Effect.Effect<string | undefined> = Effect.withFiber((fiber) =>
  Effect.succeed(Context.getOrUndefined(fiber.context, Tracer.ParentSpan)?.traceId),
);

/** The request's path without its query, which may carry what must not be repeated. */
export const pathOf = (request: HttpServerRequest.HttpServerRequest): string => {
  const url = request.originalUrl;
  const scheme = url.indexOf("://");
  const start = scheme < 0 ? 0 : url.indexOf("/", scheme + 3);
  const end = url.search(/[?#]/);
  return url.slice(Math.max(start, 0), end < 0 ? undefined : end);
};

const currentInstance: Effect.Effect<string | undefined> = Effect.withFiber((fiber) => {
  const request = Context.getOrUndefined(fiber.context, HttpServerRequest.HttpServerRequest);
  return Effect.succeed(request === undefined ? undefined : pathOf(request));
});

/** A member that the server fills in while it encodes, so that no handler has to know it and the contract stays a plain class. */
const filledIn = (value: Effect.Effect<string | undefined>) =>
  Schema.optionalKey(Schema.String).pipe(
    Schema.encodeTo(Schema.optionalKey(Schema.String), {
      decode: SchemaGetter.passthrough<string>(),
      encode: SchemaGetter.transformOptionalEffect((given: Option.Option<string>) =>
        Option.isSome(given) ? Effect.succeed(given) : Effect.map(value, Option.fromUndefinedOr),
      ),
    }),
  );

const members = <const Code extends string>(code: Code) => ({
  code: Schema.tag(code),
  traceId: filledIn(currentTraceId),
  instance: filledIn(currentInstance),
  errors: Schema.optionalKey(Schema.Array(FieldError)),
});

type Members<Code extends string> = ReturnType<typeof members<Code>>;

export interface Declaration<Code extends string, Status extends number> {
  /** Stable and machine readable, such as `STOCK-001`. */
  readonly code: Code;
  readonly status: Status;
  readonly title: string;
  /** A URI reference; `urn:problem:<code>` unless given. */
  readonly type?: string | undefined;
}

/**
 * Declares a typed problem: `class SoldOut extends Problem.Class<SoldOut>()("SoldOut", { code: "STOCK-001", status: 409, title: "Sold out" }) {}`.
 * It is an error of an `HttpApi` endpoint (`error: SoldOut`), a yieldable error of a handler, and decodes in a typed client.
 */
export const Class =
  <Self>() =>
  <
    const Tag extends string,
    const Code extends string,
    const Status extends number,
    const Fields extends HttpApiError.ProblemExtensionFields = {},
  >(
    tag: Tag,
    declaration: Declaration<Code, Status>,
    fields?: Fields,
  ): HttpApiError.ProblemClass<Self, Tag, string, Status, Members<Code> & Fields, {}> =>
    HttpApiError.Problem<Self>()(
      tag,
      {
        type: declaration.type ?? `urn:problem:${declaration.code}`,
        status: declaration.status,
        title: declaration.title,
      },
      { ...members(declaration.code), ...fields },
    ) as never;

/** A parameter, header or body that does not have the declared shape. */
export class InvalidInput extends Class<InvalidInput>()("InvalidInput", {
  code: "SERV-001",
  status: 400,
  title: "Invalid input",
}) {}

/** A body that is not JSON at all, or that broke off. */
export class MalformedJson extends Class<MalformedJson>()("MalformedJson", {
  code: "SERV-003",
  status: 400,
  title: "Malformed JSON",
}) {}

export class RouteNotFound extends Class<RouteNotFound>()("RouteNotFound", {
  code: "SERV-404",
  status: 404,
  title: "Not found",
}) {}

export class MethodNotAllowed extends Class<MethodNotAllowed>()("MethodNotAllowed", {
  code: "SERV-004",
  status: 405,
  title: "Method not allowed",
}) {}

export class PayloadTooLarge extends Class<PayloadTooLarge>()("PayloadTooLarge", {
  code: "SERV-413",
  status: 413,
  title: "Payload too large",
}) {}

export class UnsupportedMediaType extends Class<UnsupportedMediaType>()("UnsupportedMediaType", {
  code: "SERV-005",
  status: 415,
  title: "Unsupported media type",
}) {}

/** Overload, start-up, drain, or something that must be known and cannot be: try again after `retryAfterSeconds` (also the header). */
export class Unavailable extends Class<Unavailable>()(
  "Unavailable",
  { code: "SERV-503", status: 503, title: "Service unavailable" },
  { retryAfterSeconds: Schema.Int },
) {}

/** A defect. What happened is in the log under the same `traceId`, never in the body. */
export class InternalError extends Class<InternalError>()("InternalError", {
  code: "SERV-000",
  status: 500,
  title: "Internal server error",
}) {}

/** What any endpoint may answer without declaring it. Spread into `error` where a typed client has to tell them apart. */
export const Common = [
  InvalidInput,
  MalformedJson,
  UnsupportedMediaType,
  PayloadTooLarge,
  Unavailable,
  InternalError,
] as const;

/** For a contract: `HttpApi.make("shop").annotateMerge(Problem.reportAll)` makes a 400 name every refused field, not only the first. */
export const reportAll = Context.make(HttpApi.ParamsParseOptions, { errors: "all" }).pipe(
  Context.add(HttpApi.QueryParseOptions, { errors: "all" }),
  Context.add(HttpApi.HeadersParseOptions, { errors: "all" }),
  Context.add(HttpApi.PayloadParseOptions, { errors: "all" }),
);

/** Where in a request a value was found. */
export type Slot = "body" | "path" | "query" | "header";

/** By the framework's names for them. */
export const slotOf = { Params: "path", Headers: "header", Query: "query", Payload: "body" } as const;

const formatField = (slot: Slot, path: ReadonlyArray<PropertyKey>): string => {
  const field = path.reduce<string>((text, key) => {
    if (typeof key === "number") return `${text}[${key}]`;
    return text === "" ? String(key) : `${text}.${String(key)}`;
  }, "");
  if (field === "") return slot;
  return slot === "body" ? field : `${slot}.${field}`;
};

const formatIssue = SchemaIssue.makeFormatterStandardSchemaV1();

/** At most this many refused fields are named in one answer. */
export const maxFieldErrors = 50;

/** The fields that a schema refused. Reasons name what was expected; decoders here never report their input, so no value can leak. */
export const fieldErrors = (slot: Slot, issue: SchemaIssue.Issue): ReadonlyArray<FieldError> =>
  formatIssue(issue)
    .issues.slice(0, maxFieldErrors)
    .map(({ message, path }) => ({
      field: formatField(
        slot,
        (path ?? []).map((segment) => (typeof segment === "object" ? segment.key : segment)),
      ),
      reason: message,
    }));

/** For handlers that decode by hand: turns a refused schema into a 400, so that any other schema error stays a defect. */
export const invalidInput =
  (slot: Slot) =>
  (error: Schema.SchemaError): InvalidInput =>
    new InvalidInput({ errors: fieldErrors(slot, error.issue) });

/** A problem as a response, encoded in the running request. */
export const toResponse = (
  problem: HttpServerRespondable.Respondable,
  headers?: Headers.Input,
): Effect.Effect<HttpServerResponse.HttpServerResponse> => {
  const response = HttpServerRespondable.toResponse(problem);
  return headers === undefined ? response : Effect.map(response, HttpServerResponse.setHeaders(headers));
};
