/** The coupon service, wired. */
import { Service } from "@destiny/sdk/service";
import * as Layer from "effect/Layer";
import { CouponApi } from "../contracts/index.ts";
import * as Foundation from "../shared/Foundation.ts";
import * as Consumers from "./Consumers.ts";
import { Coupons } from "./Coupons.ts";
import * as Handlers from "./Handlers.ts";
import { migrations } from "./Tables.ts";

export const layer = (port: number) =>
  Service.layer({
    name: "coupon",
    port,
    routes: Foundation.api(CouponApi).pipe(Layer.provide(Handlers.layer), Layer.provide(Foundation.auth)),
    workers: Layer.merge(Consumers.layer, Foundation.workers),
    migrations: Foundation.migrate(...migrations),
    checks: Foundation.checks,
  }).pipe(Layer.provide(Coupons.layer), Layer.provide(Foundation.database("coupon")));
