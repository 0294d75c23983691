/** What the user context hears of orders. */
import { Consumer } from "@destiny/sdk/outbox";
import { OrderCanceled, OrderCanceledV1, OrderCompleted, OrderCompletedV1, Topics } from "../contracts/index.ts";
import type { PurchaseInput, Sold } from "./Domain.ts";

export const topics = [Topics.orderEvents];

const bought = ({ amount, orderId, userId }: Sold): PurchaseInput => ({ _tag: "Bought", amount, orderId, userId });
const gaveBack = ({ amount, orderId, userId }: Sold): PurchaseInput => ({ _tag: "GaveBack", amount, orderId, userId });

export const decode = Consumer.decoder<PurchaseInput>([
  Consumer.on(OrderCompleted, bought),
  Consumer.on(OrderCompletedV1, bought),
  Consumer.on(OrderCanceled, gaveBack),
  Consumer.on(OrderCanceledV1, gaveBack),
]);
