/**
 * A private database in a running test cluster.
 *
 * Guarantee: no other test sees it; it is dropped when the layer's scope closes, whoever is still connected.
 *
 *     layer(TestDatabase.layer(inject("pgPort")))("orders", (it) => { … })
 */
import { randomUUID } from "node:crypto";
import * as PgClient from "@effect/sql-pg/PgClient";
import * as Context from "effect/Context";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Redacted from "effect/Redacted";
import type * as SqlClient from "effect/sql/SqlClient";
import type { SqlError } from "effect/sql/SqlError";
import { superuser } from "./TestCluster.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** Port of the test cluster of this run, given by `@destiny/testkit/vitest-setup`. */
    pgPort: number;
  }
}

export interface Options {
  /** Size of the pool. Default 8; the cluster has 300 connections for all tests that run at once. */
  readonly maxConnections?: number;
  /** Database to copy; nobody may be connected to it. Default: an empty one. */
  readonly template?: string;
}

/** Where the private database is, for child processes that connect by themselves. */
export class TestDatabase extends Context.Service<
  TestDatabase,
  { readonly port: number; readonly name: string; readonly url: string }
>()("@destiny/testkit/postgres/TestDatabase") {}

/** `postgres://…` of a database of a test cluster; there is no password. */
export const url = (port: number, database: string): string => `postgres://${superuser}@127.0.0.1:${port}/${database}`;

const client = (port: number, database: string, maxConnections: number) =>
  PgClient.layer({ url: Redacted.make(url(port, database)), maxConnections });

export const layer = (
  port: number,
  options: Options = {},
): Layer.Layer<PgClient.PgClient | SqlClient.SqlClient | TestDatabase, SqlError> =>
  Layer.unwrap(
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient;
      const name = `test_${randomUUID().replaceAll("-", "")}`;
      yield* Effect.acquireRelease(
        // On a RAM disk copying files beats writing them through the WAL threefold.
        sql`CREATE DATABASE ${sql(name)} TEMPLATE ${sql(options.template ?? "template0")} STRATEGY = FILE_COPY`,
        () =>
          sql`DROP DATABASE IF EXISTS ${sql(name)} WITH (FORCE)`.pipe(
            // A server that is gone took its databases along.
            Effect.catchReason("SqlError", "ConnectionError", () => Effect.void),
            Effect.orDie,
          ),
      );
      return Layer.mergeAll(
        client(port, name, options.maxConnections ?? 8),
        Layer.succeed(TestDatabase, TestDatabase.of({ port, name, url: url(port, name) })),
      );
    }),
  ).pipe(Layer.provide(client(port, "postgres", 1)));
