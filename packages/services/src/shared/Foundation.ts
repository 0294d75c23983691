/**
 * What every service of the shop stands on: its own database with inbox and outbox, the bus, and who may call it.
 */
import { AllFaults, Auth, TokenVerifier } from "@destiny/sdk/http";
import { EventBus, PostgresBus, TracedBus } from "@destiny/sdk/bus";
import { Database } from "@destiny/sdk/machine";
import { Inbox, Outbox, OutboxRelay, Tables } from "@destiny/sdk/outbox";
import { Migrations } from "@destiny/sdk/sql";
import * as PgClient from "@effect/sql-pg/PgClient";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import type * as HttpApi from "effect/http-api/HttpApi";
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder";
import type * as HttpApiGroup from "effect/http-api/HttpApiGroup";
import * as OpenApi from "effect/http-api/OpenApi";
import * as FetchHttpClient from "effect/http/FetchHttpClient";
import * as Layer from "effect/Layer";
import * as SqlClient from "effect/sql/SqlClient";
import { busDatabase, busPoolSize, type ServiceName } from "../catalogue.ts";
import { Topics } from "../contracts/index.ts";
import * as Retention from "./Retention.ts";
import * as Settings from "./Settings.ts";

/** Connections to the service's own database. */
export const client = (name: ServiceName) =>
  Layer.unwrap(
    Effect.gen(function* () {
      const { database: catalogued, poolSize } = Settings.entryOf(name);
      if (catalogued === undefined) return yield* Effect.die(new Error(`${name} has no database`));
      const nameOf = yield* Settings.DatabaseName;
      return PgClient.layer({
        url: Settings.urlOf(yield* Settings.databaseUrl, nameOf(catalogued)),
        // Said again, because spans are named after it and the client does not read it out of the address.
        database: nameOf(catalogued),
        maxConnections: poolSize,
        applicationName: `destiny-${name}`,
      });
    }),
  );

/** The service's own database with inbox and outbox, for services that speak on the bus. */
export const database = (name: ServiceName) =>
  Layer.mergeAll(Inbox.layer, Outbox.layer({ source: `destiny/${name}` })).pipe(
    Layer.provideMerge(Database.Database.layer),
    Layer.provideMerge(client(name)),
  );

/** Shared by all services of a process. */
export const bus = TracedBus.layer(
  Layer.unwrap(
    Effect.gen(function* () {
      return PostgresBus.layer({
        url: Settings.urlOf(yield* Settings.databaseUrl, busDatabase),
        // One of the catalogue's connections is the one that listens and owns partitions.
        maxPoolConnections: busPoolSize - 1,
        maxHoldMillis: yield* Retention.busHoldMillis,
      });
    }),
  ),
);

/** Verifies tokens with the user service's published keys. */
export const auth = Auth.layer.pipe(
  Layer.provide(
    Layer.unwrap(
      Effect.gen(function* () {
        return TokenVerifier.TokenVerifier.layer({ ...Settings.tokenNames, url: yield* Settings.jwksUrl });
      }),
    ),
  ),
  Layer.provide(FetchHttpClient.layer),
);

/** Tables, the coming days' partitions, and the topics: a service may start before the owners of what it consumes. */
export const migrate = (...own: ReadonlyArray<Migrations.Migrations>) =>
  Effect.gen(function* () {
    yield* Migrations.run([Tables.migrations, ...own]);
    yield* Tables.ensurePartitions;
    const eventBus = yield* EventBus.EventBus;
    yield* eventBus.createTopics(Object.values(Topics));
  });

const partitionsEvery = Duration.hours(1);

/** The relay, the partitions of the days to come, and the end of what was kept long enough. */
export const workers = Layer.mergeAll(
  OutboxRelay.layer(),
  Retention.layer,
  Layer.effectDiscard(
    Effect.sleep(partitionsEvery).pipe(
      Effect.andThen(Tables.ensurePartitions),
      Effect.catchCause((cause) => Effect.logError("no partitions for the coming days yet", cause)),
      Effect.forever,
      Effect.forkScoped,
    ),
  ),
);

/** A service describes itself there; the gateway describes the shop. */
export const openApiPath = "/openapi.json";

/** The routes of a contract, and its description. */
export const api = <Id extends string, Groups extends HttpApiGroup.Constraint>(contract: HttpApi.HttpApi<Id, Groups>) =>
  HttpApiBuilder.layer(contract.annotate(OpenApi.Title, `Destiny: ${contract.identifier}`), {
    openapiPath: openApiPath,
  }).pipe(Layer.provide(AllFaults.layer(contract)));

export const checks = [
  { name: "database", check: Effect.flatMap(SqlClient.SqlClient, (sql) => sql`SELECT 1`) },
] as const;
