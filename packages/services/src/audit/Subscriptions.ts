/**
 * Who takes what: each consumer of the shop with its topics and the message types that it applies.
 *
 * Derived from the consumers' own decoders, so that a new message type cannot be forgotten here.
 */
import { Message } from "@destiny/sdk/message";
import { SagaRegistry } from "@destiny/sdk/saga";
import * as Brand from "../brand/Messages.ts";
import { Topics } from "../contracts/index.ts";
import * as Coupon from "../coupon/Consumers.ts";
import { decode as decodeCoupon } from "../coupon/Messages.ts";
import * as Notification from "../notification/Messages.ts";
import * as Order from "../order/Consumers.ts";
import * as Payment from "../payment/Consumers.ts";
import { types as paymentTypes } from "../payment/Messages.ts";
import * as Product from "../product/Consumers.ts";
import * as Definitions from "../saga/Definitions.ts";
import * as Stock from "../stock/Consumers.ts";
import { decode as decodeStock } from "../stock/Messages.ts";
import * as User from "../user/Messages.ts";
import type { Publishing } from "./Sources.ts";

export interface Subscription {
  readonly group: string;
  /** Whose database holds its inbox. */
  readonly service: Publishing;
  readonly topics: ReadonlySet<string>;
  readonly takes: (type: string) => boolean;
}

const of = (
  service: Publishing,
  topics: ReadonlyArray<{ readonly name: string }>,
  types: ReadonlySet<string>,
): Subscription => ({
  group: service,
  service,
  topics: new Set(topics.map(({ name }) => name)),
  takes: (type) => types.has(type),
});

const sagaEvents = SagaRegistry.make(Definitions.all({ paymentMillis: 0, holdMillis: 0 }));

export const subscriptions: ReadonlyArray<Subscription> = [
  of("order", [Topics.orderCommands], Order.decode.types),
  {
    group: "saga",
    service: "saga",
    topics: new Set([Topics.sagaReplies, ...sagaEvents.eventTopics].map(({ name }) => name)),
    takes: (type) => type.endsWith(Message.replySuffix) || sagaEvents.listening(type) !== undefined,
  },
  of("brand", Brand.topics, Brand.decode.types),
  of("payment", Payment.topics, paymentTypes),
  of("notification", Notification.topics, Notification.decode.types),
  of("coupon", Coupon.topics, decodeCoupon.types),
  of("stock", Stock.topics, decodeStock.types),
  of("user", User.topics, User.decode.types),
  of("product", Product.topics, Product.decode.types),
];
