/**
 * Messages that come late: taken out of a service's outbox before its relay sees them, and put back when the test says so.
 *
 * So a test can make an order stand at one step for as long as it likes, with all services running. What follows a late
 * message on its topic and key waits behind it, as it would in any outbox.
 */
import { assert } from "@effect/vitest";
import type { SqlError } from "effect/sql/SqlError";
import * as Effect from "effect/Effect";
import { eventually } from "./Journey.ts";
import { Shop } from "./Shop.ts";

const trigger = [
  `CREATE TABLE late_rule (type text NOT NULL, needle text NOT NULL)`,
  `CREATE TABLE late_message (LIKE outbox)`,
  `CREATE FUNCTION late() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      IF EXISTS (SELECT FROM late_rule r WHERE r.type = NEW.type AND position(r.needle IN NEW.envelope) > 0)
        OR EXISTS (SELECT FROM late_message m WHERE m.topic = NEW.topic AND m.key = NEW.key) THEN
        INSERT INTO late_message SELECT NEW.*;
        RETURN NULL;
      END IF;
      RETURN NEW;
    END $$`,
  `CREATE TRIGGER late BEFORE INSERT ON outbox FOR EACH ROW EXECUTE FUNCTION late()`,
];

/** Once per shop, before anything is made late. */
export const install: Effect.Effect<void, SqlError, Shop> = Effect.gen(function* () {
  const { database } = yield* Shop;
  for (const service of ["order", "payment", "saga"]) {
    const sql = database(service);
    for (const statement of trigger) yield* sql.unsafe(statement);
  }
});

export interface Late {
  /** Until the message was sent, and did not go out. */
  readonly sent: Effect.Effect<void, never, Shop>;
  /** Lets it go out after all. */
  readonly release: Effect.Effect<void>;
}

/** Makes the messages of a type late that a service sends about something: whose text has `needle` in it. */
export const make = Effect.fnUntraced(function* (service: "order" | "payment" | "saga", type: string, needle: string) {
  const sql = (yield* Shop).database(service);
  yield* Effect.orDie(sql`INSERT INTO late_rule VALUES (${type}, ${needle})`);
  const mine = sql`type = ${type} AND position(${needle} IN envelope) > 0`;
  return {
    sent: eventually(
      `${service} sends ${type}`,
      Effect.map(Effect.orDie(sql`SELECT 1 FROM late_message WHERE ${mine}`), (rows) => rows.length > 0),
    ),
    release: sql
      .withTransaction(
        Effect.gen(function* () {
          // Waits for whoever has read the rules already, so that nothing is left behind.
          yield* sql`LOCK TABLE late_rule IN ACCESS EXCLUSIVE MODE`;
          yield* sql`DELETE FROM late_rule WHERE type = ${type} AND needle = ${needle}`;
          const moved = yield* sql`
            WITH gone AS (
              DELETE FROM late_message
              WHERE (topic, key) IN (SELECT topic, key FROM late_message WHERE ${mine}) RETURNING *)
            INSERT INTO outbox (id, type, topic, key, sequence, envelope)
            SELECT id, type, topic, key, sequence, envelope FROM gone ORDER BY position RETURNING 1`;
          assert.isAbove(moved.length, 0, `${type} was not sent yet`);
        }),
      )
      .pipe(Effect.orDie),
  } satisfies Late;
});
