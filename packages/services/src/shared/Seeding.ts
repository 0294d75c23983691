/** Rows for rehearsals, many at once, straight into a service's own tables. */
import { Bulk } from "@destiny/sdk/sql";
import * as Effect from "effect/Effect";
import * as SqlClient from "effect/sql/SqlClient";
import type { SqlError } from "effect/sql/SqlError";

/** What exists stays as it is, whatever it has become since: seeding twice changes nothing. */
export const insertMissing = <Row extends object>(
  table: Bulk.Table<Row>,
  rows: ReadonlyArray<Row>,
): Effect.Effect<void, SqlError, SqlClient.SqlClient> =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient;
    yield* sql`${Bulk.insert(sql, table, rows)} ON CONFLICT DO NOTHING`;
  });
