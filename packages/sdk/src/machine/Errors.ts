/** What can go wrong with a submitted input besides its rejection. */
import * as Schema from "effect/Schema";

/** The queue before the group is full. Nothing was decided; the caller may try again. Over HTTP: 503 with `Retry-After`. */
export class Overloaded extends Schema.TaggedError<Overloaded>()("Overloaded", {
  machine: Schema.String,
  queued: Schema.Int,
  retryAfterMillis: Schema.Int,
}) {
  override get message(): string {
    return `${this.machine}: ${this.queued} inputs are waiting; try again in ${this.retryAfterMillis} ms`;
  }
}

/** The database did not answer for too long. Whether the input was applied is unknown: the same id may be sent again. */
export class Unavailable extends Schema.TaggedError<Unavailable>()("Unavailable", { cause: Schema.Defect() }) {}

/** The input's id was used before for another request. */
export class IdReused extends Schema.TaggedError<IdReused>()("IdReused", { id: Schema.String }) {}

/** The input broke the machine, its store or a constraint of the database: a bug, for which nobody else may pay. */
export class Poisoned extends Schema.TaggedError<Poisoned>()("Poisoned", { id: Schema.String, why: Schema.String }) {}

export class GroupCommitError extends Schema.TaggedError<GroupCommitError>()("GroupCommitError", {
  machine: Schema.String,
  reason: Schema.Union([Overloaded, Unavailable, IdReused, Poisoned]),
}) {
  override get message(): string {
    return `${this.machine}: ${this.reason._tag}: ${this.reason.message}`;
  }
}
