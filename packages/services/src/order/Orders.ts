/** The orders of the shop: what the HTTP API and the consumers have in common. */
import { GroupCommit } from "@destiny/sdk/machine";
import * as Context from "effect/Context";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as SqlClient from "effect/sql/SqlClient";
import type { SqlError } from "effect/sql/SqlError";
import type { OrderId } from "../contracts/index.ts";
import * as Waiters from "../shared/Waiters.ts";
import { machine, OrderState, Rejection } from "./Domain.ts";
import { emit } from "./Messages.ts";
import * as Store from "./Store.ts";

/** The bounds of the queue before the database; a test makes them narrow. */
export const Limits = Context.Reference<Partial<GroupCommit.Limits>>("@destiny/services/order/Orders/Limits", {
  defaultValue: () => ({}),
});

const make = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient;
  const read = Store.read(sql);
  const waiters = yield* Waiters.make<OrderId, OrderState, SqlError>({
    read: read.byIds,
    recall: (id, maxAgeMillis) => commit.recall(id, maxAgeMillis),
  });
  const commit = yield* GroupCommit.make({
    machine,
    store: Store.make(sql),
    output: OrderState,
    rejection: Rejection,
    emit,
    limits: yield* Limits,
    onCommit: (states) => waiters.notify([...states].map(([id, { state }]) => [id, state] as const)),
  });
  return {
    submit: commit.submit,
    apply: commit.apply,
    byId: (id: OrderId) => Effect.map(read.byIds([id]), (found) => found.get(id)),
    page: read.page,
    /** Answers the order as soon as it is not `unchanged` any more, or when the wait is over. */
    awaitChange: (id: OrderId, unchanged: (order: OrderState) => boolean, waitMillis: number) =>
      waiters.until({ id, holds: (order) => order === undefined || !unchanged(order), waitMillis }),
  };
});

export class Orders extends Context.Service<Orders, Effect.Success<typeof make>>()("@destiny/services/order/Orders") {
  static readonly layer = Layer.effect(Orders, make);
}
