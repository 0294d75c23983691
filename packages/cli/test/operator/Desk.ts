/** An instance whose services are played here, behind the contracts and the authentication of the real ones. */
import { Auth, Token, TokenVerifier } from "@destiny/sdk/http";
import { Service } from "@destiny/sdk/service";
import { tokenNames } from "@destiny/services/catalogue";
import {
  type DeadLetter,
  OrderId,
  Payments,
  PaymentNotFound,
  type PaymentRoute,
  DeadLetters,
  DeadLetterUnknown,
  type SagaHistory,
  SagaActionNotApplicable,
  SagaNotFound,
  Sagas,
} from "@destiny/services/contracts";
import * as Effect from "effect/Effect";
import * as HttpApi from "effect/http-api/HttpApi";
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder";
import * as Layer from "effect/Layer";
import * as Redacted from "effect/Redacted";
import * as References from "effect/References";
import { instancePaths } from "../../src/instance/Home.ts";
import { type Instance, openInstance } from "../../src/instance/InstanceFile.ts";
import { acquire } from "../../src/instance/InstanceLock.ts";
import { freePortOffset } from "../../src/instance/Ports.ts";
import { system } from "../../src/instance/ProcessTable.ts";
import { portOf, portsOf } from "../../src/supervisor/Topology.ts";

export type Letter = typeof DeadLetter.Type;
type History = typeof SagaHistory.Type;

/** Not `default`: its ports are those of a shop that a developer may have running. */
export const name = "desk-test";

export const letter: Letter = {
  id: "0190a000-0000-7000-8000-00000000dead",
  type: "stock.hold.v1",
  topic: "stock.commands",
  key: "order-1",
  reason: "Expected a number",
  status: "parked",
  attempts: 1,
  since: Date.parse("2026-01-01T00:00:00Z"),
};

export const stuck: History = {
  id: "cancel-order/cancellation-1",
  definition: "cancel-order",
  definitionVersion: 1,
  key: "cancellation-1",
  orderId: OrderId.make("0190a000-0000-7000-8000-000000000001"),
  status: "stuck",
  step: "refund payment",
  nextWakeAt: null,
  startedAt: Date.parse("2026-01-01T00:00:00Z"),
  endedAt: null,
  failure: null,
  stuck: { reason: "the bank refuses", since: Date.parse("2026-01-01T00:01:00Z") },
  steps: [],
  journal: [],
};

const deskApi = HttpApi.make("desk").add(DeadLetters);
const sagaApi = HttpApi.make("sagas").add(Sagas);
const paymentApi = HttpApi.make("payments").add(Payments);

const quiet = Effect.provideService(References.MinimumLogLevel, "Error");

const authOf = Effect.fnUntraced(function* (instance: Instance) {
  const privateJwk = Redacted.make(instance.secrets.userPrivateJwk);
  const { jwks } = yield* Token.makeSigner({ ...tokenNames, privateJwk });
  return Auth.layer.pipe(Layer.provide(TokenVerifier.TokenVerifier.layerJwks({ ...tokenNames, jwks })));
});

/** A stock service with that one letter. Answers what was done to it and by whom. */
export const stock = Effect.fnUntraced(function* (instance: Instance) {
  const done: Array<string> = [];
  let letters: ReadonlyArray<Letter> = [letter];
  const act = Effect.fnUntraced(function* (action: string, id: string, waiting: number) {
    if (!letters.some((one) => one.id === id)) return yield* new DeadLetterUnknown({});
    done.push(`${action} by ${(yield* Auth.CurrentPrincipal).userId}`);
    return { applied: 0, waiting, reason: waiting === 0 ? null : "still no number" };
  });
  const handlers = HttpApiBuilder.group(deskApi, "deadLetters", (all) =>
    all.handleAll({
      list: ({ query }) =>
        Effect.succeed({ items: letters.filter(({ status }) => status === query.status), nextCursor: null }),
      show: ({ params }) =>
        params.id === letter.id
          ? Effect.succeed({ ...letter, data: { lines: "x" } })
          : Effect.fail(new DeadLetterUnknown({})),
      retry: ({ params }) => act("retry", params.id, 1),
      drop: ({ params }) =>
        Effect.tap(act("drop", params.id, 0), () =>
          Effect.sync(() => (letters = letters.map((one) => ({ ...one, status: "dropped" })))),
        ),
    }),
  );
  yield* Service.make({
    name: "stock",
    port: portOf(instance, "stock") ?? 0,
    routes: HttpApiBuilder.layer(deskApi).pipe(Layer.provide(handlers), Layer.provide(yield* authOf(instance))),
  }).pipe(quiet);
  return done;
});

const placed: History = {
  ...stuck,
  id: `place-order/${stuck.orderId}`,
  definition: "place-order",
  key: String(stuck.orderId),
  status: "completed",
  step: null,
  endedAt: stuck.startedAt,
  stuck: null,
};

/** An orchestrator with one stuck saga and the one that placed its order; `count` others under keys of their own besides. */
export const orchestrator = Effect.fnUntraced(function* (instance: Instance, count = 0) {
  const all = [
    stuck,
    placed,
    ...Array.from({ length: count }, (_, i): History => ({ ...stuck, id: `x/${i}`, key: `${i}` })),
  ];
  const journal: Array<History["journal"][number]> = [];
  const found = (id: string) => {
    const saga = all.find((one) => one.id === id);
    return saga === undefined ? Effect.fail(new SagaNotFound({})) : Effect.succeed({ ...saga, journal });
  };
  const handlers = HttpApiBuilder.group(sagaApi, "sagas", (group) =>
    group.handleAll({
      list: ({ query: { cursor, key, limit, status } }) => {
        const matching = all.filter((one) => (status ?? one.status) === one.status && (key ?? one.key) === one.key);
        const from = cursor === undefined ? 0 : matching.findIndex(({ id }) => id === cursor.id) + 1;
        const items = matching.slice(from, from + limit);
        const last = items.at(-1);
        const nextCursor =
          last === undefined || from + limit >= matching.length ? null : { id: last.id, startedAt: last.startedAt };
        return Effect.succeed({ items, nextCursor });
      },
      show: ({ params }) => found(`${params.definition}/${params.key}`),
      operate: Effect.fnUntraced(function* ({ headers, params, payload }) {
        if (params.action === "compensate") return yield* new SagaActionNotApplicable({ situation: "past the pivot" });
        const { userId } = yield* Auth.CurrentPrincipal;
        const by = { actor: userId, note: payload.note };
        const [version, inputId] = [journal.length + 1, headers["idempotency-key"]];
        journal.push({ version, inputId, kind: params.action, at: stuck.startedAt, emitted: [], by });
        return yield* found(`${params.definition}/${params.key}`);
      }),
    }),
  );
  yield* Service.make({
    name: "saga",
    port: portOf(instance, "saga") ?? 0,
    routes: HttpApiBuilder.layer(sagaApi).pipe(Layer.provide(handlers), Layer.provide(yield* authOf(instance))),
  }).pipe(quiet);
});

const nobodyAsks = () => Effect.die(new Error("no operator asks for this"));

export const moved: PaymentRoute = {
  orderId: OrderId.make("0190a000-0000-7000-8000-000000000001"),
  status: "CAPTURED",
  provider: "PORTONE",
  routes: [
    {
      provider: "TOSSPAYMENTS",
      at: stuck.startedAt,
      why: "opened",
      considered: [{ provider: "TOSSPAYMENTS", weight: 1, finding: "well", share: 0.5 }],
    },
    { provider: "PORTONE", at: stuck.startedAt, why: "unknown", considered: [] },
  ],
  attempts: [
    {
      no: 1,
      provider: "TOSSPAYMENTS",
      status: "voided",
      code: "no answer",
      startedAt: stuck.startedAt,
      abandonedAt: stuck.startedAt,
      observedAt: stuck.startedAt,
      settledAt: stuck.startedAt,
      nextActionAt: null,
    },
  ],
};

/** A payment service with that one order, and one gateway that is not well. */
export const payments = Effect.fnUntraced(function* (instance: Instance) {
  const handlers = HttpApiBuilder.group(paymentApi, "payments", (all) =>
    all.handleAll({
      confirm: nobodyAsks,
      checkout: nobodyAsks,
      get: nobodyAsks,
      list: nobodyAsks,
      reissue: nobodyAsks,
      route: ({ params }) =>
        params.orderId === moved.orderId ? Effect.succeed(moved) : Effect.fail(new PaymentNotFound({})),
      gateways: () => {
        const confirm = { state: "open", calls: 6, failed: 5, until: stuck.startedAt } as const;
        return Effect.succeed({
          items: [{ provider: "TOSSPAYMENTS" as const, weight: 2, confirm, inquire: null, cancel: null }],
        });
      },
    }),
  );
  yield* Service.make({
    name: "payment",
    port: portOf(instance, "payment") ?? 0,
    routes: HttpApiBuilder.layer(paymentApi).pipe(Layer.provide(handlers), Layer.provide(yield* authOf(instance))),
  }).pipe(quiet);
});

/** The instance is up for every command: this process holds its lock. */
export const instanceIn = Effect.fnUntraced(function* (home: string) {
  const paths = instancePaths(name, home);
  const instance = openInstance(paths, yield* Effect.promise(() => freePortOffset(paths, portsOf)));
  yield* acquire(system, paths);
  return instance;
});
