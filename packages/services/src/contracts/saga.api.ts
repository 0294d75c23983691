/** The orchestrator over HTTP: for operators. */
import { Auth, IdempotencyKey, Page, Problem } from "@destiny/sdk/http";
import * as Schema from "effect/Schema";
import * as HttpApi from "effect/http-api/HttpApi";
import * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint";
import * as HttpApiGroup from "effect/http-api/HttpApiGroup";
import { Instant, OrderId, Text } from "./common.ts";
import { deadLetterList, DeadLetters } from "./dead-letters.api.ts";

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
  /** Names it among those of its definition: the order that is placed, or the cancellation. */
  key: Schema.String,
  /** The order that it is about, whatever its key. */
  orderId: Schema.NullOr(OrderId),
  status: SagaStatus,
  step: Schema.NullOr(Schema.String),
  nextWakeAt: NullableInstant,
  startedAt: Instant,
  endedAt: NullableInstant,
  failure: Schema.NullOr(Schema.Struct({ reason: Schema.String, step: Schema.String, cancelled: Schema.Boolean })),
  /** Why it waits for an operator. */
  stuck: Schema.NullOr(Schema.Struct({ reason: Schema.String, since: Instant })),
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
      /** The operator behind it, and what they noted. */
      by: Schema.NullOr(Schema.Struct({ actor: Schema.String, note: Schema.String })),
    }),
  ),
});

export class SagaNotFound extends Problem.Class<SagaNotFound>()("SagaNotFound", {
  code: "SAGA-001",
  status: 404,
  title: "Saga not found",
}) {}

/** What operators can do about a stuck saga. The journal keeps who did it, and the note. */
export const SagaAction = Schema.Literals(["retry", "skip", "compensate"]);
export type SagaAction = typeof SagaAction.Type;

/** The saga is not stuck, or stuck at a place where this does not help. */
export class SagaActionNotApplicable extends Problem.Class<SagaActionNotApplicable>()(
  "SagaActionNotApplicable",
  { code: "SAGA-002", status: 409, title: "The action does not fit where the saga stands" },
  { situation: Schema.String },
) {}

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
    /** One saga, with its steps and its journal. */
    HttpApiEndpoint.get("show", "/v1/sagas/:definition/:key", {
      params: { definition: Name, key: Name },
      success: SagaHistory,
      error: SagaNotFound,
    }).annotate(Auth.Roles, ["MASTER"]),
    /**
     * `retry` asks again; `skip` passes over a step or an undo that was done by hand; `compensate` declares a pivot closed, or
     * gives up a saga that only goes forward.
     */
    HttpApiEndpoint.post("operate", "/v1/sagas/:definition/:key/:action", {
      params: { definition: Name, key: Name, action: SagaAction },
      headers: { "idempotency-key": IdempotencyKey.Header },
      payload: Schema.Struct({ note: Text({ minLength: 1, maxLength: 500 }) }),
      success: SagaHistory,
      error: [SagaNotFound, SagaActionNotApplicable, IdempotencyKey.Reused, Problem.Unavailable],
    }).annotate(Auth.Roles, ["MASTER"]),
  )
  .middleware(Auth.Bearer) {}

/** The orchestrator's own dead letters, where the gateway lets them through. What to do about them is asked at its own port. */
export class SagaDeadLetters extends HttpApiGroup.make("sagaDeadLetters")
  .add(HttpApiEndpoint.get("list", "/v1/sagas/dlq", deadLetterList).annotate(Auth.Roles, ["MASTER"]))
  .middleware(Auth.Bearer) {}

export class SagaApi extends HttpApi.make("saga")
  .add(Sagas, SagaDeadLetters, DeadLetters)
  .annotateMerge(Problem.reportAll) {}
