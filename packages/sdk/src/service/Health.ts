/**
 * Liveness and readiness.
 *
 * Guarantee: ready means that the migrations are done, the workers run, nothing is draining and every check passed just now.
 *
 * Limits: a check that takes longer than `checkTimeoutMillis` has failed. Liveness says only that the process answers.
 */
import * as Cause from "effect/Cause";
import * as Effect from "effect/Effect";
import * as Redaction from "./Redaction.ts";

export type Phase = "starting" | "ready" | "draining";

export interface Check<R = never> {
  readonly name: string;
  /** Succeeds when what it looks at can be used; the failure's message is the reason shown. */
  readonly check: Effect.Effect<unknown, unknown, R>;
}

export const checkTimeoutMillis = 1_000;

export const maxReasonLength = 200;

export interface CheckResult {
  readonly name: string;
  readonly ok: boolean;
  readonly reason?: string;
}

export interface Report {
  readonly status: Phase | "failing";
  readonly checks: ReadonlyArray<CheckResult>;
}

const reasonOf = (cause: Cause.Cause<unknown>): string => {
  const error = Cause.squash(cause);
  return Redaction.text(error instanceof Error ? error.message : String(error)).slice(0, maxReasonLength);
};

const run = <R>(check: Check<R>): Effect.Effect<CheckResult, never, R> =>
  Effect.matchCause(Effect.timeout(check.check, checkTimeoutMillis), {
    onSuccess: () => ({ name: check.name, ok: true }),
    onFailure: (cause) => ({ name: check.name, ok: false, reason: reasonOf(cause) }),
  });

/** The state of the service now. Checks are asked only while it is ready. */
export const report = <R>(phase: Phase, checks: ReadonlyArray<Check<R>>): Effect.Effect<Report, never, R> =>
  phase === "ready"
    ? Effect.map(Effect.forEach(checks, run, { concurrency: "unbounded" }), (results) => ({
        status: results.every((result) => result.ok) ? "ready" : "failing",
        checks: results,
      }))
    : Effect.succeed({ status: phase, checks: [] });
