/**
 * Remembers every input of a consumer, so that each is applied exactly once in this database.
 *
 * The row is written in the transaction of the input's own effects. For an input that somebody awaits it also holds the
 * answer and the request's fingerprint: it *is* the idempotency record, and no "in flight" row is left behind by a crash.
 * Rows are partitioned by the time inside the id, so that a late duplicate meets its first.
 */
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as SqlClient from "effect/sql/SqlClient";
import type { Identified } from "../machine/Machine.ts";
import * as MachineStore from "../machine/MachineStore.ts";
import { InputLog, type InputRow, type Seen, type SetAside } from "../machine/Ports.ts";
import { timeOf } from "../message/Ids.ts";
import * as Bulk from "../sql/Bulk.ts";
import { dayOf } from "../sql/Partitions.ts";
import { timelessDay } from "./Tables.ts";

/** The partition of an input: the day inside its id. */
export const dayOfId = (id: string): string => {
  const at = timeOf(id);
  return at === undefined ? timelessDay : dayOf(at);
};

interface LookedUp {
  readonly id: string;
  readonly answered: boolean;
  readonly fingerprint: string | null;
  readonly outcome: unknown;
}

const wanted = { id: "text", day: "text", key: "text" } as const;

const recorded = {
  id: "text",
  day: "text",
  at: "timestamptz",
  source: "text",
  topic: "text",
  type: "text",
  key: "text",
  sequence: "int8",
  fingerprint: "text",
  outcome: "jsonb",
  rejected: "bool",
  emitted: "text",
} as const;

const aside = { id: "text", type: "text", topic: "text", key: "text", envelope: "jsonb", reason: "text" } as const;

const rowOf = (row: InputRow) => {
  const { envelope } = row.input;
  return {
    id: row.input.id,
    day: dayOfId(row.input.id),
    at: row.input.at,
    source: envelope?.source,
    topic: envelope?.topic,
    type: envelope?.type,
    key: envelope?.key,
    sequence: envelope?.sequence,
    fingerprint: row.input.fingerprint,
    outcome: row.outcome,
    rejected: row.rejected,
    emitted: row.emitted.length === 0 ? "{}" : `{${row.emitted.join(",")}}`,
  };
};

const asideOf = ({ envelope, reason }: SetAside) => ({
  id: envelope.id,
  type: envelope.type,
  topic: envelope.topic,
  key: envelope.key,
  envelope,
  reason,
});

/** PostgreSQL, in the ambient database. */
export const layer: Layer.Layer<InputLog, never, SqlClient.SqlClient> = Layer.effect(
  InputLog,
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient;
    return InputLog.of({
      look: (consumer, inputs) => {
        const sought = inputs.map((input) => ({
          id: input.id,
          day: dayOfId(input.id),
          key: input.envelope?.key,
        }));
        // Lateral: without statistics, as on a new day's partition, a plain join reads every row of the consumer.
        // `FOR SHARE`: a retry that is about to unpark the key waits for us, or we for it, so nothing slips past its end.
        return Effect.map(
          sql<LookedUp>`
            WITH parked AS MATERIALIZED (
              SELECT key FROM parked_key WHERE consumer = ${consumer}
                AND key = ${Bulk.any(
                  sql,
                  "text",
                  sought.map((one) => one.key),
                )} FOR SHARE)
            SELECT w.id, i.id IS NOT NULL AS answered, i.fingerprint, i.outcome
            FROM ${Bulk.rows(sql, "w", wanted, sought)}
            LEFT JOIN LATERAL (SELECT * FROM inbox i
              WHERE i.consumer = ${consumer} AND i.day = w.day::date AND i.id = w.id LIMIT 1) i ON true
            LEFT JOIN parked p ON p.key = w.key
            WHERE i.id IS NOT NULL OR p.key IS NOT NULL`,
          (rows) =>
            new Map<string, Seen>(
              rows.map((row) => [
                row.id,
                row.answered
                  ? { _tag: "Answered", fingerprint: row.fingerprint, outcome: row.outcome }
                  : { _tag: "Parked" },
              ]),
            ),
        );
      },
      unparked: (consumer, inputs) =>
        sql`NOT EXISTS (SELECT FROM parked_key WHERE consumer = ${consumer} AND key = ${Bulk.any(
          sql,
          "text",
          inputs.flatMap(({ envelope }) => (envelope === undefined ? [] : [envelope.key])),
        )})`,
      record: (consumer, rows) => [
        MachineStore.sql(
          "recorded",
          sql`INSERT INTO inbox (consumer, day, id, at, source, topic, type, key, sequence, fingerprint, outcome, rejected, emitted)
            SELECT ${consumer}, x.day::date, x.id, x.at, x.source, x.topic, x.type, x.key, x.sequence, x.fingerprint,
              x.outcome::jsonb, x.rejected, x.emitted::uuid[]
            FROM ${Bulk.rows(sql, "x", recorded, rows.map(rowOf))} ORDER BY x.ordinal`,
        ),
      ],
      setAside: (consumer, rows) => {
        const values = rows.map(asideOf);
        return [
          MachineStore.sql(
            "set_aside",
            sql`INSERT INTO dead_letter (consumer, id, type, topic, key, envelope, reason)
              SELECT ${consumer}, x.id, x.type, x.topic, x.key, x.envelope::jsonb, x.reason
              FROM ${Bulk.rows(sql, "x", aside, values)} ORDER BY x.ordinal
              ON CONFLICT (consumer, id) DO UPDATE SET attempts = dead_letter.attempts + 1,
                reason = coalesce(EXCLUDED.reason, dead_letter.reason)`,
          ),
          MachineStore.sql(
            "parked",
            sql`INSERT INTO parked_key (consumer, key)
              SELECT DISTINCT ${consumer}, x.key FROM ${Bulk.rows(sql, "x", aside, values)} ON CONFLICT DO NOTHING`,
          ),
        ];
      },
    });
  }),
);

/** In this process; for tests and simulations. */
export const layerMemory: Layer.Layer<InputLog> = Layer.sync(InputLog, () => {
  const answered = new Map<string, Seen>();
  const parkedKeys = new Set<string>();
  const nameOf = (consumer: string, id: string): string => `${consumer}\n${id}`;
  const seen = (consumer: string, input: Identified<unknown>): Seen | undefined => {
    const answer = answered.get(nameOf(consumer, input.id));
    if (answer !== undefined) return answer;
    const key = input.envelope?.key;
    return key !== undefined && parkedKeys.has(nameOf(consumer, key)) ? { _tag: "Parked" } : undefined;
  };
  return InputLog.of({
    look: (consumer, inputs) =>
      Effect.sync(() => {
        const found = new Map<string, Seen>();
        for (const input of inputs) {
          const known = seen(consumer, input);
          if (known !== undefined) found.set(input.id, known);
        }
        return found;
      }),
    record: (consumer, rows) => [
      MachineStore.memory(() => {
        for (const { input, outcome } of rows) {
          answered.set(nameOf(consumer, input.id), {
            _tag: "Answered",
            fingerprint: input.fingerprint ?? null,
            outcome,
          });
        }
      }),
    ],
    setAside: (consumer, rows) => [
      MachineStore.memory(() => {
        for (const { envelope } of rows) parkedKeys.add(nameOf(consumer, envelope.key));
      }),
    ],
  });
});
