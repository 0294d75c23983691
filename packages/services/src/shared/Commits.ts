/** A machine over its service's own database, with what is read beside it: what HTTP API and consumers have in common. */
import { GroupCommit, type MachineStore } from "@destiny/sdk/machine";
import * as Effect from "effect/Effect";
import * as SqlClient from "effect/sql/SqlClient";

export interface Options<Key extends string, State, Input, Output, Rejection, Read> extends Omit<
  GroupCommit.Options<Key, State, Input, Output, Rejection>,
  "store"
> {
  readonly store: (sql: SqlClient.SqlClient) => MachineStore.MachineStore<Key, State, Input, Output, Rejection>;
  /** Reads outside of any group. */
  readonly read: (sql: SqlClient.SqlClient) => Read;
}

export const make = Effect.fnUntraced(function* <Key extends string, State, Input, Output, Rejection, Read>({
  read,
  store,
  ...options
}: Options<Key, State, Input, Output, Rejection, Read>) {
  const sql = yield* SqlClient.SqlClient;
  return { commit: yield* GroupCommit.make({ ...options, store: store(sql) }), read: read(sql) };
});
