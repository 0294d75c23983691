/** The orchestrator over HTTP: see contracts/saga.api.ts. */
import { Auth, IdempotencyKey } from "@destiny/sdk/http";
import { SagaEngine, SagaHistory, type SagaState, SagaStore } from "@destiny/sdk/saga";
import * as Effect from "effect/Effect";
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder";
import * as Layer from "effect/Layer";
import * as Schema from "effect/Schema";
import { OrderId, type SagaAction, SagaActionNotApplicable, SagaApi, SagaNotFound } from "../contracts/index.ts";
import * as Submission from "../shared/Submission.ts";
import * as DeadLetterDesk from "../shared/DeadLetterDesk.ts";

const actions: Readonly<Record<SagaAction, SagaState.Action>> = {
  retry: "Retry",
  skip: "Skip",
  compensate: "Compensate",
};

const hasOrder = Schema.is(Schema.Struct({ orderId: OrderId }));

/** Without its data, which may say who buys what; only the order is named. */
const shown = <Saga extends SagaHistory.Summary>({ data, ...saga }: Saga) => ({
  ...saga,
  orderId: hasOrder(data) ? data.orderId : null,
});

const problemOf = ({ reason }: SagaState.SagaRejected): SagaNotFound | SagaActionNotApplicable =>
  reason._tag === "NotApplicable" ? new SagaActionNotApplicable({ situation: reason.situation }) : new SagaNotFound({});

const own = HttpApiBuilder.group(SagaApi, "sagas", (handlers) =>
  Effect.gen(function* () {
    const engine = yield* SagaEngine.SagaEngine;
    const store = yield* SagaStore.SagaStore;
    const stored = Effect.provideService(SagaStore.SagaStore, store);
    const history = Effect.fnUntraced(function* (id: string) {
      const found = yield* Effect.orDie(stored(SagaHistory.history(id)));
      return found === undefined ? yield* new SagaNotFound({}) : shown(found);
    });
    return handlers.handleAll({
      list: Effect.fn("saga.list")(function* ({ query }) {
        const { cursor, key, limit, status } = query;
        const page = yield* Effect.orDie(stored(SagaHistory.list({ status, key, after: cursor, limit })));
        return { items: page.items.map(shown), nextCursor: page.next };
      }),
      show: Effect.fn("saga.show")(({ params: { definition, key } }) => history(`${definition}/${key}`)),
      operate: Effect.fn("saga.operate")(function* ({ headers, params, payload }) {
        const { userId } = yield* Auth.CurrentPrincipal;
        const sagaId = `${params.definition}/${params.key}`;
        const identity = yield* IdempotencyKey.identify({ userId, key: headers["idempotency-key"] });
        yield* engine
          .operate(sagaId, actions[params.action], {
            id: identity.inputId,
            fingerprint: identity.fingerprint,
            actor: userId,
            note: payload.note,
          })
          .pipe(
            Effect.catchTags({
              SagaRejected: (rejected) => Effect.fail(problemOf(rejected)),
              GroupCommitError: Submission.problemOf,
            }),
          );
        return yield* history(sagaId);
      }),
    });
  }),
);

const desk = Effect.gen(function* () {
  const { commit, consumer, decode } = yield* SagaEngine.SagaEngine;
  return yield* DeadLetterDesk.make({ consumer, decode, commit });
});

const deadLetters = HttpApiBuilder.group(SagaApi, "deadLetters", (handlers) =>
  Effect.map(desk, (all) => handlers.handleAll(all)),
);

const outside = HttpApiBuilder.group(SagaApi, "sagaDeadLetters", (handlers) =>
  Effect.map(desk, ({ list }) => handlers.handleAll({ list })),
);

export const layer = Layer.mergeAll(own, outside, deadLetters);
