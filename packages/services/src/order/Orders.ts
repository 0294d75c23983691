/** The orders of the shop: what the HTTP API and the consumers have in common. */
import { GroupCommit } from "@destiny/sdk/machine";
import type { Delivery } from "@destiny/sdk/machine";
import * as Context from "effect/Context";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as SqlClient from "effect/sql/SqlClient";
import type { OrderId, OrderStatus } from "../contracts/index.ts";
import * as Waiters from "../shared/Waiters.ts";
import { machine, type OrderInput, OrderState, Rejection } from "./Domain.ts";
import { emit } from "./Messages.ts";
import * as Store from "./Store.ts";

const make = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient;
  const read = Store.read(sql);
  const waiters = yield* Waiters.make({ read: read.byIds });
  const commit = yield* GroupCommit.make({
    machine,
    store: Store.make(sql),
    output: OrderState,
    rejection: Rejection,
    emit,
  });
  return {
    submit: (input: Parameters<typeof commit.submit>[0]) =>
      Effect.tap(commit.submit(input), () => Effect.sync(() => waiters.notify([input.input.orderId]))),
    apply: (batch: ReadonlyArray<Delivery<OrderInput>>) =>
      Effect.tap(commit.apply(batch), () =>
        Effect.sync(() =>
          waiters.notify(batch.flatMap((one) => (one._tag === "Readable" ? [one.input.input.orderId] : []))),
        ),
      ),
    byId: (id: OrderId) => Effect.map(read.byIds([id]), (found) => found.get(id)),
    page: read.page,
    /** Holds the answer until the status is another one than `since`, or the wait is over. */
    awaitChange: (id: OrderId, since: OrderStatus, waitMillis: number) =>
      waiters.until({ id, holds: (order) => order?.status !== since, waitMillis }),
  };
});

export class Orders extends Context.Service<Orders, Effect.Success<typeof make>>()("@destiny/services/order/Orders") {
  static readonly layer = Layer.effect(Orders, make);
}
