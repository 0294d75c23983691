/** The payments of the shop: what the HTTP API, the consumers and the sweeper have in common. */
import { GroupCommit } from "@destiny/sdk/machine";
import { GatewayHealth, GatewayRouting, PaymentMachine, Payments, PaymentStore } from "@destiny/sdk/payment";
import * as Clock from "effect/Clock";
import * as Config from "effect/Config";
import * as Context from "effect/Context";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as SqlClient from "effect/sql/SqlClient";
import { decoder, emit } from "./Messages.ts";
import { Vendors } from "./Vendors.ts";

const millis = (name: string, standard: number) =>
  Config.Duration(name).pipe(Config.withDefault(Duration.millis(standard)), Config.map(Duration.toMillis));

/** How long an unknown attempt keeps an order at its gateway, and how long one that was given up is asked about. */
const limits = Config.all({
  settleMillis: millis("DESTINY_PAYMENT_SETTLE", Payments.defaultLimits.settleMillis),
  guardMillis: millis("DESTINY_PAYMENT_GUARD", Payments.defaultLimits.guardMillis),
});

const make = Effect.gen(function* () {
  const { candidates, maxTimeoutMillis } = yield* Vendors;
  const { snapshot } = yield* GatewayHealth.GatewayHealth;
  const clock = yield* Clock.Clock;
  const routing = yield* GatewayRouting.make(candidates);
  const commit = yield* GroupCommit.make({
    machine: PaymentMachine.machine,
    store: PaymentStore.make(yield* SqlClient.SqlClient),
    output: PaymentMachine.Output,
    rejection: PaymentMachine.Rejection,
    emit,
  });
  const payments = yield* Payments.make({
    commit,
    routing,
    // Nobody is asked about a confirm while its own answer may still come.
    limits: { ...(yield* limits), inquireAfterMillis: maxTimeoutMillis + 3000 },
  });
  const decode = decoder((orderId) => routing.first(orderId, clock.currentTimeMillisUnsafe()));
  return { commit, decode, candidates, health: snapshot, ...payments };
});

export class Desk extends Context.Service<Desk, Effect.Success<typeof make>>()("@destiny/services/payment/Desk") {
  static readonly layer = Layer.effect(Desk, make);
}
