/** The payment context on the bus, and the sweeper that leaves no attempt without an outcome. */
import { Consumer } from "@destiny/sdk/outbox";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import { Topics } from "../contracts/index.ts";
import { Desk } from "./Desk.ts";

export const topics = [Topics.paymentCommands];

export const layer = Layer.effectDiscard(
  Effect.gen(function* () {
    const { commit, decode, sweeper } = yield* Desk;
    yield* Consumer.run({ group: "payment", topics, decode, commit });
    yield* Effect.forkScoped(sweeper);
  }),
);
