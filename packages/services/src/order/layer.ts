/** The order service, wired. */
import { Service } from "@destiny/sdk/service";
import * as Layer from "effect/Layer";
import { OrderApi } from "../contracts/index.ts";
import * as Foundation from "../shared/Foundation.ts";
import * as Consumers from "./Consumers.ts";
import * as Handlers from "./Handlers.ts";
import { Orders } from "./Orders.ts";
import * as Store from "./Store.ts";

export const layer = (port: number) =>
  Service.layer({
    name: "order",
    port,
    routes: Foundation.api(OrderApi).pipe(Layer.provide(Handlers.layer), Layer.provide(Foundation.auth)),
    workers: Layer.merge(Consumers.layer, Foundation.workers),
    migrations: Foundation.migrate(Store.migrations),
    checks: Foundation.checks,
  }).pipe(Layer.provide(Orders.layer), Layer.provide(Foundation.database("order")));
