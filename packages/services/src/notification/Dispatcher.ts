/**
 * Sends what waits: claims a route, posts one message with everything that waits on it, records what came of it.
 *
 * Slack is called outside of any transaction. Nobody waits for it: a fact is told as far as the shop is concerned when its
 * delivery is recorded.
 *
 * Limits: `maxRoutes` routes and `maxDigestDeliveries` deliveries of each are held at a time, however long the queue is; what
 * another process recorded is seen within `lookMillis`.
 */
import { Errors } from "@destiny/sdk/machine";
import { Ids } from "@destiny/sdk/message";
import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import { Notifications } from "./Notifications.ts";
import { Slack, timeoutMillis } from "./Slack.ts";
import { admin, type NotificationInput } from "./State.ts";
import type { Due } from "./Store.ts";
import { digest } from "./Words.ts";

export const lookMillis = 1000;
export const maxRoutes = 16;
export const maxDigestDeliveries = 200;

/** Longer than a call can last, with the commit after it. */
export const leaseMillis = 3 * timeoutMillis;

const start = Effect.gen(function* () {
  const { commit, read, somethingWaits } = yield* Notifications;
  const slack = yield* Slack;

  const submit = Effect.fnUntraced(function* (input: NotificationInput) {
    return yield* commit.submit({ id: yield* Ids.fresh, at: yield* Clock.currentTimeMillis, input }).pipe(
      // These inputs name no brand that could be missing.
      Effect.catchIf(
        (error) => !(error instanceof Errors.GroupCommitError),
        (rejection) => Effect.die(rejection),
      ),
    );
  });

  const dispatch = Effect.fn("Dispatcher.dispatch")(function* ({ deliveries, route, webhook }: Due) {
    const deliveryIds = deliveries.map(({ id }) => id);
    const [answer] = yield* submit({ _tag: "Claim", route, deliveryIds, leaseMillis });
    const claimed = new Set(answer?._tag === "Claimed" ? answer.deliveryIds : []);
    const own = deliveries.filter(({ id }) => claimed.has(id));
    if (own.length === 0) return;
    const text = digest(own);
    const outcome = yield* route === admin || webhook === null ? slack.tellAdmin(text) : slack.tell(webhook, text);
    if (outcome._tag === "Gone") yield* Effect.logWarning("Slack knows a webhook no more", { route, ...outcome });
    yield* submit({ _tag: "Settle", route, deliveryIds: [...claimed], outcome });
  });

  /** Answers how many routes had something to send. */
  const look = Effect.gen(function* () {
    const due = yield* read.due(yield* Clock.currentTimeMillis, maxRoutes, maxDigestDeliveries);
    yield* Effect.forEach(due, dispatch, { concurrency: maxRoutes, discard: true });
    return due.length;
  });

  const sending = look.pipe(
    Effect.catchCause((cause) => Effect.as(Effect.logWarning("nothing could be sent; it is tried again", cause), 0)),
    Effect.flatMap((found) =>
      found === maxRoutes ? Effect.void : Effect.raceFirst(somethingWaits, Effect.sleep(lookMillis)),
    ),
    Effect.forever,
  );
  yield* Effect.forkScoped(sending);
});

export const layer = Layer.effectDiscard(start);
