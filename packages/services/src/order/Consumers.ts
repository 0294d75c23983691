/** The order context on the bus: what the saga commands. */
import { Consumer } from "@destiny/sdk/outbox";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import { AwaitPayment, CloseCancellation, CloseOrder, CompleteOrder, Topics } from "../contracts/index.ts";
import type { OrderInput } from "./Domain.ts";
import { Orders } from "./Orders.ts";

export const decode = Consumer.decoder<OrderInput>([
  Consumer.on(AwaitPayment, (payload) => ({ _tag: "AwaitPayment", ...payload })),
  Consumer.on(CompleteOrder, (payload) => ({ _tag: "Complete", ...payload })),
  Consumer.on(CloseOrder, (payload) => ({ _tag: "Close", ...payload })),
  Consumer.on(CloseCancellation, (payload) => ({ _tag: "CloseCancellation", ...payload })),
]);

export const layer = Layer.effectDiscard(
  Effect.gen(function* () {
    yield* Consumer.run({ group: "order", topics: [Topics.orderCommands], decode, commit: yield* Orders });
  }),
);
