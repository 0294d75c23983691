import { assert, describe, it } from "@effect/vitest";
import { IdempotencyKey, Problem } from "@destiny/sdk/http";
import { Errors } from "@destiny/sdk/machine";
import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import * as Submission from "../../src/shared/Submission.ts";

/** What a request is told whose group commit fails for that reason. */
const told = (reason: Errors.GroupCommitError["reason"]) =>
  Submission.answer(Effect.fail(new Errors.GroupCommitError({ machine: "order", reason })));

describe("a request whose input was not decided", () => {
  it.effect("meets a full queue: 503, with when to come again in whole seconds", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(
        told(new Errors.Overloaded({ machine: "order", queued: 4096, retryAfterMillis: 1200 })),
      );
      assert.instanceOf(error, Problem.Unavailable);
      assert.deepInclude(error, { status: 503, retryAfterSeconds: 2 });
    }),
  );

  it.effect("meets a database that is away: 503, and the outcome is called unknown, not failed", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(told(new Errors.Unavailable({ cause: new Error("away") })));
      assert.instanceOf(error, Problem.Unavailable);
      assert.include(error.detail, "unknown");
    }),
  );

  it.effect("comes under a key that another payload has: 422", () =>
    Effect.gen(function* () {
      assert.instanceOf(yield* Effect.flip(told(new Errors.IdReused({ id: "k" }))), IdempotencyKey.Reused);
    }),
  );

  it.effect("breaks the machine: a defect, and never a 4xx", () =>
    Effect.gen(function* () {
      const exit = yield* Effect.exit(told(new Errors.Poisoned({ id: "k", why: "the machine broke" })));
      assert.isTrue(Exit.hasDies(exit));
    }),
  );
});
