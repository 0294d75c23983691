/** A request as an input of a machine, and what goes wrong with it as an HTTP answer. */
import { IdempotencyKey, Problem } from "@destiny/sdk/http";
import { Errors } from "@destiny/sdk/machine";
import { Ids, TraceContext } from "@destiny/sdk/message";
import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";

/** Id, fingerprint, time and trace of the running request. */
export const stamp = Effect.fnUntraced(function* (identity: IdempotencyKey.Identity) {
  return {
    id: identity.inputId,
    fingerprint: identity.fingerprint,
    at: yield* Clock.currentTimeMillis,
    traceparent: yield* TraceContext.current,
  };
});

/** An input of a request without an idempotency key: its id is fresh, so it repeats nothing. */
export const fresh = Effect.fnUntraced(function* <Input>(input: Input) {
  const at = yield* Clock.currentTimeMillis;
  return { id: yield* Ids.fresh, at, traceparent: yield* TraceContext.current, input };
});

const secondsOf = (millis: number): number => Math.max(1, Math.ceil(millis / 1000));

/** 503 for what may succeed later, 422 for a reused key, and a defect, so a 500, for what broke. */
export const problemOf = (
  error: Errors.GroupCommitError,
): Effect.Effect<never, Problem.Unavailable | IdempotencyKey.Reused> => {
  const { reason } = error;
  switch (reason._tag) {
    case "Overloaded":
      return Effect.fail(
        new Problem.Unavailable({
          detail: "Too many requests are waiting",
          retryAfterSeconds: secondsOf(reason.retryAfterMillis),
        }),
      );
    case "Unavailable":
      return Effect.andThen(
        Effect.logWarning("the database does not answer", error),
        Effect.fail(
          new Problem.Unavailable({
            detail: "The outcome is unknown: repeat the request with the same key",
            retryAfterSeconds: 1,
          }),
        ),
      );
    case "IdReused":
      return Effect.fail(new IdempotencyKey.Reused({}));
    case "Poisoned":
      return Effect.die(error);
  }
};

/** The single answer of a submitted input. Rejections stay in the error channel: each endpoint has its own words for them. */
export const answer = <A, E, R>(
  self: Effect.Effect<ReadonlyArray<A>, E, R>,
): Effect.Effect<A, Exclude<E, Errors.GroupCommitError> | Problem.Unavailable | IdempotencyKey.Reused, R> => {
  type Known = Exclude<E, Errors.GroupCommitError> | Problem.Unavailable | IdempotencyKey.Reused;
  const first = (outputs: ReadonlyArray<A>): Effect.Effect<A> =>
    outputs[0] === undefined ? Effect.die(new Error("the machine answered nothing")) : Effect.succeed(outputs[0]);
  const known = (error: E): Effect.Effect<never, Known> =>
    error instanceof Errors.GroupCommitError ? problemOf(error) : Effect.fail(error as Known);
  return Effect.flatMap(Effect.catch(self, known), first);
};

/** The answer of an input of `fresh`: its id is nobody else's. */
export const freshAnswer = <A, E, R>(
  self: Effect.Effect<ReadonlyArray<A>, E, R>,
): Effect.Effect<A, Exclude<E, Errors.GroupCommitError> | Problem.Unavailable, R> =>
  Effect.catch(answer(self), (error) =>
    error instanceof IdempotencyKey.Reused ? Effect.die(error) : Effect.fail(error),
  );
