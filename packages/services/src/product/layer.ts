/** The product service, wired. */
import { Service } from "@destiny/sdk/service";
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder";
import * as Layer from "effect/Layer";
import { ProductApi } from "../contracts/index.ts";
import * as Foundation from "../shared/Foundation.ts";
import * as Consumers from "./Consumers.ts";
import * as Handlers from "./Handlers.ts";
import { Products } from "./Products.ts";
import * as Search from "./Search.ts";
import * as Store from "./Store.ts";

export const layer = (port: number) =>
  Service.layer({
    name: "product",
    port,
    routes: HttpApiBuilder.layer(ProductApi).pipe(Layer.provide(Handlers.layer), Layer.provide(Foundation.auth)),
    workers: Layer.merge(Consumers.layer, Foundation.workers),
    migrations: Foundation.migrate(Store.migrations, Search.migrations),
    checks: Foundation.checks,
  }).pipe(Layer.provide(Products.layer), Layer.provide(Foundation.database("product")));
