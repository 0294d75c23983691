/**
 * The one error of this room: what was attempted (`operation`) and why it did not work (`reason`).
 *
 * Match on the reason: `Effect.catchReason("PostgresError", "PortInUse", …)`.
 */
import * as Effect from "effect/Effect";
import * as Schema from "effect/Schema";

/** This machine cannot run the embedded PostgreSQL; `hint` says what can be done about it. */
export class NotSupported extends Schema.TaggedError<NotSupported>()("NotSupported", {
  platform: Schema.String,
  hint: Schema.String,
}) {
  override get message(): string {
    return `embedded PostgreSQL does not run on ${this.platform}: ${this.hint}`;
  }
}

/** A folder that would be used belongs to somebody else, or holds something else. Nothing in it was changed. */
export class UnsafePath extends Schema.TaggedError<UnsafePath>()("UnsafePath", {
  path: Schema.String,
  why: Schema.String,
}) {
  override get message(): string {
    return `${this.path}: ${this.why}`;
  }
}

/** The instance or database name cannot be used in a command line or statement. */
export class InvalidName extends Schema.TaggedError<InvalidName>()("InvalidName", {
  name: Schema.String,
  allowed: Schema.String,
}) {
  override get message(): string {
    return `${JSON.stringify(this.name)} is not a name of the form ${this.allowed}`;
  }
}

/** The operating system refused a file operation. */
export class FileFailed extends Schema.TaggedError<FileFailed>()("FileFailed", { cause: Schema.Defect() }) {
  override get message(): string {
    return String(this.cause);
  }
}

/** `initdb` failed; the half-made cluster was removed. `log` holds its last lines. */
export class InitFailed extends Schema.TaggedError<InitFailed>()("InitFailed", { log: Schema.String }) {
  override get message(): string {
    return `initdb failed:\n${this.log}`;
  }
}

/** The server ended before it was ready. `log` holds the last lines of its log. */
export class StartFailed extends Schema.TaggedError<StartFailed>()("StartFailed", { log: Schema.String }) {
  override get message(): string {
    return `PostgreSQL ended before it was ready:\n${this.log}`;
  }
}

/** Another program listens on the port. */
export class PortInUse extends Schema.TaggedError<PortInUse>()("PortInUse", { port: Schema.Int }) {
  override get message(): string {
    return `port ${this.port} of 127.0.0.1 is taken by another program`;
  }
}

/** The server did not become ready within the bound; it may still do so later. */
export class NotReady extends Schema.TaggedError<NotReady>()("NotReady", {
  waitedMillis: Schema.Int,
  log: Schema.String,
}) {
  override get message(): string {
    return `PostgreSQL was not ready after ${this.waitedMillis} ms:\n${this.log}`;
  }
}

/** The server is still running. */
export class StopFailed extends Schema.TaggedError<StopFailed>()("StopFailed", {
  pid: Schema.Int,
  why: Schema.String,
}) {
  override get message(): string {
    return `PostgreSQL (pid ${this.pid}) was not stopped: ${this.why}`;
  }
}

/** The data was created with another password. */
export class PasswordRefused extends Schema.TaggedError<PasswordRefused>()("PasswordRefused", { port: Schema.Int }) {
  override get message(): string {
    return `PostgreSQL on port ${this.port} refused the password: its data was created with another one`;
  }
}

/** The server is up but a statement of this room failed. */
export class QueryFailed extends Schema.TaggedError<QueryFailed>()("QueryFailed", { cause: Schema.Defect() }) {
  override get message(): string {
    return String(this.cause);
  }
}

const Reason = Schema.Union([
  NotSupported,
  UnsafePath,
  InvalidName,
  FileFailed,
  InitFailed,
  StartFailed,
  PortInUse,
  NotReady,
  StopFailed,
  PasswordRefused,
  QueryFailed,
]);

export type Reason = typeof Reason.Type;

export class PostgresError extends Schema.TaggedError<PostgresError>()("PostgresError", {
  operation: Schema.String,
  reason: Reason,
}) {
  override get message(): string {
    return `${this.operation}: ${this.reason.message}`;
  }
}

/** Fails with `reason`. */
export const fail = (operation: string, reason: Reason): Effect.Effect<never, PostgresError> =>
  Effect.fail(new PostgresError({ operation, reason }));

/** Runs file-system calls; what they throw becomes `FileFailed`. */
export const files = <A>(operation: string, evaluate: () => A): Effect.Effect<A, PostgresError> =>
  Effect.try({
    try: evaluate,
    catch: (cause) => new PostgresError({ operation, reason: new FileFailed({ cause }) }),
  });
