/**
 * What a saga remembers, what may happen to it and what it says: schemas, because all three are stored.
 *
 * Payloads stay encoded (JSON) everywhere here. They meet their own schemas where a handler reads them, so a row can be
 * read by a process that does not know the definition.
 */
import * as Schema from "effect/Schema";
import type { Draft } from "../message/Envelope.ts";

/** Where a saga stands; the part before the dot is its status. */
export const situations = [
  "running.before",
  "running.after",
  "awaiting",
  "closing.asked",
  "closing.pending",
  "compensating.undoing",
  "compensating.failing",
  "stuck.after",
  "stuck.closing",
  "stuck.undoing",
  "stuck.failing",
  "completed",
  "compensated",
] as const;
export type Situation = (typeof situations)[number];

export const statuses = [
  "running",
  "awaiting",
  "closing",
  "compensating",
  "stuck",
  "completed",
  "compensated",
] as const;
export type Status = (typeof statuses)[number];

const statusOfSituation = new Map<Situation, Status>(
  situations.map((situation) => [situation, situation.split(".")[0] as Status]),
);

export const statusOf = (situation: Situation): Status => statusOfSituation.get(situation) ?? "stuck";

/** No step is left and nothing is awaited. */
export const isTerminal = (status: Status): boolean => status === "completed" || status === "compensated";

const Millis = Schema.Finite;

export const StepRecord = Schema.Struct({
  name: Schema.String,
  /**
   * `asked`: sent, and so counts as done until a refusal is recorded. `closed`: the pivot waited in vain. `abandoned`: an
   * operator passed over its undo, or gave up the saga at this step.
   */
  state: Schema.Literals([
    "asked",
    "awaited",
    "done",
    "refused",
    "skipped",
    "closed",
    "undoing",
    "undone",
    "abandoned",
  ]),
  attempts: Schema.Int,
  enteredAt: Millis,
  endedAt: Schema.NullOr(Millis),
  undo: Schema.NullOr(Schema.Struct({ attempts: Schema.Int, enteredAt: Millis, endedAt: Schema.NullOr(Millis) })),
});
export type StepRecord = typeof StepRecord.Type;

export const SagaState = Schema.Struct({
  definition: Schema.String,
  definitionVersion: Schema.Int,
  key: Schema.String,
  situation: Schema.Literals(situations),
  /** The step that the situation is about; null in the last word of the failure path and after the end. */
  step: Schema.NullOr(Schema.String),
  /** The forward path that replaced the main line; empty on the main line. */
  path: Schema.String,
  data: Schema.Unknown,
  /** In the order in which they were entered. */
  steps: Schema.Array(StepRecord),
  /** Awaited events that came before their step. */
  early: Schema.Array(Schema.Struct({ type: Schema.String, payload: Schema.Unknown })),
  /** Questions asked of the current operation. */
  attempts: Schema.Int,
  /** When the current operation was entered. */
  enteredAt: Millis,
  /** How often the pivot's arbiter answered `pending`. */
  round: Schema.Int,
  wakeAt: Schema.NullOr(Millis),
  cancelled: Schema.NullOr(Schema.Struct({ reason: Schema.String, at: Millis })),
  failure: Schema.NullOr(Schema.Struct({ reason: Schema.String, step: Schema.String, cancelled: Schema.Boolean })),
  stuck: Schema.NullOr(Schema.Struct({ reason: Schema.String, since: Millis })),
  /** Inputs that no remaining step could await. */
  ignored: Schema.Int,
  correlationId: Schema.String,
  traceparent: Schema.NullOr(Schema.String),
  startedAt: Millis,
  endedAt: Schema.NullOr(Millis),
});
export type SagaState = typeof SagaState.Type;

const operator = { sagaId: Schema.String, actor: Schema.String, note: Schema.String };

export const SagaInput = Schema.Union([
  Schema.TaggedStruct("Start", {
    sagaId: Schema.String,
    definition: Schema.String,
    version: Schema.Int,
    key: Schema.String,
    input: Schema.Unknown,
    correlationId: Schema.NullOr(Schema.String),
    traceparent: Schema.NullOr(Schema.String),
  }),
  Schema.TaggedStruct("Reply", { sagaId: Schema.String, operationId: Schema.String, reply: Schema.Unknown }),
  Schema.TaggedStruct("Event", { sagaId: Schema.String, type: Schema.String, payload: Schema.Unknown }),
  Schema.TaggedStruct("Due", { sagaId: Schema.String }),
  Schema.TaggedStruct("Cancel", { sagaId: Schema.String, reason: Schema.String }),
  Schema.TaggedStruct("Retry", operator),
  Schema.TaggedStruct("Skip", operator),
  Schema.TaggedStruct("Compensate", operator),
]);
export type SagaInput = typeof SagaInput.Type;

/** What an operator can do about a stuck saga. */
export type Action = "Retry" | "Skip" | "Compensate";

export const SagaOutput = Schema.Union([
  Schema.TaggedStruct("Send", { draft: Schema.Unknown as unknown as Schema.Codec<Draft, unknown> }),
  Schema.TaggedStruct("Ended", { status: Schema.Literals(["completed", "compensated"]) }),
  Schema.TaggedStruct("Stuck", { reason: Schema.String }),
  /** Cancelled when it could no longer turn back: undoing a completed saga is another saga. */
  Schema.TaggedStruct("CancelAfterPivot", { reason: Schema.String }),
]);
export type SagaOutput = typeof SagaOutput.Type;

/** No saga of that id was started. */
export class UnknownSaga extends Schema.TaggedError<UnknownSaga>()("UnknownSaga", { sagaId: Schema.String }) {}

/** There is one saga of a definition per key, and it was started before. */
export class AlreadyStarted extends Schema.TaggedError<AlreadyStarted>()("AlreadyStarted", {
  sagaId: Schema.String,
}) {}

/** The operator's action does not fit where the saga stands. */
export class NotApplicable extends Schema.TaggedError<NotApplicable>()("NotApplicable", {
  sagaId: Schema.String,
  action: Schema.String,
  situation: Schema.String,
}) {}

export class SagaRejected extends Schema.TaggedError<SagaRejected>()("SagaRejected", {
  reason: Schema.Union([UnknownSaga, AlreadyStarted, NotApplicable]),
}) {
  override get message(): string {
    return this.reason._tag;
  }
}

export const sagaIdOf = (definition: string, key: string): string => `${definition}/${key}`;

/** The definition that a saga id belongs to. */
export const definitionOf = (sagaId: string): string => sagaId.slice(0, Math.max(0, sagaId.indexOf("/")));
