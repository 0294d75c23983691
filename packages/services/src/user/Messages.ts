/** What the user context hears of orders. */
import { Consumer } from "@destiny/sdk/outbox";
import { OrderCanceled, OrderCompleted, Topics } from "../contracts/index.ts";
import type { PurchaseInput } from "./Domain.ts";

export const topics = [Topics.orderEvents];

export const decode = Consumer.decoder<PurchaseInput>([
  Consumer.on(OrderCompleted, ({ amount, userId }) => ({ _tag: "Bought", amount, userId })),
  Consumer.on(OrderCanceled, ({ amount, userId }) => ({ _tag: "GaveBack", amount, userId })),
]);
