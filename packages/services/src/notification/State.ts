/**
 * What the notification machine remembers: routes to Slack, deliveries, and which brands an order was sold under.
 *
 * A delivery is one fact for one brand or for those who run the shop; it is recorded with the message that tells the fact, and
 * sent afterwards. Its id is made of the message's, so one message never makes it twice.
 */
import type { Machine } from "@destiny/sdk/machine";
import * as Schema from "effect/Schema";
import {
  BrandId,
  type BrandFact,
  Channel,
  type Completed,
  Instant,
  type NotificationKind,
  NotificationLog,
  type OrderCanceled,
  type OrderCancelFailed,
  type OrderCancellationStarted,
  type OrderFailed,
  OrderId,
  UserId,
  Won,
} from "../contracts/index.ts";
import type { By } from "../shared/Caller.ts";

/** The route of those who run the shop; the others are called as their brands are. */
export const admin = "admin";

export const Route = Schema.TaggedStruct("Route", {
  id: Schema.String,
  managerId: Schema.NullOr(UserId),
  brandName: Schema.NullOr(Schema.String),
  /** Of the brand's last event that was applied; 0: nobody has told of it yet. */
  brandVersion: Schema.Int,
  isRemoved: Schema.Boolean,
  /** The path of the webhook, a secret. */
  webhook: Schema.NullOr(Schema.String),
  isActive: Schema.Boolean,
  disabledBy: Schema.NullOr(Schema.String),
  /** Nothing is sent before: Slack's pace, its word, our back-off, or a message that is under way. */
  notBefore: Instant,
  /** In a row. */
  failures: Schema.Int,
});
export type Route = typeof Route.Type;

const { logId: _, message: __, sentTo: ___, ...logged } = NotificationLog.fields;

export const Delivery = Schema.TaggedStruct("Delivery", {
  id: Schema.String,
  /** That of its brand, or the shop's own. */
  route: Schema.String,
  text: Schema.String,
  ...logged,
});
export type Delivery = typeof Delivery.Type;

export const Sold = Schema.TaggedStruct("Sold", {
  orderId: OrderId,
  shares: Schema.Array(Schema.Struct({ brandId: BrandId, pieces: Schema.Int, amount: Won })),
});
export type Sold = typeof Sold.Type;

export type State = Route | Delivery | Sold;
export type Key = `route/${string}` | `delivery/${string}` | `sold/${string}`;

export const routeKey = (id: string): Key => `route/${id}`;
export const deliveryKey = (id: string): Key => `delivery/${id}`;
export const soldKey = (id: OrderId): Key => `sold/${id}`;
export const deliveryId = (eventId: string, to: string): string => `${eventId}:${to}`;

/** What became of a message to Slack. */
export const Outcome = Schema.Union([
  Schema.TaggedStruct("Sent", { code: Schema.Int, message: Schema.String }),
  /** It may have been posted or not: tried again, because nobody can be asked. */
  Schema.TaggedStruct("Retry", { code: Schema.NullOr(Schema.Int), error: Schema.String }),
  /** Slack said when to come back: no fault of the message. */
  Schema.TaggedStruct("Throttled", { afterMillis: Schema.Int }),
  /** The message itself is wrong, and would be wrong again. */
  Schema.TaggedStruct("Refused", { code: Schema.NullOr(Schema.Int), error: Schema.String }),
  /** The webhook does not exist any more. */
  Schema.TaggedStruct("Gone", { code: Schema.Int, error: Schema.String }),
]);
export type Outcome = typeof Outcome.Type;

interface OfEvent {
  /** Of the message that tells it; a repetition has the same. */
  readonly eventId: string;
}

export type NotificationInput =
  | ({ readonly _tag: "BrandTold"; readonly isRemoved: boolean } & BrandFact)
  | {
      readonly _tag: "SetChannel";
      readonly brandId: BrandId;
      readonly by: By;
      readonly webhook: string | null;
      readonly isActive: boolean;
    }
  | ({ readonly _tag: "Completed" } & OfEvent & Completed)
  | ({ readonly _tag: "Canceled" } & OfEvent & typeof OrderCanceled.payload.Type)
  | ({ readonly _tag: "CancelRequested" } & OfEvent & OrderCancellationStarted)
  | ({ readonly _tag: "Failed" } & OfEvent & typeof OrderFailed.payload.Type)
  | ({ readonly _tag: "CancelFailed" } & OfEvent & typeof OrderCancelFailed.payload.Type)
  | ({
      readonly _tag: "Posted";
      readonly brandId: BrandId;
      readonly kind: NotificationKind;
      readonly text: string;
    } & OfEvent)
  /** Takes what waits on a route, for as long as sending it may last. */
  | {
      readonly _tag: "Claim";
      readonly route: string;
      readonly deliveryIds: ReadonlyArray<string>;
      readonly leaseMillis: number;
    }
  | {
      readonly _tag: "Settle";
      readonly route: string;
      readonly deliveryIds: ReadonlyArray<string>;
      readonly outcome: Outcome;
    };
export type InputOf<Tag extends NotificationInput["_tag"]> = Extract<NotificationInput, { readonly _tag: Tag }>;

/** No answer holds a webhook: answers are stored. */
export const Answer = Schema.Union([
  Schema.TaggedStruct("Noted", {}),
  Schema.TaggedStruct("Told", { log: NotificationLog }),
  Schema.TaggedStruct("Channel", { channel: Channel }),
  Schema.TaggedStruct("Claimed", { deliveryIds: Schema.Array(Schema.String) }),
]);
export type Answer = typeof Answer.Type;

export const Rejection = Schema.Union([Schema.TaggedStruct("NotFound", {}), Schema.TaggedStruct("NotManager", {})]);
export type Rejection = typeof Rejection.Type;

export type Seen = Machine.View<Key, State>;
export type Verdict = Machine.Verdict<Key, State, Answer, Rejection>;

/** A route of which nobody has said anything yet. */
export const newRoute = (id: string): Route => ({
  _tag: "Route",
  id,
  managerId: null,
  brandName: null,
  brandVersion: 0,
  isRemoved: false,
  webhook: null,
  isActive: false,
  disabledBy: null,
  notBefore: 0,
  failures: 0,
});

export const routeOf = (view: Seen, id: string): Route => {
  const known = view.get(routeKey(id));
  return known?._tag === "Route" ? known : newRoute(id);
};

/** Whether a brand can be told itself; otherwise those who run the shop are. */
export const isOpen = (route: Route): boolean =>
  route.webhook !== null && route.isActive && route.disabledBy === null && !route.isRemoved;

export const logOf = (delivery: Delivery): NotificationLog => {
  const { _tag: _, id: logId, route, text: message, ...rest } = delivery;
  return { ...rest, logId, message, sentTo: route === admin ? "ADMIN" : "BRAND" };
};

export const channelOf = (brandId: BrandId, { disabledBy, isActive, webhook }: Route): Channel => ({
  brandId,
  hasWebhook: webhook !== null,
  isActive,
  disabledBy,
});
