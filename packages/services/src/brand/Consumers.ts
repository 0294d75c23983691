/** The brand context on the bus: what was sold, and what was given back. */
import { Consumer } from "@destiny/sdk/outbox";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import { Brands } from "./Brands.ts";
import { decode, topics } from "./Messages.ts";

export const layer = Layer.effectDiscard(
  Effect.gen(function* () {
    const { commit } = yield* Brands;
    yield* Consumer.run({ group: "brand", topics, decode, commit, minBatchGapMillis: Consumer.unhurriedGapMillis });
  }),
);
