/**
 * The dead letters of a service's consumer over HTTP: see contracts/dead-letters.api.ts. Who did what stays in the table
 * `dead_letter_action`.
 */
import { Auth } from "@destiny/sdk/http";
import { type Consumer, DeadLetters } from "@destiny/sdk/outbox";
import type { GroupCommit } from "@destiny/sdk/machine";
import * as Effect from "effect/Effect";
import type * as Schema from "effect/Schema";
import { DeadLetterUnknown, maxDeadLetters } from "../contracts/index.ts";
import * as Submission from "./Submission.ts";

const shown = ({ attempts, id, key, reason, since, status, topic, type }: DeadLetters.DeadLetter) => ({
  id,
  type,
  topic,
  key,
  reason,
  status,
  attempts,
  since: since.getTime(),
});

const unknown = () => Effect.fail(new DeadLetterUnknown({}));

/** Handlers of the group `deadLetters`. */
export const make = Effect.fnUntraced(function* <Input>(options: {
  readonly consumer: string;
  readonly decode: Consumer.Decode<Input>;
  readonly commit: Pick<GroupCommit.GroupCommit<Input, unknown, unknown>, "apply">;
}) {
  const letters = yield* DeadLetters.make(options);
  const found = (id: string) =>
    letters.show(id).pipe(Effect.catchTags({ DeadLetterNotFound: unknown, SqlError: (error) => Effect.die(error) }));
  const acted = (
    action: Effect.Effect<DeadLetters.Outcome, Effect.Error<ReturnType<DeadLetters.DeadLetters["drop"]>>>,
  ) =>
    action.pipe(
      Effect.catchTags({
        DeadLetterNotFound: unknown,
        GroupCommitError: Submission.problemOf,
        SqlError: (error) => Effect.die(error),
      }),
      // A message brings its own id: it is not a request's.
      Effect.catchTag("IdempotencyKeyReused", Effect.die),
    );
  return {
    list: Effect.fn("deadLetters.list")(function* ({
      query,
    }: {
      readonly query: { readonly status?: DeadLetters.DeadLetter["status"] };
    }) {
      const items = yield* Effect.orDie(letters.list({ status: query.status, limit: maxDeadLetters }));
      return { items: items.map(shown), nextCursor: null };
    }),
    show: Effect.fn("deadLetters.show")(function* ({ params }: { readonly params: { readonly id: string } }) {
      const letter = yield* found(params.id);
      return { ...shown(letter), data: letter.envelope.data as Schema.Json };
    }),
    retry: Effect.fn("deadLetters.retry")(function* ({ params }: { readonly params: { readonly id: string } }) {
      const { userId } = yield* Auth.CurrentPrincipal;
      const { key } = yield* found(params.id);
      return yield* acted(letters.retry(key, userId));
    }),
    drop: Effect.fn("deadLetters.drop")(function* ({ params }: { readonly params: { readonly id: string } }) {
      const { userId } = yield* Auth.CurrentPrincipal;
      return yield* acted(letters.drop(params.id, userId));
    }),
  };
});
