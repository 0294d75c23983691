/** What the notification context hears. It tells nobody anything on the bus. */
import { Consumer } from "@destiny/sdk/outbox";
import {
  BrandCreated,
  BrandDeleted,
  BrandUpdated,
  OrderCanceled,
  OrderCancelFailed,
  OrderCanceledV1,
  OrderCancellationStarted,
  OrderCompleted,
  OrderCompletedV1,
  OrderFailed,
  ofVersion1,
  Topics,
} from "../contracts/index.ts";
import type { NotificationInput } from "./State.ts";

export const topics = [Topics.brandEvents, Topics.orderEvents];

export const decode = Consumer.decoder<NotificationInput>([
  Consumer.on(BrandCreated, (payload) => ({ _tag: "BrandTold", isRemoved: false, ...payload })),
  Consumer.on(BrandUpdated, (payload) => ({ _tag: "BrandTold", isRemoved: false, ...payload })),
  Consumer.on(BrandDeleted, (payload) => ({ _tag: "BrandTold", isRemoved: true, ...payload })),
  Consumer.on(OrderCompleted, (payload, { id: eventId }) => ({ _tag: "Completed", eventId, ...payload })),
  Consumer.on(OrderCanceled, (payload, { id: eventId }) => ({ _tag: "Canceled", eventId, ...payload })),
  Consumer.on(OrderCompletedV1, (payload, { id: eventId }) => ({ _tag: "Completed", eventId, ...ofVersion1(payload) })),
  Consumer.on(OrderCanceledV1, (payload, { id: eventId }) => ({ _tag: "Canceled", eventId, ...ofVersion1(payload) })),
  Consumer.on(OrderFailed, (payload, { id: eventId }) => ({ _tag: "Failed", eventId, ...payload })),
  Consumer.on(OrderCancelFailed, (payload, { id: eventId }) => ({ _tag: "CancelFailed", eventId, ...payload })),
  Consumer.on(OrderCancellationStarted, (payload, { id: eventId }) => ({
    _tag: "CancelRequested",
    eventId,
    ...payload,
  })),
]);
