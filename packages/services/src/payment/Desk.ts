/** The payments of the shop: what the HTTP API, the consumers and the sweeper have in common. */
import { GroupCommit } from "@destiny/sdk/machine";
import { PaymentMachine, Payments, PaymentStore, Toss } from "@destiny/sdk/payment";
import * as Context from "effect/Context";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as SqlClient from "effect/sql/SqlClient";
import { emit } from "./Messages.ts";

const make = Effect.gen(function* () {
  const commit = yield* GroupCommit.make({
    machine: PaymentMachine.machine,
    store: PaymentStore.make(yield* SqlClient.SqlClient),
    output: PaymentMachine.Output,
    rejection: PaymentMachine.Rejection,
    emit,
  });
  const { timeoutMillis } = yield* Toss.config;
  // Nobody is asked about a confirm while its own answer may still come.
  const payments = yield* Payments.make({
    commit,
    limits: { inquireAfterMillis: (timeoutMillis ?? Toss.defaultTimeoutMillis) + 3000 },
  });
  return { commit, ...payments };
});

export class Desk extends Context.Service<Desk, Effect.Success<typeof make>>()("@destiny/services/payment/Desk") {
  static readonly layer = Layer.effect(Desk, make);
}
