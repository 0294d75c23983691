/** Where intents and attempts live: PostgreSQL, or this process. */
import * as Effect from "effect/Effect";
import type { SqlClient } from "effect/sql/SqlClient";
import type { Fragment } from "effect/sql/Statement";
import type { Versioned } from "../machine/Machine.ts";
import {
  type Change,
  changedRows,
  type MachineStore,
  makeMemory as makeMemoryStore,
  stateGuard,
  stateWrites,
} from "../machine/MachineStore.ts";
import * as Bulk from "../sql/Bulk.ts";
import type { Attempt, Input, Intent, Output, Rejection } from "./PaymentMachine.ts";

export type PaymentStore = MachineStore<string, Intent, Input, Output, Rejection>;

interface IntentRow {
  readonly reference: string;
  readonly version: number;
  readonly owner: string;
  readonly name: string;
  readonly amount: bigint;
  readonly provider: string;
  readonly routes: Intent["routes"];
  readonly until: Date;
  readonly status: Intent["status"];
  readonly closing: Intent["closing"];
  readonly refund: Intent["refund"];
}

interface AttemptRow {
  readonly reference: string;
  readonly no: number;
  readonly provider: string;
  readonly payment_key: string;
  readonly status: Attempt["status"];
  readonly run_id: string;
  readonly started_at: Date;
  readonly next_action_at: Date | null;
  readonly tries: number;
  readonly keys_spent: number;
  readonly code: string | null;
  readonly inquired_at: Date | null;
  readonly abandoned_at: Date | null;
  readonly guard_until: Date | null;
  readonly observed_at: Date | null;
  readonly settled_at: Date | null;
}

const intentTable = {
  name: "payment_intent",
  key: ["reference"],
  columns: {
    reference: "text",
    version: "int4",
    owner: "text",
    name: "text",
    amount: "int8",
    provider: "text",
    routes: "jsonb",
    until: "timestamptz",
    status: "text",
    closing: "text",
    refund: "jsonb",
  },
} as const;

const attemptTable = {
  name: "payment_attempt",
  key: ["reference", "no"],
  columns: {
    reference: "text",
    no: "int4",
    provider: "text",
    payment_key: "text",
    status: "text",
    run_id: "text",
    started_at: "timestamptz",
    next_action_at: "timestamptz",
    tries: "int4",
    keys_spent: "int4",
    code: "text",
    inquired_at: "timestamptz",
    abandoned_at: "timestamptz",
    guard_until: "timestamptz",
    observed_at: "timestamptz",
    settled_at: "timestamptz",
  },
} as const;

const attemptOf = (row: AttemptRow): Attempt => ({
  no: row.no,
  provider: row.provider,
  paymentKey: row.payment_key,
  status: row.status,
  runId: row.run_id,
  startedAt: row.started_at.getTime(),
  nextActionAt: row.next_action_at?.getTime() ?? null,
  tries: row.tries,
  keysSpent: row.keys_spent,
  code: row.code,
  inquiredAt: row.inquired_at?.getTime() ?? null,
  abandonedAt: row.abandoned_at?.getTime() ?? null,
  guardUntil: row.guard_until?.getTime() ?? null,
  observedAt: row.observed_at?.getTime() ?? null,
  settledAt: row.settled_at?.getTime() ?? null,
});

const intentOf = (
  { amount, until, version, ...row }: IntentRow,
  attempts: ReadonlyArray<Attempt>,
): Versioned<Intent> => ({
  version,
  state: { ...row, amount: Number(amount), until: until.getTime(), attempts },
});

const intentRow = ({ state, version }: Versioned<Intent>) => {
  const { attempts: _, ...row } = state;
  return { ...row, version };
};

const attemptRow = (reference: string, attempt: Attempt) => ({
  reference,
  no: attempt.no,
  provider: attempt.provider,
  payment_key: attempt.paymentKey,
  status: attempt.status,
  run_id: attempt.runId,
  started_at: attempt.startedAt,
  next_action_at: attempt.nextActionAt,
  tries: attempt.tries,
  keys_spent: attempt.keysSpent,
  code: attempt.code,
  inquired_at: attempt.inquiredAt,
  abandoned_at: attempt.abandonedAt,
  guard_until: attempt.guardUntil,
  observed_at: attempt.observedAt,
  settled_at: attempt.settledAt,
});

/** Only attempts that the group changed are written. */
const attemptRows = (changes: Iterable<Change<Intent>>) => {
  const created: Array<ReturnType<typeof attemptRow>> = [];
  const updated: Array<ReturnType<typeof attemptRow>> = [];
  for (const { after, before } of changes) {
    const known = new Map(before?.state.attempts.map((attempt) => [attempt.no, attempt]));
    for (const attempt of after.state.attempts) {
      const was = known.get(attempt.no);
      if (was !== attempt) (was === undefined ? created : updated).push(attemptRow(after.state.reference, attempt));
    }
  }
  return { created, updated };
};

export const make = (sql: SqlClient): PaymentStore => ({
  load: Effect.fnUntraced(function* (references) {
    const intents = yield* sql<IntentRow>`SELECT * FROM payment_intent
      WHERE reference = ${Bulk.any(sql, "text", references)} ORDER BY reference FOR NO KEY UPDATE`;
    // A statement of its own: one that waits for the intent's lock would show attempts as they were before it waited.
    const attempts =
      intents.length === 0
        ? []
        : yield* sql<AttemptRow>`SELECT * FROM payment_attempt
            WHERE reference = ${Bulk.any(
              sql,
              "text",
              intents.map(({ reference }) => reference),
            )} ORDER BY reference, no`;
    const byReference = Map.groupBy(attempts, ({ reference }) => reference);
    return new Map(
      intents.map((row) => [row.reference, intentOf(row, (byReference.get(row.reference) ?? []).map(attemptOf))]),
    );
  }),
  write: ({ changes }) => [
    ...stateWrites(sql, intentTable, changedRows(changes, intentRow)),
    ...stateWrites(sql, attemptTable, attemptRows(changes.values())),
  ],
  // Attempts change with their intent and have no version of their own.
  guard: (versions) => [stateGuard(sql, intentTable, versions)],
});

/** In this process; for tests and simulations. */
export const makeMemory = (): PaymentStore => makeMemoryStore();

/** An attempt about which the gateway has to be asked, or whose money has to go back. */
export interface Due {
  readonly reference: string;
  readonly no: number;
}

/** The longest overdue first. Takes no locks: the machine ignores what has been answered meanwhile. */
export const due = (sql: SqlClient, now: number, limit: number) =>
  sql<Due>`SELECT reference, no FROM payment_attempt WHERE next_action_at <= ${new Date(now)}
    ORDER BY next_action_at LIMIT ${limit}`;

type Dated<Row> = {
  readonly [Name in keyof Row]: Exclude<Row[Name], Date> | (Date extends Row[Name] ? string : never);
};

const dateOf = (text: string | null): Date | null => (text === null ? null : new Date(text));

/** An attempt that came as a part of its intent's row. */
const nested = (row: Dated<AttemptRow>): Attempt =>
  attemptOf({
    ...row,
    started_at: new Date(row.started_at),
    next_action_at: dateOf(row.next_action_at),
    inquired_at: dateOf(row.inquired_at),
    abandoned_at: dateOf(row.abandoned_at),
    guard_until: dateOf(row.guard_until),
    observed_at: dateOf(row.observed_at),
    settled_at: dateOf(row.settled_at),
  });

interface Whole extends IntentRow {
  readonly attempts: ReadonlyArray<Dated<AttemptRow>>;
}

/** Intents with their attempts of one moment, read outside of any group. */
const whole = (sql: SqlClient, which: Fragment) =>
  Effect.map(
    sql<Whole>`
      SELECT *, (SELECT coalesce(jsonb_agg(to_jsonb(a) ORDER BY a.no), '[]') FROM payment_attempt a
        WHERE a.reference = i.reference) AS attempts
      FROM payment_intent i ${which}`,
    (rows) => rows.map(({ attempts, ...intent }) => intentOf(intent, attempts.map(nested)).state),
  );

export const find = (sql: SqlClient, reference: string) =>
  Effect.map(whole(sql, sql`WHERE reference = ${reference}`), ([intent]) => intent);

export interface PageOptions {
  /** Absent: everybody's. */
  readonly owner?: string | undefined;
  /** The last reference of the page before. */
  readonly after?: string | undefined;
  readonly limit: number;
}

/** From the greatest reference down, so newest first where references begin with their time. What nobody owns was never opened. */
export const page = (sql: SqlClient, { after, limit, owner }: PageOptions) =>
  whole(
    sql,
    sql`WHERE ${owner === undefined ? sql`owner <> ''` : sql`owner = ${owner}`}
      AND ${after === undefined ? sql`true` : sql`reference < ${after}`} ORDER BY reference DESC LIMIT ${limit}`,
  );
