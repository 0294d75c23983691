/**
 * Messages that could not be applied, kept in order with the innocent ones of their key behind them.
 *
 * A poisoned message parks its key: later messages of that key are appended behind it, so that none overtakes. `retry`
 * applies them in order and unparks the key when nothing is left; it stops at the first that fails again. `drop` gives one
 * up for good: a late duplicate of it stays dropped. Both leave an audit trail.
 */
import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import * as Schema from "effect/Schema";
import * as SqlClient from "effect/sql/SqlClient";
import type { SqlError } from "effect/sql/SqlError";
import type { GroupCommitError } from "../machine/Errors.ts";
import type { GroupCommit } from "../machine/GroupCommit.ts";
import { Envelope } from "../message/Envelope.ts";
import { type Decode, deliveryOf } from "./Consumer.ts";
import { dayOfId } from "./Inbox.ts";

export interface DeadLetter {
  readonly consumer: string;
  readonly id: string;
  readonly type: string;
  readonly topic: string;
  readonly key: string;
  /** null: innocent, but behind a poisoned message of its key. */
  readonly reason: string | null;
  readonly status: "parked" | "applied" | "dropped";
  readonly attempts: number;
  /** From when on its status is what it is. */
  readonly since: Date;
  readonly envelope: Envelope;
}

export class DeadLetterNotFound extends Schema.TaggedError<DeadLetterNotFound>()("DeadLetterNotFound", {
  consumer: Schema.String,
  id: Schema.String,
}) {}

/** What an operator's action led to. */
export interface Outcome {
  /** Messages that were applied now. */
  readonly applied: number;
  /** Messages of the key that still wait. */
  readonly waiting: number;
  /** Why the first of them failed again. */
  readonly reason: string | null;
}

export interface DeadLetters {
  readonly list: (options?: {
    readonly status?: DeadLetter["status"] | undefined;
    readonly limit?: number | undefined;
  }) => Effect.Effect<ReadonlyArray<DeadLetter>, SqlError>;
  readonly show: (id: string) => Effect.Effect<DeadLetter, SqlError | DeadLetterNotFound>;
  /** Applies the parked messages of a key in order. */
  readonly retry: (key: string, actor: string) => Effect.Effect<Outcome, SqlError | GroupCommitError>;
  /** Gives one message up, and lets those behind it go on. */
  readonly drop: (
    id: string,
    actor: string,
  ) => Effect.Effect<Outcome, SqlError | GroupCommitError | DeadLetterNotFound>;
}

export const defaultListLimit = 100;
const retryBatchMessages = 100;

/** The dead letters of one consumer. */
export const make = Effect.fnUntraced(function* <Input>(options: {
  readonly consumer: string;
  readonly decode: Decode<Input>;
  readonly commit: Pick<GroupCommit<Input, unknown, unknown>, "apply">;
}): Effect.fn.Return<DeadLetters, never, SqlClient.SqlClient> {
  const sql = yield* SqlClient.SqlClient;
  const { consumer } = options;
  const columns = sql`consumer, id, type, topic, key, reason, status, attempts, since, envelope`;

  const note = (key: string, action: "retry" | "drop", actor: string, outcome: Outcome) =>
    sql`INSERT INTO dead_letter_action (consumer, key, action, actor, result)
      VALUES (${consumer}, ${key}, ${action}, ${actor}, ${JSON.stringify(outcome)})`;

  const parkedOf = (key: string) => sql<DeadLetter>`
    SELECT ${columns} FROM dead_letter WHERE consumer = ${consumer} AND key = ${key} AND status = 'parked'
    ORDER BY position LIMIT ${retryBatchMessages}`;

  /** Locked against consumers that are about to append behind: after this, either they saw the key parked or it is free. */
  const unparkIfEmpty = (key: string) =>
    sql.withTransaction(
      Effect.gen(function* () {
        yield* sql`SELECT 1 FROM parked_key WHERE consumer = ${consumer} AND key = ${key} FOR UPDATE`;
        const rows = yield* sql<{ readonly n: bigint }>`
          SELECT count(*) AS n FROM dead_letter WHERE consumer = ${consumer} AND key = ${key} AND status = 'parked'`;
        const waiting = Number(rows[0]?.n ?? 0);
        if (waiting === 0) yield* sql`DELETE FROM parked_key WHERE consumer = ${consumer} AND key = ${key}`;
        return waiting;
      }),
    );

  /** One at a time: the next may only go when the one before it was applied. */
  const redrive = Effect.fnUntraced(function* (letter: DeadLetter) {
    const delivery = deliveryOf(options.decode, letter.envelope, yield* Clock.currentTimeMillis);
    if (delivery !== undefined) {
      const report = yield* options.commit.apply([{ ...delivery, redrive: true }]);
      const [poisoned] = report.poisoned;
      if (poisoned !== undefined) return poisoned.why;
    }
    yield* sql`UPDATE dead_letter SET status = 'applied', since = now() WHERE consumer = ${consumer} AND id = ${letter.id}`;
    return null;
  });

  const drain = Effect.fnUntraced(function* (key: string) {
    let applied = 0;
    for (;;) {
      const letters = yield* parkedOf(key);
      for (const letter of letters) {
        const reason = yield* redrive(letter);
        if (reason !== null) return { applied, waiting: yield* unparkIfEmpty(key), reason } satisfies Outcome;
        applied++;
      }
      const waiting = yield* unparkIfEmpty(key);
      if (waiting === 0) return { applied, waiting, reason: null } satisfies Outcome;
    }
  });

  const show = Effect.fn("DeadLetters.show")(function* (id: string) {
    const [letter] = yield* sql<DeadLetter>`
      SELECT ${columns} FROM dead_letter WHERE consumer = ${consumer} AND id = ${id}`;
    return letter ?? (yield* new DeadLetterNotFound({ consumer, id }));
  });

  return {
    list: Effect.fn("DeadLetters.list")(function* ({ limit = defaultListLimit, status = "parked" } = {}) {
      return yield* sql<DeadLetter>`SELECT ${columns} FROM dead_letter
        WHERE consumer = ${consumer} AND status = ${status} ORDER BY position LIMIT ${limit}`;
    }),
    show,
    retry: Effect.fn("DeadLetters.retry")(function* (key, actor) {
      const outcome = yield* drain(key);
      yield* note(key, "retry", actor, outcome);
      return outcome;
    }),
    drop: Effect.fn("DeadLetters.drop")(function* (id, actor) {
      const letter = yield* show(id);
      yield* sql.withTransaction(
        Effect.gen(function* () {
          yield* sql`SELECT 1 FROM parked_key WHERE consumer = ${consumer} AND key = ${letter.key} FOR UPDATE`;
          // One that was applied meanwhile stays what it is.
          yield* sql`UPDATE dead_letter SET status = 'dropped', since = now()
            WHERE consumer = ${consumer} AND id = ${id} AND status = 'parked'`;
          yield* sql`INSERT INTO inbox (consumer, day, id, at, source, topic, type, key, sequence, rejected, emitted)
            VALUES (${consumer}, ${dayOfId(id)}::date, ${id}, now(), ${letter.envelope.source}, ${letter.topic}, ${letter.type},
              ${letter.key}, ${letter.envelope.sequence ?? null}, true, '{}') ON CONFLICT DO NOTHING`;
        }),
      );
      const outcome = yield* drain(letter.key);
      yield* note(letter.key, "drop", actor, outcome);
      return outcome;
    }),
  };
});
