/** The orchestrator over HTTP: for operators. */
import { Auth, Page, Problem } from "@destiny/sdk/http";
import * as Schema from "effect/Schema";
import * as HttpApi from "effect/http-api/HttpApi";
import * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint";
import * as HttpApiGroup from "effect/http-api/HttpApiGroup";
import { Instant, Text } from "./common.ts";

const Name = Text({ minLength: 1, maxLength: 200 });
const NullableInstant = Schema.NullOr(Instant);

export const SagaStatus = Schema.Literals([
  "running",
  "awaiting",
  "closing",
  "compensating",
  "completed",
  "compensated",
  "stuck",
]);

export const SagaSummary = Schema.Struct({
  id: Schema.String,
  definition: Schema.String,
  definitionVersion: Schema.Int,
  /** Who the saga is about: the order. */
  key: Schema.String,
  status: SagaStatus,
  step: Schema.NullOr(Schema.String),
  nextWakeAt: NullableInstant,
  startedAt: Instant,
  endedAt: NullableInstant,
  failure: Schema.NullOr(Schema.Struct({ reason: Schema.String, step: Schema.String, cancelled: Schema.Boolean })),
});
export type SagaSummary = typeof SagaSummary.Type;

export const SagaHistory = Schema.Struct({
  ...SagaSummary.fields,
  steps: Schema.Array(
    Schema.Struct({
      name: Schema.String,
      state: Schema.String,
      enteredAt: Instant,
      endedAt: NullableInstant,
      durationMillis: Schema.NullOr(Schema.Int),
    }),
  ),
  journal: Schema.Array(
    Schema.Struct({
      version: Schema.Int,
      inputId: Schema.String,
      kind: Schema.String,
      at: Instant,
      emitted: Schema.Array(Schema.String),
    }),
  ),
});

export class SagaNotFound extends Problem.Class<SagaNotFound>()("SagaNotFound", {
  code: "SAGA-001",
  status: 404,
  title: "Saga not found",
}) {}

const Position = Schema.Struct({ startedAt: Instant, id: Name });

export class Sagas extends HttpApiGroup.make("sagas")
  .add(
    HttpApiEndpoint.get("list", "/v1/sagas", {
      query: {
        ...Page.Query(Position),
        status: Schema.optionalKey(SagaStatus),
        key: Schema.optionalKey(Name),
      },
      success: Page.Of(SagaSummary, Position),
    }).annotate(Auth.Roles, ["MASTER"]),
    /** The saga of an order, with its steps and its journal. */
    HttpApiEndpoint.get("show", "/v1/sagas/:definition/:key", {
      params: { definition: Name, key: Name },
      success: SagaHistory,
      error: SagaNotFound,
    }).annotate(Auth.Roles, ["MASTER"]),
  )
  .middleware(Auth.Bearer) {}

export class SagaApi extends HttpApi.make("saga").add(Sagas).annotateMerge(Problem.reportAll) {}
