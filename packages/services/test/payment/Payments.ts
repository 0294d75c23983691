/** What the tests of the payment service have in common: the service, and orders to pay. */
import { Ids } from "@destiny/sdk/message";
import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import { OpenPayment, OrderId, Won } from "../../src/contracts/index.ts";
import * as Payment from "../../src/payment/layer.ts";
import * as ServiceTest from "../shared/ServiceTest.ts";
import type { Shopper } from "../shared/TestTokens.ts";

/** Whatever is sent to a gateway is not sent: nobody listens there. */
export const settings = { TOSS_BASE_URL: "http://127.0.0.1:9", TOSS_SECRET_KEY: "test_sk_nobody" };

export const service = ServiceTest.layer("payment", Payment.layer, { settings });

export const newId = Effect.map(Ids.fresh, (id) => OrderId.make(id));

/** Opens the payment of a new order, as the saga does. */
export const opened = Effect.fnUntraced(function* (buyer: Shopper, amount = 3000) {
  const { bus } = yield* ServiceTest.ServiceTest;
  const orderId = yield* newId;
  const until = (yield* Clock.currentTimeMillis) + 60_000;
  yield* bus.ask(OpenPayment, { orderId, userId: buyer.userId, orderName: "socks", amount: Won.make(amount), until });
  return orderId;
});
