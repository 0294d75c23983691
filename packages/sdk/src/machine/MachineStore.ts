/**
 * Where the states of a machine live. Two implementations (memory, PostgreSQL) pass one conformance suite:
 * `MachineStoreSuite` of `@destiny/testkit/conformance`, which any store of your own passes too.
 *
 * A store loads many states by key in one statement, locked in key order, and returns the statements that write many. It
 * never begins or commits: `GroupCommit` runs all statements of a group, and those of inbox and outbox, in one transaction.
 */
import * as Effect from "effect/Effect";
import type { SqlClient } from "effect/sql/SqlClient";
import type { SqlError } from "effect/sql/SqlError";
import type { Fragment as SqlFragment } from "effect/sql/Statement";
import * as Bulk from "../sql/Bulk.ts";
import type { Identified, Verdict, Versioned } from "./Machine.ts";

/** A read inside the group's transaction. */
export type Read<A> = Effect.Effect<A, SqlError>;

/**
 * A write of the group's transaction. All SQL writes of a group are joined into one statement (`WITH … INSERT …`): one
 * round trip, however many tables. So they must not read what another write of the group changes.
 */
export type Write =
  | {
      readonly _tag: "Sql";
      readonly name: string;
      readonly statement: SqlFragment;
      /** The statement returns `position`, in the order of its rows: the write answers them. */
      readonly returns?: "position" | undefined;
    }
  | { readonly _tag: "Memory"; readonly apply: () => void };

export const sql = (name: string, statement: SqlFragment, returns?: "position"): Write => ({
  _tag: "Sql",
  name,
  statement,
  returns,
});
export const memory = (apply: () => void): Write => ({ _tag: "Memory", apply });

/** One state that a group changed. */
export interface Change<State> {
  /** As loaded; undefined when the group creates it. */
  readonly before: Versioned<State> | undefined;
  readonly after: Versioned<State>;
}

/** One input as the group decided it, in order. */
export interface Applied<Key extends string, State, Input, Output, Rejection> {
  readonly input: Identified<Input>;
  readonly verdict: Verdict<Key, State, Output, Rejection>;
  /** Version of every key that the decision could read, before the decision. */
  readonly readAt: (key: Key) => number;
  /** State and version after this decision, for the keys that it changed. */
  readonly changed: ReadonlyMap<Key, Versioned<State>>;
  /** Ids of the messages that it emitted. */
  readonly emitted: ReadonlyArray<string>;
}

export interface Group<Key extends string, State, Input, Output, Rejection> {
  /** The last state of every changed key. */
  readonly changes: ReadonlyMap<Key, Change<State>>;
  /** Every decision, for stores that keep a ledger or a journal. */
  readonly applied: ReadonlyArray<Applied<Key, State, Input, Output, Rejection>>;
}

/**
 * A query that locks rows in the order of `load` and says of each, in a column `ok`, whether it has the version that a group
 * was decided on.
 */
export interface Guard {
  readonly name: string;
  readonly statement: SqlFragment;
  /** How many rows must be there. A row too many is one that was expected to be absent, and is not ok. */
  readonly rows: number;
}

export interface MachineStore<Key extends string, State, Input, Output, Rejection> {
  /** Locks and reads; keys arrive distinct and sorted, and absent ones are left out of the answer. */
  readonly load: (keys: ReadonlyArray<Key>) => Read<ReadonlyMap<Key, Versioned<State>>>;
  /**
   * A state without a `before` is inserted, never upserted: that the insert fails is how a group on remembered states learns
   * that somebody else was first.
   */
  readonly write: (group: Group<Key, State, Input, Output, Rejection>) => ReadonlyArray<Write>;
  /**
   * Guards that fail unless every key has its version (0: absent). With them a group whose states are remembered is one
   * statement; a store without them always loads first.
   */
  readonly guard?: (versions: ReadonlyMap<Key, number>) => ReadonlyArray<Guard>;
}

/** The guard of a table whose key is one column. `versions` by that column's value. */
export const stateGuard = <Row extends object>(
  client: SqlClient,
  table: Bulk.Table<Row>,
  versions: ReadonlyMap<string, number>,
): Guard => {
  const [key] = table.key;
  if (key === undefined || table.key.length > 1) throw new Error(`${table.name} has a key of several columns`);
  const type = table.columns[key];
  const expected = [...versions.values()];
  const wanted = Bulk.array(type, [...versions.keys()]);
  const column = client.literal(key);
  const array = client.literal(`${type}[]`);
  return {
    name: `${table.name}_guarded`,
    // `= ANY`, as `load` has it, and no join: without statistics a join may read the whole table.
    statement: client`SELECT version = (${Bulk.array("int8", expected)}::int8[])[array_position(${wanted}::${array}, ${column})] AS ok
      FROM ${client(table.name)} WHERE ${column} = ANY(${wanted}::${array}) ORDER BY ${column} FOR NO KEY UPDATE`,
    rows: expected.filter((version) => version > 0).length,
  };
};

/** The writes of changed states that are one row each: what is new is inserted, what was loaded (and locked) is updated. */
export const stateWrites = <Row extends object>(
  client: SqlClient,
  table: Bulk.Table<Row>,
  rows: { readonly created: ReadonlyArray<Row>; readonly updated: ReadonlyArray<Row> },
): ReadonlyArray<Write> => [
  ...(rows.created.length === 0 ? [] : [sql(`${table.name}_created`, Bulk.insert(client, table, rows.created))]),
  ...(rows.updated.length === 0 ? [] : [sql(`${table.name}_updated`, Bulk.update(client, table, rows.updated))]),
];

/** Changes as rows, told apart by whether the state existed before. */
export const changedRows = <Key, State, Row>(
  changes: ReadonlyMap<Key, Change<State>>,
  rowOf: (after: Versioned<State>, key: Key) => Row,
): { readonly created: ReadonlyArray<Row>; readonly updated: ReadonlyArray<Row> } => {
  const created: Array<Row> = [];
  const updated: Array<Row> = [];
  for (const [key, { after, before }] of changes) (before === undefined ? created : updated).push(rowOf(after, key));
  return { created, updated };
};

/** States in this process; for tests and simulations. */
export const makeMemory = <Key extends string, State, Input, Output, Rejection>(): MachineStore<
  Key,
  State,
  Input,
  Output,
  Rejection
> => {
  const states = new Map<Key, Versioned<State>>();
  return {
    load: (keys) =>
      Effect.sync(() => {
        const found = new Map<Key, Versioned<State>>();
        for (const key of keys) {
          const state = states.get(key);
          if (state !== undefined) found.set(key, state);
        }
        return found;
      }),
    write: ({ changes }) => [
      memory(() => {
        for (const [key, { after }] of changes) states.set(key, after);
      }),
    ],
  };
};
