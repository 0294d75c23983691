/**
 * The whole shop for a test: all services in one process of their own, a private PostgreSQL server, and simulated gateways.
 *
 * The process is real, so that a test can kill it; the simulators live in the test, so that a test can make them misbehave and
 * read what they captured. Orders are paid at Toss unless `DESTINY_PAYMENT_WEIGHTS` says otherwise.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { Token } from "@destiny/sdk/http";
import { Ids } from "@destiny/sdk/message";
import { TestCluster, TestDatabase } from "@destiny/testkit/postgres";
import { Bootpay, PortOne, Slack, Toss } from "@destiny/testkit/simulators";
import * as PgClient from "@effect/sql-pg/PgClient";
import * as Data from "effect/Data";
import * as Context from "effect/Context";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Redacted from "effect/Redacted";
import * as SqlClient from "effect/sql/SqlClient";
import { busDatabase, services } from "../../src/catalogue.ts";
import { type GatewayMovement, verify, type VerifyOptions } from "../../src/audit/index.ts";
import * as Products from "../../src/product/seed.ts";
import * as Stocks from "../../src/stock/seed.ts";
import * as Users from "../../src/user/seed.ts";
import { BrandId, ProductId, UserId, Won } from "../../src/contracts/index.ts";
import * as Browser from "./Browser.ts";
import { freeOffset } from "./Ports.ts";

export type { Reply, Shopper } from "./Browser.ts";

const main = fileURLToPath(new URL("../../src/main.ts", import.meta.url));
const readyMillis = 30_000;

/** The process ended before it was ready: somebody took one of its ports meanwhile. */
class EndedEarly extends Data.TaggedError("EndedEarly")<{ readonly output: string }> {
  override get message(): string {
    return `the shop ended before it was ready:\n${this.output}`;
  }
}

const simulators = Layer.mergeAll(
  Toss.layer({ port: 0 }),
  PortOne.layer({ port: 0 }),
  Bootpay.layer({ port: 0 }),
  Slack.layer({ port: 0 }),
);

export class Shop extends Context.Service<
  Shop,
  {
    readonly url: string;
    readonly toss: Toss.TossSimulatorShape;
    readonly portOne: PortOne.PortOneSimulatorShape;
    readonly bootpay: Bootpay.BootpaySimulatorShape;
    readonly slack: Slack.SlackSimulatorShape;
    /** The PostgreSQL server, without a database. */
    readonly server: string;
    /** The key that all services trust. */
    readonly privateJwk: Redacted.Redacted;
    /** A new shopper, signed in. */
    readonly shopper: Effect.Effect<Browser.Shopper>;
    /** Somebody who runs the shop, signed in. */
    readonly operator: Effect.Effect<Browser.Shopper>;
    /** Whoever has an account, signed in through the gateway. */
    readonly signIn: (username: string, password: string) => Effect.Effect<Browser.Shopper>;
    /** A new product with this much stock. */
    readonly product: (quantity: number, price?: number) => Effect.Effect<string>;
    readonly database: (service: string) => SqlClient.SqlClient;
    /** `kill -9` of the process; `restart` starts it again. */
    readonly kill: Effect.Effect<void>;
    readonly restart: Effect.Effect<void>;
    readonly verify: ReturnType<typeof verify<never>>;
    /** With what shoppers saw. */
    readonly verifyWith: (witnesses: Pick<VerifyOptions, "coupons" | "shoppers">) => ReturnType<typeof verify<never>>;
  }
>()("@destiny/services/test/Shop") {
  static readonly layer = (environment: Record<string, string> = {}) =>
    Layer.effect(Shop, make(environment)).pipe(Layer.provide(simulators), Layer.orDie);
}

const make = Effect.fnUntraced(function* (environment: Record<string, string>) {
  const cluster = yield* TestCluster.start();
  const toss = yield* Toss.TossSimulator;
  const portOne = yield* PortOne.PortOneSimulator;
  const bootpay = yield* Bootpay.BootpaySimulator;
  const slack = yield* Slack.SlackSimulator;
  let offset = 0;
  const server = TestDatabase.url(cluster.port, "").replace(/\/$/, "");
  const client = (database: string) =>
    Effect.map(
      Layer.build(Layer.fresh(PgClient.layer({ url: Redacted.make(`${server}/${database}`), maxConnections: 3 }))),
      (context): SqlClient.SqlClient => Context.get(context, PgClient.PgClient),
    );
  const root = yield* client("postgres");
  const databases = [...services.flatMap((one) => ("database" in one ? [one.database] : [])), busDatabase];
  for (const name of databases) yield* root`CREATE DATABASE ${root(name)}`;
  const clients = new Map<string, SqlClient.SqlClient>();
  for (const name of databases) clients.set(name.replace("destiny_", ""), yield* client(name));
  const database = (service: string): SqlClient.SqlClient => {
    const found = clients.get(service);
    if (found === undefined) throw new Error(`no database of ${service}`);
    return found;
  };

  const portOf = (name: string): number => (services.find((one) => one.name === name)?.port ?? 0) + offset;
  const privateJwk = yield* Token.generatePrivateJwk;
  let child: ChildProcess | undefined;
  const launch = Effect.gen(function* () {
    let output = "";
    const started = spawn(
      process.execPath,
      ["--conditions=@destiny/source", main, ...services.map(({ name }) => name)],
      {
        stdio: ["pipe", "pipe", "inherit"],
        env: {
          PATH: process.env["PATH"],
          LOG_LEVEL: "Warn",
          DESTINY_DATABASE_URL: server,
          DESTINY_PORT_OFFSET: String(offset),
          DESTINY_JWKS_URL: `http://127.0.0.1:${portOf("user")}/.well-known/jwks.json`,
          DESTINY_JWT_PRIVATE_JWK: Redacted.value(privateJwk),
          DESTINY_LIFELINE: "stdin",
          TOSS_BASE_URL: toss.url,
          TOSS_SECRET_KEY: toss.secretKey,
          PORTONE_BASE_URL: portOne.url,
          PORTONE_API_SECRET: portOne.apiSecret,
          PORTONE_TEST: "true",
          BOOTPAY_BASE_URL: bootpay.url,
          BOOTPAY_CLIENT_KEY: bootpay.keys.clientKey,
          BOOTPAY_SECRET_KEY: bootpay.keys.secretKey,
          SLACK_BASE_URL: slack.url,
          SLACK_ADMIN_WEBHOOK: `${slack.url}/services/TADMIN/B1/secret`,
          DESTINY_PAYMENT_WEIGHTS: "portone=0,bootpay=0",
          ...environment,
        },
      },
    );
    started.stdout?.on("data", (chunk: Buffer) => (output = (output + String(chunk)).slice(-4000)));
    child = started;
    const deadline = performance.now() + readyMillis;
    const ready = Effect.promise(() =>
      Promise.all(
        services.map(({ name }) =>
          fetch(`http://127.0.0.1:${portOf(name)}/readyz`).then(
            (response) => response.ok,
            () => false,
          ),
        ),
      ).then((all) => all.every(Boolean)),
    );
    while (!(yield* ready)) {
      if (started.exitCode !== null) return yield* new EndedEarly({ output });
      if (performance.now() > deadline) return yield* Effect.die(new Error(`the shop did not start:\n${output}`));
      yield* Effect.sleep("50 millis");
    }
  });
  const kill = Effect.callback<void>((resume) => {
    const running = child;
    if (running === undefined || running.exitCode !== null || running.signalCode !== null) return resume(Effect.void);
    running.once("exit", () => resume(Effect.void));
    running.kill("SIGKILL");
  });
  yield* Effect.addFinalizer(() => kill);
  yield* Effect.andThen(
    Effect.map(freeOffset, (free) => (offset = free)),
    launch,
  ).pipe(Effect.retry({ times: 3 }));
  const url = `http://127.0.0.1:${portOf("gateway")}`;

  const signIn = Browser.signIn(url);
  const password = "Passw0rd!";
  const passwordHash = yield* Users.hashCheaply(Redacted.make(password));
  let users = 0;
  const signedIn = Effect.fnUntraced(function* (role: "CUSTOMER" | "MASTER") {
    const username = `u${String(++users).padStart(5, "0")}`;
    const id = UserId.make(yield* Ids.fresh);
    const row = { id, username, email: `${username}@shop.test`, nickname: username, phone: "010-1234-5678" };
    yield* Users.seed([{ ...row, role, passwordHash }]).pipe(
      Effect.provideService(SqlClient.SqlClient, database("user")),
      Effect.orDie,
    );
    return yield* signIn(username, password);
  });

  let products = 0;
  const product = Effect.fnUntraced(function* (quantity: number, price = 1000) {
    const id = ProductId.make(yield* Ids.fresh);
    const brandId = BrandId.make(yield* Ids.fresh);
    const name = `product ${++products}`;
    yield* Products.seed([
      { id, brandId, name, price: Won.make(price), status: "AVAILABLE", color: null, size: null },
    ]).pipe(Effect.provideService(SqlClient.SqlClient, database("product")), Effect.orDie);
    yield* Stocks.seed([{ sku: id, quantity }]).pipe(
      Effect.provideService(SqlClient.SqlClient, database("stock")),
      Effect.orDie,
    );
    return id;
  });

  const movements = (): ReadonlyArray<GatewayMovement> =>
    [toss, portOne, bootpay].flatMap(({ captures }) =>
      captures().map(({ amount, kind, orderId, paymentKey }) => ({ kind, orderId, paymentKey, amount })),
    );

  const verifyWith = (witnesses: Pick<VerifyOptions, "coupons" | "shoppers">) =>
    verify({
      ...witnesses,
      databaseUrl: Redacted.make(server),
      gateways: Effect.sync(movements),
      maxWaitMillis: 30_000,
    });

  return Shop.of({
    url,
    toss,
    portOne,
    bootpay,
    slack,
    server,
    signIn,
    privateJwk,
    shopper: signedIn("CUSTOMER"),
    operator: signedIn("MASTER"),
    product,
    database,
    kill,
    restart: Effect.orDie(launch),
    verify: verifyWith({}),
    verifyWith,
  });
});
