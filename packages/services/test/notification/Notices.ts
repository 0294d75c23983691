/** What the tests of the notification service have in common: the service beside a simulated Slack, and facts to tell. */
import { Ids } from "@destiny/sdk/message";
import { Slack } from "@destiny/testkit/simulators";
import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Schedule from "effect/Schedule";
import * as SqlClient from "effect/sql/SqlClient";
import { BrandCreated, BrandId } from "../../src/contracts/index.ts";
import * as Notification from "../../src/notification/layer.ts";
import * as Sales from "../shared/Sales.ts";
import * as ServiceTest from "../shared/ServiceTest.ts";
import type { Shopper } from "../shared/TestTokens.ts";

const adminHook = "/services/TADMIN/B1/secret";

/** The service, and the Slack that it tells. Each test file has its own, so its order of requests is its own. */
export const service = Layer.unwrap(
  Effect.map(Slack.SlackSimulator, ({ url }) =>
    ServiceTest.layer("notification", Notification.layer, {
      settings: { SLACK_BASE_URL: url, SLACK_ADMIN_WEBHOOK: `${url}${adminHook}` },
    }),
  ),
).pipe(Layer.provideMerge(Slack.layer({ port: 0 })));

/** A completed order with pieces of 1,000 won of each brand, one won off each. */
export const soldOf = Effect.fnUntraced(function* (
  ...brands: ReadonlyArray<readonly [brand: BrandId, pieces: number]>
) {
  const lines = yield* Effect.forEach(brands, ([brandId, pieces]) => Sales.lineOf(brandId, 1000, pieces, pieces));
  return yield* Sales.soldOf(yield* Clock.currentTimeMillis, ...lines);
});

export interface KnownBrand {
  readonly id: BrandId;
  readonly manager: Shopper;
  readonly hook: string;
}

/** A brand as its context tells of it, without a channel. */
export const brand = Effect.fnUntraced(function* (brandName = "무신사 스탠다드") {
  const { bus, tokens } = yield* ServiceTest.ServiceTest;
  const id = BrandId.make(yield* Ids.fresh);
  const manager = yield* tokens.partner;
  yield* bus.publish(
    yield* bus.envelope(BrandCreated, { brandId: id, managerId: manager.userId, brandName, version: 1 }),
  );
  yield* bus.settled;
  const known: KnownBrand = { id, manager, hook: `/services/T1/B1/${id}` };
  return known;
});

export const setChannel = Effect.fnUntraced(function* ({ hook, id, manager }: KnownBrand, as: Shopper = manager) {
  const { http } = yield* ServiceTest.ServiceTest;
  const { url } = yield* Slack.SlackSimulator;
  return yield* http.send("PUT", `/v1/brand-notifications/channels/${id}`, {
    as,
    body: { webhookUrl: `${url}${hook}` },
  });
});

/** A brand that is told itself. */
export const brandWithChannel = Effect.fnUntraced(function* (brandName?: string) {
  const known = yield* brand(brandName);
  const { status, text } = yield* setChannel(known);
  if (status !== 200) return yield* Effect.die(new Error(`${status} ${text}`));
  return known;
});

/** What Slack shows under a webhook. */
export const shownAt = (hook: string) =>
  Effect.map(Slack.SlackSimulator, ({ messages }) =>
    messages()
      .filter((message) => message.hook === hook)
      .map(({ text }) => text),
  );

export const shownToAdmin = shownAt(adminHook);

/** Waits until nothing waits any more. Bounded by the time-out of the test. */
export const delivered = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient;
  yield* Effect.repeat(
    Effect.map(
      Effect.orDie(sql`SELECT 1 FROM notification_delivery WHERE status = 'PENDING' LIMIT 1`),
      (rows) => rows.length === 0,
    ),
    { until: (done) => done, schedule: Schedule.spaced("20 millis") },
  );
});

/** The records of a brand's notifications, oldest first. */
export const logsOf = Effect.fnUntraced(function* (brandId: BrandId) {
  const { http, tokens } = yield* ServiceTest.ServiceTest;
  const { body } = yield* http.get(`/v1/brand-notifications/logs?brandId=${brandId}`, { as: yield* tokens.master });
  return (body["items"] as ReadonlyArray<Readonly<Record<string, unknown>>>).toReversed();
});

/** How many deliveries of a brand ended how. */
export const countOf = Effect.fnUntraced(function* (brandId: BrandId) {
  const sql = yield* SqlClient.SqlClient;
  const rows = yield* Effect.orDie(sql<{ readonly status: string; readonly n: bigint }>`
    SELECT status, count(*) AS n FROM notification_delivery WHERE brand_id = ${brandId}::uuid GROUP BY status`);
  return Object.fromEntries(rows.map(({ n, status }) => [status, Number(n)]));
});
