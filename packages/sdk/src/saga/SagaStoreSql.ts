/** Sagas in PostgreSQL. */
import * as Effect from "effect/Effect";
import * as Schema from "effect/Schema";
import type { SqlClient } from "effect/sql/SqlClient";
import { maxNamedViolations, type Violation } from "../machine/Audit.ts";
import type { Versioned } from "../machine/Machine.ts";
import * as MachineStore from "../machine/MachineStore.ts";
import * as Bulk from "../sql/Bulk.ts";
import type { JournalEntry } from "./SagaJournal.ts";
import { SagaInput, SagaState, statusOf } from "./SagaState.ts";
import { defaultListLimit, type Due, entriesOf, type SagaGroup, type SagaRow, type Store } from "./SagaRows.ts";

const sagaColumns = {
  id: "text",
  version: "int8",
  definition: "text",
  definition_version: "int4",
  key: "text",
  status: "text",
  step: "text",
  state: "jsonb",
  next_wake_at: "timestamptz",
  stuck_reason: "text",
  stuck_since: "timestamptz",
  started_at: "timestamptz",
  updated_at: "timestamptz",
  ended_at: "timestamptz",
} as const;

const table = { name: "saga", key: ["id"], columns: sagaColumns } as const;

const journalColumns = {
  saga_id: "text",
  saga_version: "int8",
  input_id: "text",
  kind: "text",
  input: "jsonb",
  at: "timestamptz",
  outputs_hash: "text",
  emitted: "text",
} as const;

const rowOf = (id: string, { state, version }: Versioned<SagaState>, updatedAt: number) => ({
  id,
  version,
  definition: state.definition,
  definition_version: state.definitionVersion,
  key: state.key,
  status: statusOf(state.situation),
  step: state.step,
  state,
  next_wake_at: state.wakeAt,
  stuck_reason: state.stuck?.reason,
  stuck_since: state.stuck?.since,
  started_at: state.startedAt,
  updated_at: updatedAt,
  ended_at: state.endedAt,
});

const journalRowOf = (entry: JournalEntry) => ({
  saga_id: entry.sagaId,
  saga_version: entry.version,
  input_id: entry.inputId,
  kind: entry.input._tag,
  input: entry.input,
  at: entry.at,
  outputs_hash: entry.outputsHash,
  emitted: `{${entry.emitted.join(",")}}`,
});

interface Stored {
  readonly id: string;
  readonly version: bigint;
  readonly state: unknown;
}

interface StoredEntry {
  readonly saga_id: string;
  readonly saga_version: bigint;
  readonly input_id: string;
  readonly input: unknown;
  readonly at: Date;
  readonly outputs_hash: string;
  readonly emitted: ReadonlyArray<string>;
}

const decodeState = Schema.decodeUnknownSync(SagaState);
const decodeInput = Schema.decodeUnknownSync(SagaInput);
const sagaRow = ({ id, state, version }: Stored): SagaRow => ({
  id,
  version: Number(version),
  state: decodeState(state),
});

const writesOf = (sql: SqlClient, group: SagaGroup): ReadonlyArray<MachineStore.Write> => {
  const touchedAt = new Map<string, number>();
  for (const { changed, input } of group.applied) for (const id of changed.keys()) touchedAt.set(id, input.at);
  const begun: Array<ReturnType<typeof rowOf>> = [];
  const moved: Array<ReturnType<typeof rowOf>> = [];
  for (const [id, { after, before }] of group.changes)
    (before === undefined ? begun : moved).push(rowOf(id, after, touchedAt.get(id) ?? after.state.startedAt));
  const entries = entriesOf(group);
  if (entries.length === 0) return [];
  return [
    // Two owners that begin the same saga meet at the primary key; the second then finds it begun.
    MachineStore.sql(
      "saga_begun",
      sql`INSERT INTO saga (id, version, definition, definition_version, key, status, step, state, next_wake_at,
          stuck_reason, stuck_since, started_at, updated_at, ended_at)
        SELECT x.id, x.version, x.definition, x.definition_version, x.key, x.status, x.step, x.state::jsonb,
          x.next_wake_at, x.stuck_reason, x.stuck_since, x.started_at, x.updated_at, x.ended_at
        FROM ${Bulk.rows(sql, "x", sagaColumns, begun)}`,
    ),
    MachineStore.sql(
      "saga_moved",
      sql`UPDATE saga SET version = x.version, status = x.status, step = x.step, state = x.state::jsonb,
          next_wake_at = x.next_wake_at, stuck_reason = x.stuck_reason, stuck_since = x.stuck_since,
          updated_at = x.updated_at, ended_at = x.ended_at
        FROM ${Bulk.rows(sql, "x", sagaColumns, moved)} WHERE saga.id = x.id`,
    ),
    MachineStore.sql(
      "saga_noted",
      sql`INSERT INTO saga_journal (saga_id, saga_version, input_id, kind, input, at, outputs_hash, emitted)
        SELECT x.saga_id, x.saga_version, x.input_id, x.kind, x.input::jsonb, x.at, x.outputs_hash, x.emitted::uuid[]
        FROM ${Bulk.rows(sql, "x", journalColumns, entries.map(journalRowOf))}`,
    ),
  ];
};

export const makeSql = (sql: SqlClient): Store => ({
  states: {
    load: (keys) =>
      Effect.map(
        sql<Stored>`SELECT id, version, state FROM saga WHERE id = ${Bulk.any(sql, "text", keys)}
          ORDER BY id FOR NO KEY UPDATE`,
        (rows) => new Map(rows.map((row) => [row.id, sagaRow(row)])),
      ),
    write: (group) => writesOf(sql, group),
    guard: (versions) => [MachineStore.stateGuard(sql, table, versions)],
  },
  due: (now, limit) =>
    sql<Due>`SELECT id, definition, definition_version AS version FROM saga WHERE next_wake_at <= ${new Date(now)}
      ORDER BY next_wake_at LIMIT ${limit}`,
  live: sql`SELECT DISTINCT definition, definition_version AS version FROM saga WHERE ended_at IS NULL`,
  find: (id) =>
    Effect.map(sql<Stored>`SELECT id, version, state FROM saga WHERE id = ${id}`, ([row]) => row && sagaRow(row)),
  list: (filter) => {
    const { after, definition, key, status } = filter;
    const conditions = [
      sql`true`,
      ...(definition === undefined ? [] : [sql`definition = ${definition}`]),
      ...(status === undefined ? [] : [sql`status = ${status}`]),
      ...(key === undefined ? [] : [sql`key = ${key}`]),
      ...(after === undefined ? [] : [sql`(started_at, id) < (${new Date(after.startedAt)}, ${after.id})`]),
    ];
    return Effect.map(
      sql<Stored>`SELECT id, version, state FROM saga WHERE ${sql.and(conditions)}
        ORDER BY started_at DESC, id DESC LIMIT ${filter.limit ?? defaultListLimit}`,
      (rows) => rows.map(sagaRow),
    );
  },
  journals: (ids) =>
    Effect.map(
      sql<StoredEntry>`SELECT saga_id, saga_version, input_id, input, at, outputs_hash, emitted FROM saga_journal
        WHERE saga_id = ${Bulk.any(sql, "text", ids)} ORDER BY saga_id, saga_version`,
      (rows) =>
        Map.groupBy(
          rows.map((row): JournalEntry => ({
            sagaId: row.saga_id,
            version: Number(row.saga_version),
            inputId: row.input_id,
            input: decodeInput(row.input),
            at: row.at.getTime(),
            outputsHash: row.outputs_hash,
            emitted: row.emitted,
          })),
          (entry) => entry.sagaId,
        ),
    ),
  audit: (overdueBefore) =>
    Effect.gen(function* () {
      const [count] = yield* sql<{ readonly n: bigint }>`SELECT count(*) AS n FROM saga`;
      const violations = yield* sql<Violation>`
        SELECT id, CASE WHEN status = 'stuck' THEN 'stuck: ' || coalesce(stuck_reason, 'without a reason')
            WHEN next_wake_at IS NULL THEN status || ' without a next wake-up' ELSE status || ' is overdue' END AS what
        FROM saga WHERE ended_at IS NULL
          AND (status = 'stuck' OR next_wake_at IS NULL OR next_wake_at < ${new Date(overdueBefore)})
        ORDER BY id LIMIT ${maxNamedViolations}`;
      return { id: "I7", checked: Number(count?.n ?? 0), violations };
    }),
});
