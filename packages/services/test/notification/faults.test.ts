import { assert, layer } from "@effect/vitest";
import { Slack } from "@destiny/testkit/simulators";
import * as Effect from "effect/Effect";
import * as Schedule from "effect/Schedule";
import { OrderCompleted } from "../../src/contracts/index.ts";
import { ServiceTest } from "../shared/ServiceTest.ts";
import * as Notices from "./Notices.ts";

/** Tells a brand of an order that it sold. Nobody waits for Slack. */
const tell = Effect.fnUntraced(function* ({ id }: Notices.KnownBrand) {
  const { bus } = yield* ServiceTest;
  yield* bus.publish(yield* bus.envelope(OrderCompleted, yield* Notices.soldOf([id, 1])));
  yield* bus.settled;
});

const plan = (...rules: ReadonlyArray<object>) =>
  Effect.map(Slack.SlackSimulator, ({ faults }) => faults.put({ rules }));

type Log = Readonly<Record<string, unknown>>;

/** The only record of a brand, as soon as `holds`. */
const logWhen = (brand: Notices.KnownBrand, holds: (log: Log) => boolean) =>
  Effect.repeat(
    Effect.map(Notices.logsOf(brand.id), ([log]): Log => log ?? {}),
    { until: (log) => holds(log), schedule: Schedule.spaced("20 millis") },
  );

const clear = Effect.map(Slack.SlackSimulator, ({ faults }) => faults.clear());

layer(Notices.service, { excludeTestServices: true })("when Slack has trouble", (it) => {
  it.effect("the fact is recorded at once, and sent when Slack answers again, with pauses that grow", () =>
    Effect.gen(function* () {
      const { requests } = yield* Slack.SlackSimulator;
      const brand = yield* Notices.brandWithChannel();
      const before = requests();
      yield* plan({ kind: "unavailable", status: 503 });
      yield* tell(brand);
      const pending = yield* logWhen(brand, ({ attempts }) => attempts === 1);
      assert.deepInclude(pending, { status: "PENDING", responseCode: 503, errorCode: "HTTP 503" });
      yield* logWhen(brand, ({ attempts }) => attempts === 2);
      assert.strictEqual(requests() - before, 2);
      yield* clear;
      yield* Notices.delivered;
      assert.deepInclude((yield* Notices.logsOf(brand.id))[0], { status: "SUCCESS", attempts: 3, errorCode: null });
      assert.lengthOf(yield* Notices.shownAt(brand.hook), 1);
    }),
  );

  it.effect("429: that webhook is left alone for as long as Slack says, which is no attempt, and others go on", () =>
    Effect.gen(function* () {
      const slack = yield* Slack.SlackSimulator;
      const [busy, other] = [yield* Notices.brandWithChannel("Busy"), yield* Notices.brandWithChannel("Other")];
      yield* plan({ kind: "tooManyRequests", retryAfterSeconds: 2, count: 1 });
      const asked = slack.requests();
      yield* tell(busy);
      yield* Effect.repeat(
        Effect.sync(() => slack.requests() > asked),
        { until: (seen) => seen, schedule: Schedule.spaced("10 millis") },
      );
      const startedAt = performance.now();
      yield* tell(busy);
      yield* tell(other);
      yield* Effect.repeat(Notices.shownAt(other.hook), {
        until: (shown) => shown.length === 1,
        schedule: Schedule.spaced("10 millis"),
      });
      assert.deepStrictEqual(yield* Notices.shownAt(busy.hook), []);
      yield* Notices.delivered;
      assert.isAtLeast(performance.now() - startedAt, 1800);
      // Both in one message: what came meanwhile waited with it.
      assert.lengthOf(yield* Notices.shownAt(busy.hook), 1);
      for (const log of yield* Notices.logsOf(busy.id)) assert.deepInclude(log, { status: "SUCCESS", attempts: 1 });
    }),
  );

  it.effect("an answer that got lost is asked for again: at least once, and recognisable by its id", () =>
    Effect.gen(function* () {
      const brand = yield* Notices.brandWithChannel();
      yield* plan({ kind: "approveThenReset", count: 1 });
      yield* tell(brand);
      yield* Notices.delivered;
      const [first, second, ...more] = yield* Notices.shownAt(brand.hook);
      assert.deepStrictEqual([first, more], [second, []]);
      assert.match(first ?? "", /\([0-9a-f-]{36}\)$/);
    }),
  );

  it.effect("a webhook that is gone is given up, and those who run the shop are told what it was to carry", () =>
    Effect.gen(function* () {
      const { http } = yield* ServiceTest;
      const slack = yield* Slack.SlackSimulator;
      const brand = yield* Notices.brandWithChannel("Orphan");
      slack.revoke(brand.hook);
      yield* tell(brand);
      yield* Notices.delivered;
      assert.deepInclude((yield* Notices.logsOf(brand.id))[0], { status: "SUCCESS", sentTo: "ADMIN" });
      assert.include((yield* Notices.shownToAdmin).join("\n"), "Orphan: order ");
      const channel = yield* http.get(`/v1/brand-notifications/channels/${brand.id}`, { as: brand.manager });
      assert.strictEqual(channel.body["disabledBy"], "no_service");
      const asked = slack.requests();
      yield* tell(brand);
      yield* Notices.delivered;
      assert.strictEqual(slack.requests() - asked, 1, "the old webhook is not asked again");
      const renewed: Notices.KnownBrand = { ...brand, hook: `${brand.hook}-2` };
      assert.strictEqual((yield* Notices.setChannel(renewed)).body["disabledBy"], null);
      yield* tell(renewed);
      yield* Notices.delivered;
      assert.lengthOf(yield* Notices.shownAt(renewed.hook), 1);
    }),
  );

  it.effect("a message that Slack finds wrong is not sent again", () =>
    Effect.gen(function* () {
      const brand = yield* Notices.brandWithChannel();
      yield* plan({ kind: "error", code: "invalid_payload", count: 1 });
      yield* tell(brand);
      yield* Notices.delivered;
      assert.deepInclude((yield* Notices.logsOf(brand.id))[0], {
        status: "FAIL",
        attempts: 1,
        responseCode: 400,
        errorCode: "invalid_payload",
      });
    }),
  );
});
