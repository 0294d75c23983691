/** The payment service, wired: the only one that talks to gateways. */
import { PaymentTables } from "@destiny/sdk/payment";
import { Service } from "@destiny/sdk/service";
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder";
import * as Layer from "effect/Layer";
import { PaymentApi } from "../contracts/index.ts";
import * as Foundation from "../shared/Foundation.ts";
import * as Consumers from "./Consumers.ts";
import { Desk } from "./Desk.ts";
import * as Handlers from "./Handlers.ts";
import * as Vendors from "./Vendors.ts";

export const layer = (port: number) =>
  Service.layer({
    name: "payment",
    port,
    routes: HttpApiBuilder.layer(PaymentApi).pipe(Layer.provide(Handlers.layer), Layer.provide(Foundation.auth)),
    workers: Layer.merge(Consumers.layer, Foundation.workers),
    migrations: Foundation.migrate(PaymentTables.migrations),
    checks: Foundation.checks,
  }).pipe(Layer.provide(Desk.layer), Layer.provide(Vendors.layer), Layer.provide(Foundation.database("payment")));
