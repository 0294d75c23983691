/** The notification service, wired. */
import { Service } from "@destiny/sdk/service";
import * as Layer from "effect/Layer";
import { NotificationApi } from "../contracts/index.ts";
import * as Foundation from "../shared/Foundation.ts";
import * as Consumers from "./Consumers.ts";
import * as Dispatcher from "./Dispatcher.ts";
import * as Handlers from "./Handlers.ts";
import { Notifications } from "./Notifications.ts";
import { Slack } from "./Slack.ts";
import * as Store from "./Store.ts";

export const layer = (port: number) =>
  Service.layer({
    name: "notification",
    port,
    routes: Foundation.api(NotificationApi).pipe(Layer.provide(Handlers.layer), Layer.provide(Foundation.auth)),
    workers: Layer.mergeAll(Consumers.layer, Dispatcher.layer, Foundation.workers),
    migrations: Foundation.migrate(Store.migrations),
    checks: Foundation.checks,
  }).pipe(
    Layer.provide(Notifications.layer),
    Layer.provide(Slack.layer),
    Layer.provide(Foundation.database("notification")),
  );
