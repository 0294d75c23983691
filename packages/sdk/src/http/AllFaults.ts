/**
 * A refused request is told all that is wrong with it at once.
 *
 * The framework decodes path, headers, query and body one after the other and stops at the first that it refuses; `Problem.reportAll`
 * names every field of that one. This reads on: what comes after it is decoded too, and the answer is one `InvalidInput` for all.
 *
 * Guarantee: whatever a request that decodes costs, it costs the same with this; nothing reaches a handler that did not before.
 *
 * Limits: bodies of JSON. A body of a foreign media type has no fields, so it is not spoken of beside other faults.
 */
import * as Cause from "effect/Cause";
import * as Effect from "effect/Effect";
import * as HttpApi from "effect/http-api/HttpApi";
import type * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint";
import type * as HttpApiGroup from "effect/http-api/HttpApiGroup";
import * as HttpApiError from "effect/http-api/HttpApiError";
import * as HttpRouter from "effect/http/HttpRouter";
import * as HttpServerRequest from "effect/http/HttpServerRequest";
import * as Result from "effect/Result";
import * as Schema from "effect/Schema";
import * as Problem from "./Problem.ts";

type Faults = ReadonlyArray<Problem.FieldError>;

type Endpoint = Pick<HttpApiEndpoint.Top, "headers" | "query" | "payload">;

/** In the order in which they are decoded. */
const kinds = ["Params", "Headers", "Query", "Payload"] as const;
type Kind = (typeof kinds)[number];

const kindOf = (error: HttpApiError.HttpApiSchemaError): Kind | undefined => kinds.find((kind) => kind === error.kind);

const faultsOf = (slot: Problem.Slot, schema: Schema.Constraint, value: unknown): Effect.Effect<Faults> =>
  Effect.match(
    Schema.decodeUnknownEffect(schema, { errors: "all" })(value) as Effect.Effect<unknown, Schema.SchemaError>,
    { onFailure: ({ issue }) => Problem.fieldErrors(slot, issue), onSuccess: (): Faults => [] },
  );

const mediaTypeOf = (request: HttpServerRequest.HttpServerRequest): string =>
  (request.headers["content-type"] ?? "application/json").split(";")[0]?.trim().toLowerCase() ?? "";

const parse = (text: string): Result.Result<unknown, Faults> =>
  Result.try({
    try: (): unknown => (text === "" ? undefined : JSON.parse(text)),
    catch: () => [{ field: "body", reason: "Expected JSON" }],
  });

const bodyFaults = Effect.fnUntraced(function* (
  payload: Endpoint["payload"],
  request: HttpServerRequest.HttpServerRequest,
) {
  const declared = payload.get(mediaTypeOf(request));
  if (declared?.encoding._tag !== "Json") return [];
  // A body that cannot be read, or is too large, is the answer to the whole request.
  const value = parse(yield* Effect.orDie(request.text));
  if (Result.isFailure(value)) return value.failure;
  return yield* faultsOf("body", Schema.Union(declared.schemas), value.success);
});

/** What is wrong with the request in the slots after the one that was refused. */
const further = Effect.fnUntraced(function* (endpoint: Endpoint, refused: Kind) {
  const request = yield* HttpServerRequest.HttpServerRequest;
  const isLeft = (kind: Kind) => kinds.indexOf(kind) > kinds.indexOf(refused);
  const faults: Array<Problem.FieldError> = [];
  if (isLeft("Headers") && endpoint.headers !== undefined) {
    faults.push(...(yield* faultsOf("header", endpoint.headers, request.headers)));
  }
  if (isLeft("Query") && endpoint.query !== undefined) {
    const query = yield* HttpServerRequest.ParsedSearchParams;
    faults.push(...(yield* faultsOf("query", Schema.toCodecArrayFromSingle(endpoint.query), query)));
  }
  if (isLeft("Payload")) faults.push(...(yield* bodyFaults(endpoint.payload, request)));
  return faults;
});

const refusalIn = (cause: Cause.Cause<unknown>): HttpApiError.HttpApiSchemaError | undefined => {
  for (const reason of cause.reasons) {
    if (reason._tag === "Die" && HttpApiError.HttpApiSchemaError.is(reason.defect)) return reason.defect;
  }
  return undefined;
};

/** For the routes of a contract: `HttpApiBuilder.layer(Api).pipe(Layer.provide(AllFaults.layer(Api)))`. */
export const layer = <Id extends string, Groups extends HttpApiGroup.Constraint>(api: HttpApi.HttpApi<Id, Groups>) => {
  const endpoints = new Map<string, Endpoint>();
  HttpApi.reflect(api, {
    onGroup: () => undefined,
    onEndpoint: ({ endpoint }) => void endpoints.set(`${endpoint.method} ${endpoint.path}`, endpoint),
  });
  return HttpRouter.middleware((handler) =>
    Effect.catchCause(handler, (cause) =>
      Effect.gen(function* () {
        const refusal = refusalIn(cause);
        const refused = refusal === undefined ? undefined : kindOf(refusal);
        if (refusal === undefined || refused === undefined || refused === "Payload") {
          return yield* Effect.failCause(cause);
        }
        const { route } = yield* HttpRouter.RouteContext;
        const endpoint = endpoints.get(`${route.method} ${route.path}`);
        const first = Problem.fieldErrors(Problem.slotOf[refused], refusal.cause.issue);
        const rest = endpoint === undefined ? [] : yield* further(endpoint, refused);
        const errors = [...first, ...rest].slice(0, Problem.maxFieldErrors);
        return yield* Problem.toResponse(new Problem.InvalidInput({ errors }));
      }),
    ),
  ).layer;
};
