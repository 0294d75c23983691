/** The orchestrator, wired. */
import { Consumer } from "@destiny/sdk/outbox";
import { SagaEngine, SagaMigrations, SagaStore } from "@destiny/sdk/saga";
import { type Health, Service } from "@destiny/sdk/service";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import type * as SqlClient from "effect/sql/SqlClient";
import { SagaApi, Topics } from "../contracts/index.ts";
import * as Foundation from "../shared/Foundation.ts";
import * as Retention from "../shared/Retention.ts";
import * as Definitions from "./Definitions.ts";
import * as Handlers from "./Handlers.ts";

/** The engine looks at live sagas when it is built, so the tables come first. */
const engine = Layer.unwrap(
  Effect.gen(function* () {
    yield* Foundation.migrate(SagaMigrations.migrations);
    return SagaEngine.SagaEngine.layer({ definitions: yield* Definitions.configured, replies: Topics.sagaReplies });
  }),
).pipe(Layer.provideMerge(SagaStore.SagaStore.layer));

const consumer = Layer.effectDiscard(
  Effect.gen(function* () {
    const { commit, consumer: group, decode, topics } = yield* SagaEngine.SagaEngine;
    yield* Consumer.run({ group, topics, commit, decode });
  }),
);

class DefinitionMissing extends Error {
  override readonly name = "DefinitionMissing";
  constructor() {
    super("a live saga needs a definition version that this process does not have");
  }
}

const definitionsKnown: Effect.Effect<void, DefinitionMissing, SagaEngine.SagaEngine> = Effect.gen(function* () {
  const { ready } = yield* SagaEngine.SagaEngine;
  if (!(yield* ready)) return yield* Effect.fail(new DefinitionMissing());
});

const checks: ReadonlyArray<Health.Check<SqlClient.SqlClient | SagaEngine.SagaEngine>> = [
  ...Foundation.checks,
  { name: "definitions", check: definitionsKnown },
];

export const layer = (port: number) =>
  Service.layer({
    name: "saga",
    port,
    routes: Foundation.api(SagaApi).pipe(Layer.provide(Handlers.layer), Layer.provide(Foundation.auth)),
    workers: Layer.mergeAll(consumer, Foundation.workers, Retention.sagas),
    checks,
  }).pipe(Layer.provide(engine), Layer.provide(Foundation.database("saga")));
