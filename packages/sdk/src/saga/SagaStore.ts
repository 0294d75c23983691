/**
 * Where sagas live: one row each, and an append-only journal of every input that changed one.
 *
 * Guarantee: the journal row, the new state and the messages of a transition commit together. Limits: a journal is never
 * pruned here; `defaultListLimit` rows a page.
 */
import * as Context from "effect/Context";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as SqlClient from "effect/sql/SqlClient";
import type { Store } from "./SagaRows.ts";
import { makeMemory } from "./SagaStoreMemory.ts";
import { makeSql } from "./SagaStoreSql.ts";

export { defaultListLimit, type Filter, type Position, type SagaRow } from "./SagaRows.ts";

export class SagaStore extends Context.Service<SagaStore, Store>()("@destiny/sdk/saga/SagaStore") {
  /** PostgreSQL, in the ambient database; its tables come from `SagaMigrations`. */
  static readonly layer: Layer.Layer<SagaStore, never, SqlClient.SqlClient> = Layer.effect(
    SagaStore,
    Effect.map(SqlClient.SqlClient, (sql) => SagaStore.of(makeSql(sql))),
  );

  /** In this process; for tests and simulations. */
  static readonly layerMemory: Layer.Layer<SagaStore> = Layer.sync(SagaStore, () => SagaStore.of(makeMemory()));
}
