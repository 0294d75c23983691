/** The orchestrator over HTTP: see contracts/saga.api.ts. */
import { SagaHistory, SagaStore } from "@destiny/sdk/saga";
import * as Effect from "effect/Effect";
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder";
import { SagaApi, SagaNotFound } from "../contracts/index.ts";

export const layer = HttpApiBuilder.group(SagaApi, "sagas", (handlers) =>
  Effect.gen(function* () {
    const store = yield* SagaStore.SagaStore;
    const stored = Effect.provideService(SagaStore.SagaStore, store);
    return handlers.handleAll({
      list: Effect.fn("saga.list")(function* ({ query }) {
        const { cursor, key, limit, status } = query;
        const page = yield* Effect.orDie(stored(SagaHistory.list({ status, key, after: cursor, limit })));
        return { items: page.items, nextCursor: page.next };
      }),
      show: Effect.fn("saga.show")(function* ({ params }) {
        const found = yield* Effect.orDie(stored(SagaHistory.history(`${params.definition}/${params.key}`)));
        return found ?? (yield* new SagaNotFound({}));
      }),
    });
  }),
);
