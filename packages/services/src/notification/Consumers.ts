/** The notification context on the bus: facts of orders, and who manages which brand. */
import { Consumer } from "@destiny/sdk/outbox";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import { decode, topics } from "./Messages.ts";
import { Notifications } from "./Notifications.ts";

export const layer = Layer.effectDiscard(
  Effect.gen(function* () {
    const { commit } = yield* Notifications;
    yield* Consumer.run({
      group: "notification",
      topics,
      decode,
      commit,
      minBatchGapMillis: Consumer.unhurriedGapMillis,
    });
  }),
);
