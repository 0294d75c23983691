/**
 * The store of a machine whose states are of several kinds, one table a kind.
 *
 * The key of a state is `<prefix>/<value of its table's key column>`. Tables are read, locked and guarded in the order in
 * which the kinds are given: the same everywhere.
 */
import { type Machine, MachineStore } from "@destiny/sdk/machine";
import { Bulk } from "@destiny/sdk/sql";
import * as Effect from "effect/Effect";
import type { SqlClient } from "effect/sql/SqlClient";

interface Tagged {
  readonly _tag: string;
}

interface Stored {
  readonly version: number;
}

/** One kind, with the types of its rows forgotten. */
export interface Kind<State> {
  readonly prefix: string;
  readonly tag: string;
  readonly load: (
    sql: SqlClient,
    ids: ReadonlyArray<string>,
  ) => MachineStore.Read<ReadonlyArray<readonly [string, Machine.Versioned<State>]>>;
  readonly guard: (sql: SqlClient, versions: ReadonlyMap<string, number>) => MachineStore.Guard;
  readonly writes: (
    sql: SqlClient,
    changes: ReadonlyMap<string, MachineStore.Change<State>>,
  ) => ReadonlyArray<MachineStore.Write>;
}

export const kind = <State extends Tagged, Row extends object>(options: {
  readonly prefix: string;
  readonly tag: State["_tag"];
  readonly table: Bulk.Table<Row>;
  /** Of a row as the driver gives it. */
  readonly stateOf: (row: never) => State;
  readonly rowOf: (after: Machine.Versioned<State>) => Row;
}): Kind<State> => {
  const { prefix, rowOf, stateOf, table, tag } = options;
  const [column] = table.key;
  if (column === undefined || table.key.length > 1) throw new Error(`${table.name} has a key of several columns`);
  const type = table.columns[column];
  return {
    prefix,
    tag,
    load: (sql, ids) =>
      Effect.map(
        sql<
          Stored & Readonly<Record<string, unknown>>
        >`SELECT * FROM ${sql(table.name)} WHERE ${sql(column)} = ${Bulk.any(sql, type, ids)}
          ORDER BY ${sql(column)} FOR NO KEY UPDATE`,
        (rows) =>
          rows.map((row) => [String(row[column]), { version: row.version, state: stateOf(row as never) }] as const),
      ),
    guard: (sql, versions) => MachineStore.stateGuard(sql, table, versions),
    writes: (sql, changes) => MachineStore.stateWrites(sql, table, MachineStore.changedRows(changes, rowOf)),
  };
};

// oxlint-disable-next-line typescript/no-explicit-any -- each kind takes and gives its own part of the union
type Kinds = ReadonlyArray<Kind<any>>;

export const make = <Key extends string, State extends Tagged, Input, Output, Rejection>(
  sql: SqlClient,
  kinds: Kinds,
): MachineStore.MachineStore<Key, State, Input, Output, Rejection> => {
  const idOf = (prefix: string, key: string): string | undefined =>
    key.startsWith(`${prefix}/`) ? key.slice(prefix.length + 1) : undefined;
  const idsOf = (prefix: string, keys: Iterable<string>): ReadonlyArray<string> =>
    [...keys].flatMap((key) => idOf(prefix, key) ?? []);

  return {
    load: Effect.fnUntraced(function* (keys) {
      const states = new Map<Key, Machine.Versioned<State>>();
      for (const { load, prefix } of kinds) {
        const ids = idsOf(prefix, keys);
        for (const [id, state] of ids.length === 0 ? [] : yield* load(sql, ids)) {
          states.set(`${prefix}/${id}` as Key, state);
        }
      }
      return states;
    }),
    guard: (versions) =>
      kinds.flatMap(({ guard, prefix }) => {
        const own = new Map(
          [...versions].flatMap(([key, version]) => {
            const id = idOf(prefix, key);
            return id === undefined ? [] : [[id, version] as const];
          }),
        );
        return own.size === 0 ? [] : [guard(sql, own)];
      }),
    write: ({ changes }) =>
      kinds.flatMap(({ tag, writes }) => {
        const own = new Map([...changes].filter(([, { after }]) => after.state._tag === tag));
        return writes(sql, own);
      }),
  };
};
