/**
 * Messages that a service could not apply, for operators. Every service that consumes has these endpoints on its own port;
 * the gateway does not route them, because the path does not say which service is meant.
 */
import { Auth, Problem } from "@destiny/sdk/http";
import * as Schema from "effect/Schema";
import * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint";
import * as HttpApiGroup from "effect/http-api/HttpApiGroup";
import { Instant, Text } from "./common.ts";

export const DeadLetterStatus = Schema.Literals(["parked", "applied", "dropped"]);

export const DeadLetter = Schema.Struct({
  id: Schema.String,
  type: Schema.String,
  topic: Schema.String,
  key: Schema.String,
  /** null: innocent, but behind a message of its key that could not be applied. */
  reason: Schema.NullOr(Schema.String),
  status: DeadLetterStatus,
  attempts: Schema.Int,
  since: Instant,
});

/** What an action led to: how many messages of the key were applied, how many still wait, and why. */
export const DeadLetterOutcome = Schema.Struct({
  applied: Schema.Int,
  waiting: Schema.Int,
  reason: Schema.NullOr(Schema.String),
});

export class DeadLetterUnknown extends Problem.Class<DeadLetterUnknown>()("DeadLetterUnknown", {
  code: "DLQ-001",
  status: 404,
  title: "Dead letter not found",
}) {}

/** The oldest of a page; what is done with them makes room for the next. */
export const maxDeadLetters = 100;

/** How a service lists its own. */
export const deadLetterList = {
  query: { status: Schema.optionalKey(DeadLetterStatus) },
  success: Schema.Struct({ items: Schema.Array(DeadLetter), nextCursor: Schema.Null }),
} as const;

const byId = { id: Text({ minLength: 1, maxLength: 200 }) };

export class DeadLetters extends HttpApiGroup.make("deadLetters")
  .add(
    HttpApiEndpoint.get("list", "/v1/dead-letters", deadLetterList).annotate(Auth.Roles, ["MASTER"]),
    /** With its payload. */
    HttpApiEndpoint.get("show", "/v1/dead-letters/:id", {
      params: byId,
      success: Schema.Struct({ ...DeadLetter.fields, data: Schema.Json }),
      error: DeadLetterUnknown,
    }).annotate(Auth.Roles, ["MASTER"]),
    /** Applies the parked messages of its key in order, up to the first that fails again. */
    HttpApiEndpoint.post("retry", "/v1/dead-letters/:id/retry", {
      params: byId,
      success: DeadLetterOutcome,
      error: [DeadLetterUnknown, Problem.Unavailable],
    }).annotate(Auth.Roles, ["MASTER"]),
    /** Gives it up for good, and lets those behind it go on. */
    HttpApiEndpoint.post("drop", "/v1/dead-letters/:id/drop", {
      params: byId,
      success: DeadLetterOutcome,
      error: [DeadLetterUnknown, Problem.Unavailable],
    }).annotate(Auth.Roles, ["MASTER"]),
  )
  .middleware(Auth.Bearer) {}
