/** The databases that an audit reads: one client each, few connections, never written to. */
import * as PgClient from "@effect/sql-pg/PgClient";
import * as Context from "effect/Context";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import type * as Redacted from "effect/Redacted";
import type { SqlClient } from "effect/sql/SqlClient";
import { busDatabase, type ServiceName, services } from "../catalogue.ts";
import * as Settings from "../shared/Settings.ts";

/** Services that own a database with an outbox. */
export const publishing = [
  "user",
  "product",
  "stock",
  "order",
  "brand",
  "payment",
  "notification",
  "coupon",
  "saga",
] as const satisfies ReadonlyArray<ServiceName>;
export type Publishing = (typeof publishing)[number];

const connectionsEach = 2;

export class Sources extends Context.Service<
  Sources,
  {
    readonly of: (service: Publishing) => SqlClient;
    readonly bus: SqlClient;
  }
>()("@destiny/services/audit/Sources") {
  static readonly layer = (databaseUrl: Redacted.Redacted) =>
    Layer.effect(
      Sources,
      Effect.gen(function* () {
        const open = (database: string) =>
          Effect.map(
            Layer.build(
              Layer.fresh(
                PgClient.layer({
                  url: Settings.urlOf(databaseUrl, database),
                  maxConnections: connectionsEach,
                  applicationName: "destiny-audit",
                }),
              ),
            ),
            (context): SqlClient => Context.get(context, PgClient.PgClient),
          );
        const clients = new Map<string, SqlClient>();
        for (const service of services) {
          if ("database" in service) {
            clients.set(service.name, yield* open(service.database));
          }
        }
        const bus = yield* open(busDatabase);
        return Sources.of({
          bus,
          of: (service) => {
            const client = clients.get(service);
            if (client === undefined) throw new Error(`${service} has no database`);
            return client;
          },
        });
      }),
    );
}
