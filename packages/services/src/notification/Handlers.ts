/** The notification context over HTTP: see contracts/notification.api.ts. */
import { Auth, Page } from "@destiny/sdk/http";
import { Ids } from "@destiny/sdk/message";
import * as Effect from "effect/Effect";
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder";
import * as Layer from "effect/Layer";
import {
  type BrandId,
  BrandUnknown,
  ForeignWebhook,
  NotificationApi,
  type NotificationKind,
} from "../contracts/index.ts";
import { by } from "../shared/Caller.ts";
import * as DeadLetterDesk from "../shared/DeadLetterDesk.ts";
import * as Submission from "../shared/Submission.ts";
import { decode } from "./Messages.ts";
import { Notifications } from "./Notifications.ts";
import { Slack } from "./Slack.ts";
import { channelOf, type InputOf, logOf } from "./State.ts";
import { masked, quote, won } from "./Words.ts";

const notifications = HttpApiBuilder.group(NotificationApi, "notifications", (handlers) =>
  Effect.gen(function* () {
    const { commit, read } = yield* Notifications;

    const post = Effect.fnUntraced(function* (brandId: BrandId, kind: NotificationKind, text: string) {
      const input: InputOf<"Posted"> = { _tag: "Posted", eventId: yield* Ids.fresh, brandId, kind, text };
      const answer = yield* Effect.flatMap(Submission.fresh(input), commit.submit).pipe(
        Effect.catchTags({ NotFound: Effect.die, NotManager: Effect.die }),
        Submission.freshAnswer,
      );
      return answer._tag === "Told" ? answer.log : yield* Effect.die(new Error(`answered ${answer._tag}`));
    });

    return handlers.handleAll({
      orderCreated: Effect.fn("notification.orderCreated")(function* ({ payload }) {
        const { brandId, buyerEmail, buyerName, message, option, orderNumber, productName, quantity } = payload;
        return yield* post(
          brandId,
          "ORDER_CREATED",
          `order ${quote(orderNumber)} of ${quote(buyerName)} (${masked(buyerEmail)}): ${quantity} × ` +
            `${quote(productName)}, ${quote(option)}, ${won(payload.totalPrice)}. ${quote(message)}`,
        );
      }),

      sagaError: Effect.fn("notification.sagaError")(function* ({ payload }) {
        const { brandId, errorCode, errorMessage, message, orderId, stage } = payload;
        return yield* post(
          brandId,
          "SAGA_ERROR",
          `order ${orderId} at ${quote(stage)}: ${quote(errorCode)} ${quote(errorMessage)}. ${quote(message)}`,
        );
      }),

      logs: Effect.fn("notification.logs")(function* ({ query: { brandId, cursor, limit, status } }) {
        const reader = yield* by;
        if (reader !== null && brandId !== undefined) {
          const route = yield* Effect.orDie(read.route(brandId));
          if (route?.managerId !== reader) return yield* new Auth.AccessDenied({});
        }
        const filter = { managerId: reader ?? undefined, brandId, status };
        const rows = yield* Effect.orDie(read.logs(filter, cursor, Page.fetchSize(limit)));
        const page = Page.make(rows, limit, ({ createdAt, id }) => ({ at: createdAt, id }));
        return { items: page.items.map(logOf), nextCursor: page.nextCursor };
      }),
    });
  }),
);

const channels = HttpApiBuilder.group(NotificationApi, "channels", (handlers) =>
  Effect.gen(function* () {
    const { commit, read } = yield* Notifications;
    const slack = yield* Slack;

    const change = Effect.fnUntraced(function* (input: InputOf<"SetChannel">) {
      const answer = yield* Effect.flatMap(Submission.fresh(input), commit.submit).pipe(
        Effect.catchTags({
          NotFound: () => Effect.fail(new BrandUnknown({})),
          NotManager: () => Effect.fail(new Auth.AccessDenied({})),
        }),
        Submission.freshAnswer,
      );
      return answer._tag === "Channel" ? answer.channel : yield* Effect.die(new Error(`answered ${answer._tag}`));
    });

    return handlers.handleAll({
      get: Effect.fn("notification.channel")(function* ({ params: { brandId } }) {
        const reader = yield* by;
        const route = yield* Effect.orDie(read.route(brandId));
        if (route === undefined || route.brandVersion === 0 || route.isRemoved) return yield* new BrandUnknown({});
        if (reader !== null && reader !== route.managerId) return yield* new Auth.AccessDenied({});
        return channelOf(brandId, route);
      }),

      set: Effect.fn("notification.setChannel")(function* ({ params: { brandId }, payload }) {
        const webhook = slack.pathOf(payload.webhookUrl);
        if (webhook === undefined) return yield* new ForeignWebhook({});
        const { isActive = true } = payload;
        return yield* change({ _tag: "SetChannel", brandId, by: yield* by, webhook, isActive });
      }),

      remove: Effect.fn("notification.removeChannel")(function* ({ params: { brandId } }) {
        yield* change({ _tag: "SetChannel", brandId, by: yield* by, webhook: null, isActive: false });
      }),
    });
  }),
);

const deadLetters = HttpApiBuilder.group(NotificationApi, "deadLetters", (handlers) =>
  Effect.gen(function* () {
    const { commit } = yield* Notifications;
    return handlers.handleAll(yield* DeadLetterDesk.make({ consumer: "notification", decode, commit }));
  }),
);

export const layer = Layer.mergeAll(notifications, channels, deadLetters);
