/** The coupon context on the bus: what the saga commands. */
import { Consumer } from "@destiny/sdk/outbox";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import { Topics } from "../contracts/index.ts";
import { Coupons } from "./Coupons.ts";
import { decode } from "./Messages.ts";

export const topics = [Topics.couponCommands];

export const layer = Layer.effectDiscard(
  Effect.gen(function* () {
    const { commit } = yield* Coupons;
    yield* Consumer.run({ group: "coupon", topics, decode, commit });
  }),
);
