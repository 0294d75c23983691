/** The notifications of the shop: what the HTTP API, the consumer and the dispatcher have in common. */
import * as Context from "effect/Context";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Queue from "effect/Queue";
import * as Commits from "../shared/Commits.ts";
import { machine } from "./Domain.ts";
import { Answer, Rejection } from "./State.ts";
import * as Store from "./Store.ts";

const make = Effect.gen(function* () {
  const woken = yield* Queue.sliding<void>(1);
  const notifications = yield* Commits.make({
    machine,
    store: Store.make,
    read: Store.read,
    output: Answer,
    rejection: Rejection,
    onCommit: (states) => {
      for (const { state } of states.values()) {
        if (state._tag === "Delivery" && state.status === "PENDING") return void Queue.offerUnsafe(woken, undefined);
      }
    },
  });
  return {
    ...notifications,
    /** Returns when something was recorded here that waits to be sent. */
    somethingWaits: Queue.take(woken),
  };
});

export class Notifications extends Context.Service<Notifications, Effect.Success<typeof make>>()(
  "@destiny/services/notification/Notifications",
) {
  static readonly layer = Layer.effect(Notifications, make);
}
