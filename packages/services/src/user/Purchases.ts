/** What users have bought for: kept from the bus, read with their profiles. */
import { GroupCommit, type Machine, MachineStore } from "@destiny/sdk/machine";
import { Consumer } from "@destiny/sdk/outbox";
import { Bulk } from "@destiny/sdk/sql";
import * as Context from "effect/Context";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Schema from "effect/Schema";
import * as SqlClient from "effect/sql/SqlClient";
import type { UserId } from "../contracts/index.ts";
import { machine, Purchases as State, type PurchaseInput } from "./Domain.ts";
import { decode, topics } from "./Messages.ts";

export const tables = `
CREATE TABLE user_purchases (
  user_id uuid PRIMARY KEY,
  version int NOT NULL,
  total bigint NOT NULL CHECK (total >= 0)
) WITH (fillfactor = 80);

`;

interface Row {
  readonly user_id: string;
  readonly version: number;
  readonly total: bigint;
}

const table = {
  name: "user_purchases",
  key: ["user_id"],
  columns: { user_id: "uuid", version: "int4", total: "int8" },
} as const;

const decodeState = Schema.decodeUnknownSync(State);

const rowOf = ({ state, version }: Machine.Versioned<State>) => ({
  user_id: state.userId,
  version,
  total: state.total,
});

type Store = MachineStore.MachineStore<UserId, State, PurchaseInput, State, never>;

export const makeStore = (sql: SqlClient.SqlClient): Store => ({
  load: (ids) =>
    Effect.map(
      sql<Row>`SELECT * FROM user_purchases WHERE user_id = ${Bulk.any(sql, "uuid", ids)}
        ORDER BY user_id FOR NO KEY UPDATE`,
      (rows) =>
        new Map(
          rows.map(({ total, user_id: id, version }) => {
            const state = decodeState({ userId: id, total: Number(total) });
            return [state.userId, { version, state }] as const;
          }),
        ),
    ),
  write: ({ changes }) => MachineStore.stateWrites(sql, table, MachineStore.changedRows(changes, rowOf)),
  guard: (versions) => [MachineStore.stateGuard(sql, table, versions)],
});

const make = Effect.gen(function* () {
  const store = makeStore(yield* SqlClient.SqlClient);
  return { commit: yield* GroupCommit.make({ machine, store, output: State, rejection: Schema.Never }) };
});

export class Purchases extends Context.Service<Purchases, Effect.Success<typeof make>>()(
  "@destiny/services/user/Purchases",
) {
  static readonly layer = Layer.effect(Purchases, make);
}

export const consumer = Layer.effectDiscard(
  Effect.gen(function* () {
    const { commit } = yield* Purchases;
    yield* Consumer.run({ group: "user", topics, decode, commit });
  }),
);
