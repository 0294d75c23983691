/** What users have bought for: kept from the bus, read with their profiles. */
import { GroupCommit, type Machine } from "@destiny/sdk/machine";
import { Consumer } from "@destiny/sdk/outbox";
import * as Context from "effect/Context";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Schema from "effect/Schema";
import * as SqlClient from "effect/sql/SqlClient";
import * as KindStore from "../shared/KindStore.ts";
import { Answer, Counted, type Key, machine, Purchases as Sum, type PurchaseInput, type State } from "./Domain.ts";
import { decode, topics } from "./Messages.ts";

export const tables = `
CREATE TABLE user_purchases (
  user_id uuid PRIMARY KEY,
  version int NOT NULL,
  total bigint NOT NULL CHECK (total >= 0)
) WITH (fillfactor = 80);

`;

export const orderTables = `
CREATE TABLE user_purchase (
  order_id uuid PRIMARY KEY,
  version int NOT NULL,
  amount bigint NOT NULL,
  is_back boolean NOT NULL
) WITH (fillfactor = 90);

`;

interface SumRow {
  readonly user_id: string;
  readonly version: number;
  readonly total: bigint;
}

interface OrderRow {
  readonly order_id: string;
  readonly version: number;
  readonly amount: bigint;
  readonly is_back: boolean;
}

const decodeSum = Schema.decodeUnknownSync(Sum);
const decodeOrder = Schema.decodeUnknownSync(Counted);

const kinds = [
  KindStore.kind({
    prefix: "user",
    tag: "Purchases",
    table: {
      name: "user_purchases",
      key: ["user_id"],
      columns: { user_id: "uuid", version: "int4", total: "int8" },
    } as const,
    stateOf: ({ total, user_id: userId }: SumRow) => decodeSum({ _tag: "Purchases", userId, total: Number(total) }),
    rowOf: ({ state, version }: Machine.Versioned<Sum>) => ({ user_id: state.userId, version, total: state.total }),
  }),
  KindStore.kind({
    prefix: "order",
    tag: "Counted",
    table: {
      name: "user_purchase",
      key: ["order_id"],
      columns: { order_id: "uuid", version: "int4", amount: "int8", is_back: "bool" },
    } as const,
    stateOf: ({ amount, is_back: isBack, order_id: orderId }: OrderRow) =>
      decodeOrder({ _tag: "Counted", orderId, amount: Number(amount), isBack }),
    rowOf: ({ state, version }: Machine.Versioned<Counted>) => ({
      order_id: state.orderId,
      version,
      amount: state.amount,
      is_back: state.isBack,
    }),
  }),
];

export const makeStore = (sql: SqlClient.SqlClient) =>
  KindStore.make<Key, State, PurchaseInput, Answer, never>(sql, kinds);

const make = Effect.gen(function* () {
  const store = makeStore(yield* SqlClient.SqlClient);
  return { commit: yield* GroupCommit.make({ machine, store, output: Answer, rejection: Schema.Never }) };
});

export class Purchases extends Context.Service<Purchases, Effect.Success<typeof make>>()(
  "@destiny/services/user/Purchases",
) {
  static readonly layer = Layer.effect(Purchases, make);
}

export const consumer = Layer.effectDiscard(
  Effect.gen(function* () {
    const { commit } = yield* Purchases;
    yield* Consumer.run({ group: "user", topics, decode, commit, minBatchGapMillis: Consumer.unhurriedGapMillis });
  }),
);
