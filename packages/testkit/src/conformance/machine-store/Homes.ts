/** The two homes that the states of a store usually have. */
import { Database } from "@destiny/sdk/machine";
import { Inbox, Outbox, Tables } from "@destiny/sdk/outbox";
import { Migrations } from "@destiny/sdk/sql";
import * as PgClient from "@effect/sql-pg/PgClient";
import * as Context from "effect/Context";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Redacted from "effect/Redacted";
import * as SqlClient from "effect/sql/SqlClient";
import type { SqlError } from "effect/sql/SqlError";
import * as TestDatabase from "../../postgres/TestDatabase.ts";
import type { Home, Standing } from "./Subject.ts";

const source = "destiny/suite";

/** This process. There is only one connection: every instance is the same. */
export const memory = <Store>(make: () => Store): Home<Store, Standing, never> => {
  const store = make();
  return {
    layer: Layer.mergeAll(Database.Database.layerMemory, Inbox.layerMemory, Outbox.layerMemory({ source })).pipe(
      Layer.fresh,
    ),
    instance: Effect.map(Effect.context<Standing>(), (services) => ({ store, services })),
  };
};

type Test = PgClient.PgClient | SqlClient.SqlClient | TestDatabase.TestDatabase;

/** A database of its own in the test cluster that listens on `port`; each instance has its own pool and lane. */
export const postgres = <Store>(options: {
  readonly port: number;
  readonly migrations: ReadonlyArray<Migrations.Migrations>;
  readonly store: (sql: SqlClient.SqlClient) => Store;
}): Home<Store, Test, unknown> => ({
  layer: Layer.effectDiscard(
    Effect.andThen(Migrations.run([Tables.migrations, ...options.migrations]), Tables.ensurePartitions),
  ).pipe(Layer.provideMerge(TestDatabase.layer(options.port))),
  instance: Effect.gen(function* () {
    const { url } = yield* TestDatabase.TestDatabase;
    const pool: Layer.Layer<PgClient.PgClient | SqlClient.SqlClient, SqlError> = PgClient.layer({
      url: Redacted.make(url),
      maxConnections: 4,
    });
    const standing = Layer.mergeAll(Inbox.layer, Outbox.layer({ source })).pipe(
      Layer.provideMerge(Database.Database.layer),
      Layer.provideMerge(pool),
    );
    const services = yield* Layer.build(Layer.fresh(standing));
    return { store: options.store(Context.get(services, SqlClient.SqlClient)), services };
  }),
});
