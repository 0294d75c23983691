/** The brand service, wired. */
import { Service } from "@destiny/sdk/service";
import * as Layer from "effect/Layer";
import { BrandApi } from "../contracts/index.ts";
import * as Foundation from "../shared/Foundation.ts";
import { Brands } from "./Brands.ts";
import * as Consumers from "./Consumers.ts";
import * as Handlers from "./Handlers.ts";
import * as Store from "./Store.ts";

export const layer = (port: number) =>
  Service.layer({
    name: "brand",
    port,
    routes: Foundation.api(BrandApi).pipe(Layer.provide(Handlers.layer), Layer.provide(Foundation.auth)),
    workers: Layer.merge(Consumers.layer, Foundation.workers),
    migrations: Foundation.migrate(Store.migrations),
    checks: Foundation.checks,
  }).pipe(Layer.provide(Brands.layer), Layer.provide(Foundation.database("brand")));
