/** What an instance's cluster is asked over SQL: databases and settings. Each call opens one connection and closes it. */
import * as PgClient from "@effect/sql-pg/PgClient";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Redacted from "effect/Redacted";
import * as SqlClient from "effect/sql/SqlClient";
import type { SqlError } from "effect/sql/SqlError";
import { fail, InvalidName, PasswordRefused, PostgresError, QueryFailed } from "./PostgresError.ts";

const databaseName = /^[a-z_][a-z0-9_]{0,62}$/;

export interface Connection {
  readonly port: number;
  readonly superuser: string;
  readonly password: Redacted.Redacted;
}

/** `postgres://…` of a database. */
export const url = ({ password, port, superuser }: Connection, database: string): Redacted.Redacted =>
  Redacted.make(
    `postgres://${encodeURIComponent(superuser)}:${encodeURIComponent(Redacted.value(password))}@127.0.0.1:${port}/${encodeURIComponent(database)}`,
  );

const onServer = <A>(
  operation: string,
  connection: Connection,
  use: (sql: SqlClient.SqlClient) => Effect.Effect<A, SqlError>,
): Effect.Effect<A, PostgresError> =>
  Effect.flatMap(SqlClient.SqlClient, use).pipe(
    Effect.provide(PgClient.layer({ url: url(connection, "postgres"), maxConnections: 1 }).pipe(Layer.fresh)),
    Effect.mapError(
      (error) =>
        new PostgresError({
          operation,
          reason:
            error.reason._tag === "AuthenticationError"
              ? new PasswordRefused({ port: connection.port })
              : new QueryFailed({ cause: error }),
        }),
    ),
  );

/** Creates the databases that are missing; safe to run from several processes at once. */
export const createDatabases = Effect.fn("InstanceCluster.createDatabases")(function* (
  connection: Connection,
  names: ReadonlyArray<string>,
): Effect.fn.Return<void, PostgresError> {
  const operation = "InstanceCluster.createDatabases";
  const invalid = names.find((name) => !databaseName.test(name));
  if (invalid !== undefined) {
    return yield* fail(operation, new InvalidName({ name: invalid, allowed: databaseName.source }));
  }
  yield* onServer(operation, connection, (sql) => {
    const exists = (name: string) =>
      Effect.map(
        sql`SELECT 1 FROM pg_database WHERE datname = ${name} AND datconnlimit <> -2`,
        (rows) => rows.length > 0,
      );
    const create = Effect.fnUntraced(function* (name: string) {
      if (yield* exists(name)) return;
      // PostgreSQL has no IF NOT EXISTS here: what failed because another process was faster, is done.
      yield* sql`CREATE DATABASE ${sql(name)} TEMPLATE template0`.pipe(
        Effect.catch((error) => Effect.flatMap(exists(name), (done) => (done ? Effect.void : Effect.fail(error)))),
      );
    });
    return Effect.forEach(names, create, { discard: true });
  });
});

/** Fails with `PasswordRefused` if the server knows another password. */
export const check = (connection: Connection): Effect.Effect<void, PostgresError> =>
  Effect.asVoid(onServer("InstanceCluster.start", connection, (sql) => sql`SELECT 1`));

/** Settings as the server has them now. */
export const settings = Effect.fn("InstanceCluster.settings")(function* (
  connection: Connection,
  names: ReadonlyArray<string>,
): Effect.fn.Return<Readonly<Record<string, string>>, PostgresError> {
  const rows = yield* onServer(
    "InstanceCluster.settings",
    connection,
    (sql) =>
      sql<{ name: string; setting: string }>`SELECT name, setting FROM pg_settings WHERE ${sql.in("name", names)}`,
  );
  return Object.fromEntries(rows.map(({ name, setting }) => [name, setting]));
});
