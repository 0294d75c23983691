/**
 * One service of the shop, alone, started by its production layer: real HTTP on a free port, a PostgreSQL database of its
 * own with migrations and relay, its token verification against a JWKS URL, and a bus in memory.
 *
 *     import * as Order from "../../src/order/layer.ts";
 *
 *     layer(ServiceTest.layer("order", Order.layer), { excludeTestServices: true })("orders", (it) => {
 *       it.effect("a placed order becomes payable", () =>
 *         Effect.gen(function* () {
 *           const { bus, http, tokens } = yield* ServiceTest.ServiceTest;
 *           const shopper = yield* tokens.customer;
 *           const placed = yield* http.post("/v1/orders", { as: shopper, key: "k-1", body: order });
 *           const reply = yield* bus.ask(AwaitPayment, { orderId, lines, amount });   // as the saga would
 *           yield* bus.settled;                                   // everything consumed, everything published
 *           const events = yield* bus.said(OrderPlaced, orderId); // decoded payloads, in order
 *         }),
 *       );
 *     });
 *
 * `excludeTestServices`, because a real server and a real database run in real time. Time-outs are those of vitest.
 *
 * - `http` (`TestHttp.ts`): `get`, `post`, `patch`, `send`. An answer of 500 fails the test with what the service logged.
 * - `bus` (`TestBus.ts`): `ask`, `send`, `publish`, `replies`, `said`, `settled`, `deadLetters`.
 * - `tokens` (`TestTokens.ts`): `customer`, `partner`, `master`, and every kind of token that must not pass.
 * - `url`, and `SqlClient` in the context: the same database.
 */
import { EventBus, MemoryBus } from "@destiny/sdk/bus";
import { Service } from "@destiny/sdk/service";
import { Auth, Token } from "@destiny/sdk/http";
import { TestDatabase } from "@destiny/testkit/postgres";
import * as ConfigProvider from "effect/ConfigProvider";
import * as Context from "effect/Context";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Logger from "effect/Logger";
import * as Redacted from "effect/Redacted";
import * as SqlClient from "effect/sql/SqlClient";
import { createServer } from "node:net";
import { inject } from "vitest";
import type { ServiceName } from "../../src/catalogue.ts";
import * as Settings from "../../src/shared/Settings.ts";
import * as TestBus from "./TestBus.ts";
import * as TestHttp from "./TestHttp.ts";
import * as TestTokens from "./TestTokens.ts";

export class ServiceTest extends Context.Service<
  ServiceTest,
  {
    readonly url: string;
    readonly http: TestHttp.TestHttp;
    readonly bus: TestBus.TestBus;
    readonly tokens: TestTokens.TestTokens;
  }
>()("@destiny/services/test/ServiceTest") {}

/** What every `src/<service>/layer.ts` exports. */
export type Room<E> = (port: number) => Layer.Layer<never, E, EventBus.EventBus>;

export interface Options {
  /** Further environment variables, such as `TOSS_BASE_URL`. */
  readonly settings?: Readonly<Record<string, string>> | undefined;
  /** References that the service reads, such as `Layer.succeed(Limits, …)`. */
  readonly references?: Layer.Layer<never> | undefined;
}

const freePort = Effect.promise(
  () =>
    new Promise<number>((resolve) => {
      const server = createServer().listen(0, "127.0.0.1", () => {
        const address = server.address();
        server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
      });
    }),
);

const signing = Effect.gen(function* () {
  const privateJwk = yield* Token.generatePrivateJwk;
  const signer = yield* Token.makeSigner({ ...Settings.tokenNames, privateJwk });
  const { url } = yield* Service.make({ name: "keys", port: 0, routes: Auth.layerJwksRoute }).pipe(
    Effect.provideService(Token.TokenSigner, signer),
  );
  return { privateJwk, jwksUrl: `${url}${Auth.jwksPath}` };
});

const make = Effect.fnUntraced(function* <E>(name: ServiceName, room: Room<E>, options: Options) {
  const logged: Array<string> = [];
  const logger = Logger.layer([
    Logger.make(({ cause, logLevel, message }) => {
      if (logLevel === "Error" || logLevel === "Fatal") logged.push(`${String(message)} ${String(cause)}`);
    }),
  ]);
  const { jwksUrl, privateJwk } = yield* Effect.provide(signing, logger);
  const { name: database, port: postgresPort } = yield* TestDatabase.TestDatabase;
  const eventBus = Context.get(yield* Layer.build(MemoryBus.layer), EventBus.EventBus);
  const bus = yield* TestBus.make(eventBus, yield* SqlClient.SqlClient);

  const settings = ConfigProvider.fromEnvRecord({
    DESTINY_DATABASE_URL: TestDatabase.url(postgresPort, ""),
    DESTINY_JWKS_URL: jwksUrl,
    DESTINY_JWT_PRIVATE_JWK: Redacted.value(privateJwk),
    ...options.settings,
  });
  const ambient = Layer.mergeAll(
    logger,
    options.references ?? Layer.empty,
    ConfigProvider.layer(settings),
    Layer.succeed(Settings.DatabaseName, () => database),
    Layer.succeed(EventBus.EventBus, bus.observed),
  );
  // Between asking for a free port and taking it another process may be faster.
  const port = yield* Effect.retry(
    Effect.gen(function* () {
      const free = yield* freePort;
      yield* Layer.build(Layer.fresh(Layer.provide(room(free), ambient)));
      return free;
    }),
    { times: 2 },
  );
  const url = `http://127.0.0.1:${port}`;
  return ServiceTest.of({
    url,
    http: yield* TestHttp.make(url, logged),
    bus,
    tokens: yield* TestTokens.make(name, privateJwk),
  });
});

/** Starts the service; it drains and its database goes when the layer's scope closes. */
export const layer = <E>(name: ServiceName, room: Room<E>, options: Options = {}) =>
  Layer.effect(ServiceTest, Effect.orDie(make(name, room, options))).pipe(
    Layer.provideMerge(TestDatabase.layer(inject("pgPort"), { maxConnections: 2 })),
  );
