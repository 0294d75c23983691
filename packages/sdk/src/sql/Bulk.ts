/**
 * Many rows in one parameter list: `unnest` of one array a column.
 *
 * A group of any size is then one prepared statement with a fixed number of parameters. Rejected: `VALUES` lists (a new
 * statement text for every size) and `jsonb_to_recordset` (the server parses every row as JSON first).
 */
import * as PgTypes from "@effect/sql-pg/PgTypes";
import * as Result from "effect/Result";
import type { SqlClient } from "effect/sql/SqlClient";
import type { Fragment } from "effect/sql/Statement";

/** PostgreSQL element types that a column of a bulk parameter may have. `jsonb` columns travel as text. */
export type ColumnType = "text" | "uuid" | "int4" | "int8" | "bool" | "timestamptz" | "jsonb";

export type Columns<Row> = { readonly [Name in keyof Row & string]: ColumnType };

const oid: Record<ColumnType, number> = {
  text: PgTypes.OID.text,
  uuid: PgTypes.OID.uuid,
  int4: PgTypes.OID.int4,
  int8: PgTypes.OID.int8,
  bool: PgTypes.OID.bool,
  timestamptz: PgTypes.OID.timestamptz,
  jsonb: PgTypes.OID.text,
};

const encode = (type: ColumnType, value: unknown): unknown => {
  if (value === null || value === undefined) return null;
  if (type === "jsonb") return JSON.stringify(value);
  if (type === "int8" && typeof value === "number") return BigInt(value);
  return value;
};

/** An array parameter. @throws when a value does not fit the column's type: a defect of the store that calls it. */
export const array = (type: ColumnType, values: ReadonlyArray<unknown>): PgTypes.Parameter =>
  Result.getOrThrow(
    PgTypes.array(
      values.map((value) => encode(type, value)),
      oid[type],
    ),
  );

/**
 * A row source to select from: `FROM ${rows(sql, "x", columns, values)}`. Column names are code, never input.
 *
 * Columns of type `jsonb` arrive as text: write `x.data::jsonb` where they are used. `ordinal` (1, 2, …) is the
 * position of the row in `values`.
 */
export const rows = <Row extends object>(
  sql: SqlClient,
  alias: string,
  columns: Columns<Row>,
  values: ReadonlyArray<Row>,
): Fragment => {
  const names = Object.keys(columns) as Array<keyof Row & string>;
  const parts = names.map((name) => {
    const type = columns[name];
    const cast = type === "jsonb" ? "text" : type;
    return sql`${array(
      type,
      values.map((row) => row[name]),
    )}::${sql.literal(`${cast}[]`)}`;
  });
  return sql`unnest(${sql.csv(parts)}) WITH ORDINALITY AS ${sql.literal(`${alias}(${[...names, "ordinal"].join(", ")})`)}`;
};

/** `= ANY(…)` of one array parameter. */
export const any = (sql: SqlClient, type: ColumnType, values: ReadonlyArray<unknown>): Fragment =>
  sql`ANY(${array(type, values)}::${sql.literal(`${type === "jsonb" ? "text" : type}[]`)})`;

/** A table as bulk writes see it: columns by name (the keys of the rows), and which of them identify a row. */
export interface Table<Row> {
  readonly name: string;
  readonly columns: Columns<Row>;
  readonly key: ReadonlyArray<keyof Row & string>;
}

const selected = <Row>(columns: Columns<Row>, name: keyof Row & string): string =>
  columns[name] === "jsonb" ? `x.${name}::jsonb` : `x.${name}`;

/**
 * Inserts rows in their order. An existing key is a unique violation, on purpose: a state that did not exist when it was
 * read was not locked, so an upsert would overwrite what another owner has created meanwhile.
 */
export const insert = <Row extends object>(sql: SqlClient, table: Table<Row>, values: ReadonlyArray<Row>): Fragment => {
  const names = Object.keys(table.columns) as Array<keyof Row & string>;
  const list = sql.literal(names.join(", "));
  const from = sql.literal(names.map((name) => selected(table.columns, name)).join(", "));
  return sql`INSERT INTO ${sql(table.name)} (${list})
    SELECT ${from} FROM ${rows(sql, "x", table.columns, values)} ORDER BY x.ordinal`;
};

/** Updates rows that exist, and are locked: all columns but the key's. */
export const update = <Row extends object>(sql: SqlClient, table: Table<Row>, values: ReadonlyArray<Row>): Fragment => {
  const names = (Object.keys(table.columns) as Array<keyof Row & string>).filter((name) => !table.key.includes(name));
  const assigned = sql.literal(names.map((name) => `${name} = ${selected(table.columns, name)}`).join(", "));
  const same = sql.literal(table.key.map((name) => `t.${name} = x.${name}`).join(" AND "));
  return sql`UPDATE ${sql(table.name)} t SET ${assigned} FROM ${rows(sql, "x", table.columns, values)} WHERE ${same}`;
};
