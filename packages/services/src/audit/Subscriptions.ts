/**
 * Who takes what: each consumer of the shop with its topics and the message types that it applies.
 *
 * Derived from the consumers' own decoders, so that a new message type cannot be forgotten here.
 */
import { Topics } from "../contracts/index.ts";
import * as Order from "../order/Consumers.ts";
import * as Product from "../product/Consumers.ts";
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

export const subscriptions: ReadonlyArray<Subscription> = [
  of("order", [Topics.orderCommands], Order.decode.types),
  of("product", [Topics.productCommands, Topics.stockEvents], Product.decode.types),
];
