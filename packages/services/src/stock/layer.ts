/** The stock service, wired. */
import { ReservationTables } from "@destiny/sdk/reservation";
import { Service } from "@destiny/sdk/service";
import * as Layer from "effect/Layer";
import { StockApi } from "../contracts/index.ts";
import * as Foundation from "../shared/Foundation.ts";
import * as Consumers from "./Consumers.ts";
import * as Handlers from "./Handlers.ts";
import { Stocks } from "./Stocks.ts";

export const layer = (port: number) =>
  Service.layer({
    name: "stock",
    port,
    routes: Foundation.api(StockApi).pipe(Layer.provide(Handlers.layer), Layer.provide(Foundation.auth)),
    workers: Layer.merge(Consumers.layer, Foundation.workers),
    migrations: Foundation.migrate(ReservationTables.migrations),
    checks: Foundation.checks,
  }).pipe(Layer.provide(Stocks.layer), Layer.provide(Foundation.database("stock")));
