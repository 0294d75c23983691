/**
 * The one place where failures become HTTP answers.
 *
 * Guarantee: every answer of 400 and above that a router gives is a problem (see `Problem`); only failures that the request itself caused
 * become 4xx, and everything unknown becomes 500 with its cause in the log and nothing of it in the body.
 *
 * Limits: a response whose streamed body breaks off after its head was written can only be cut. Answers of a proxied upstream that have a
 * body are passed on as they are.
 */
import * as Cause from "effect/Cause";
import * as Context from "effect/Context";
import * as Effect from "effect/Effect";
import * as HttpServerError from "effect/http/HttpServerError";
import * as HttpServerRequest from "effect/http/HttpServerRequest";
import * as HttpServerRespondable from "effect/http/HttpServerRespondable";
import * as HttpServerResponse from "effect/http/HttpServerResponse";
import * as ProblemDetails from "effect/http/ProblemDetails";
import * as HttpApiError from "effect/http-api/HttpApiError";
import type * as SchemaIssue from "effect/SchemaIssue";
import * as Problem from "./Problem.ts";

type Response = HttpServerResponse.HttpServerResponse;
type Request = HttpServerRequest.HttpServerRequest;

export interface Options {
  /** Methods that some route answers at this request's path: non-empty turns a 404 into a 405. */
  readonly methodsAt: (request: Request) => ReadonlyArray<string>;
}

/** `HttpApiBuilder` reports unreadable JSON as a schema error with this message and no path; a test pins it. */
const malformedJsonMessage = "Expected a valid JSON body";

const isMalformedJson = (issue: SchemaIssue.Issue): boolean =>
  issue._tag === "InvalidValue" && issue.annotations?.message === malformedJsonMessage;

const fromApiSchemaError = (
  error: HttpApiError.HttpApiSchemaError,
): Problem.InvalidInput | Problem.MalformedJson | undefined => {
  // What the server could not encode is the server's fault.
  if (error.kind === "Body" || error.kind === "ResponseHeaders") return undefined;
  if (error.kind === "Payload" && isMalformedJson(error.cause.issue)) return new Problem.MalformedJson({});
  return new Problem.InvalidInput({ errors: Problem.fieldErrors(Problem.slotOf[error.kind], error.cause.issue) });
};

const routeNotFound = (request: Request, options: Options): Effect.Effect<Response> => {
  const methods = options.methodsAt(request);
  return methods.length === 0
    ? Problem.toResponse(new Problem.RouteNotFound({}))
    : Problem.toResponse(new Problem.MethodNotAllowed({}), { allow: methods.join(", ") });
};

/** `Connection: close` because the rest of the body was not read. */
export const payloadTooLarge = Effect.suspend(() =>
  Problem.toResponse(new Problem.PayloadTooLarge({}), { connection: "close" }),
);

/** The answer to what the request itself got wrong; `undefined` for everything else. */
const fromRequestFault = (error: unknown, request: Request, options: Options): Effect.Effect<Response> | undefined => {
  if (HttpApiError.HttpApiSchemaError.is(error)) {
    const problem = fromApiSchemaError(error);
    return problem === undefined ? undefined : Problem.toResponse(problem);
  }
  if (HttpApiError.HttpApiPayloadTooLarge.is(error)) return payloadTooLarge;
  if (!HttpServerError.isHttpServerError(error)) return undefined;
  switch (error.reason._tag) {
    case "RouteNotFound":
      return routeNotFound(request, options);
    case "RequestParseError":
      return error.reason.reason === "BodyTooLarge"
        ? payloadTooLarge
        : Problem.toResponse(new Problem.MalformedJson({}));
    default:
      return undefined;
  }
};

const isProblem = (error: unknown): error is HttpServerRespondable.Respondable =>
  HttpServerRespondable.isRespondable(error) &&
  !HttpServerError.isHttpServerError(error) &&
  !HttpApiError.HttpApiSchemaError.is(error);

/**
 * Only a *failure* that can answer for itself is asked to. A respondable *defect* is not: it may be another service's 404 that a handler
 * turned into a defect, and would come out as ours. `NoSuchElementError` and `SchemaError`, which the framework answers with 404 and 400,
 * may come from anywhere and are bugs.
 */
const respond = (
  cause: Cause.Cause<unknown>,
  request: Request,
  options: Options,
): Effect.Effect<Response> | undefined => {
  for (const reason of cause.reasons) {
    if (reason._tag === "Interrupt") continue;
    const error = reason._tag === "Fail" ? reason.error : reason.defect;
    if (HttpServerResponse.isHttpServerResponse(error)) return Effect.succeed(error);
    const answer = fromRequestFault(error, request, options);
    if (answer !== undefined) return answer;
    if (reason._tag === "Fail" && isProblem(error)) return HttpServerRespondable.toResponse(error);
  }
  return undefined;
};

const internalError = (cause: Cause.Cause<unknown>, request: Request): Effect.Effect<Response> =>
  Effect.andThen(
    Effect.annotateLogs(Effect.logError("request failed", cause), {
      method: request.method,
      path: Problem.pathOf(request),
    }),
    Problem.toResponse(new Problem.InternalError({})),
  );

/** Interrupted by us, not by the client: the server is stopping. */
const stopping = Effect.suspend(() =>
  Problem.toResponse(new Problem.Unavailable({ detail: "The service is stopping", retryAfterSeconds: 1 })),
);

const fromCause = (cause: Cause.Cause<unknown>, request: Request, options: Options): Effect.Effect<Response> => {
  const answer = respond(cause, request, options);
  if (answer !== undefined) return Effect.catchCause(answer, (cause) => internalError(cause, request));
  return Cause.hasInterruptsOnly(cause) ? stopping : internalError(cause, request);
};

const isClientAbort = (cause: Cause.Cause<unknown>): boolean =>
  cause.reasons.length > 0 &&
  cause.reasons.every(
    (reason) => reason._tag === "Interrupt" && reason.annotations.has(HttpServerError.ClientAbort.key),
  );

const titles: Readonly<Record<number, string>> = {
  400: "Bad request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not found",
  409: "Conflict",
  422: "Unprocessable content",
  429: "Too many requests",
  502: "Bad gateway",
  503: "Service unavailable",
  504: "Gateway timeout",
};

const bare = (response: Response, request: Request): Effect.Effect<Response> => {
  switch (response.status) {
    case 413:
      return payloadTooLarge;
    case 415:
      return Problem.toResponse(new Problem.UnsupportedMediaType({}));
    case 500:
      return Problem.toResponse(new Problem.InternalError({}));
    default:
      return Effect.map(Problem.currentTraceId, (traceId) =>
        HttpServerResponse.setHeaders(
          ProblemDetails.toResponse({
            type: ProblemDetails.blankType,
            title: titles[response.status] ?? `Status ${response.status}`,
            status: response.status,
            code: `SERV-${response.status}`,
            instance: Problem.pathOf(request),
            ...(traceId === undefined ? {} : { traceId }),
          }),
          response.headers,
        ),
      );
  }
};

const defaultRetryAfter = "1";

const retryAfter = (response: Response): string => {
  const text = response.body._tag === "Uint8Array" ? response.body.text : undefined;
  return text === undefined ? defaultRetryAfter : (/"retryAfterSeconds":(\d+)/.exec(text)?.[1] ?? defaultRetryAfter);
};

/** The headers that a status obliges to, added here because an encoded error of a contract has none of its own. */
const withDutyHeaders = (response: Response, request: Request): Response => {
  switch (response.status) {
    case 401:
      return response.headers["www-authenticate"] === undefined
        ? HttpServerResponse.setHeader(
            response,
            "www-authenticate",
            request.headers["authorization"] === undefined ? "Bearer" : 'Bearer error="invalid_token"',
          )
        : response;
    case 429:
    case 503:
      return response.headers["retry-after"] === undefined
        ? HttpServerResponse.setHeader(response, "retry-after", retryAfter(response))
        : response;
    default:
      return response;
  }
};

const complete = (response: Response, request: Request): Effect.Effect<Response> => {
  if (response.status < 400) return Effect.succeed(response);
  // The framework's own 415 is a line of text.
  const isBare =
    response.body._tag === "Empty" ||
    (response.status === 415 && response.headers["content-type"]?.startsWith("text/plain"));
  return isBare
    ? Effect.map(bare(response, request), (response) => withDutyHeaders(response, request))
    : Effect.succeed(withDutyHeaders(response, request));
};

/** Wraps a router: succeeds with a response for everything but an abort by the client, which stays an interrupt. */
export const middleware =
  (options: Options) =>
  <E, R>(self: Effect.Effect<Response, E, R>): Effect.Effect<Response, never, R | Request> =>
    Effect.withFiber((fiber) => {
      const request = Context.getUnsafe(fiber.context, HttpServerRequest.HttpServerRequest);
      return Effect.matchCauseEffect(self, {
        onSuccess: (response) => complete(response, request),
        onFailure: (cause) =>
          isClientAbort(cause)
            ? Effect.failCause(cause as Cause.Cause<never>)
            : Effect.flatMap(fromCause(cause, request, options), (response) => complete(response, request)),
      });
    });
