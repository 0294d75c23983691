import { assert, describe, it } from "@effect/vitest";
import * as ConfigProvider from "effect/ConfigProvider";
import * as Effect from "effect/Effect";
import { Slack } from "../../src/notification/Slack.ts";

const made = (environment: Record<string, string>) =>
  Slack.pipe(
    Effect.provide(Slack.layer),
    Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromEnvRecord(environment)),
  );

describe("the webhook of those who run the shop", () => {
  it.effect("lies where the webhooks of brands lie, or the service does not start", () =>
    Effect.gen(function* () {
      yield* made({});
      const { tellAdmin } = yield* made({ SLACK_ADMIN_WEBHOOK: " " });
      const untold = { _tag: "Refused", code: null, error: "no_admin_webhook" } as const;
      assert.deepStrictEqual(yield* tellAdmin("a blank one is none"), untold);
      yield* made({ SLACK_ADMIN_WEBHOOK: "https://hooks.slack.com/services/T/B/hush" });
      const simulator = { SLACK_BASE_URL: "http://127.0.0.1:18204" };
      yield* made({ ...simulator, SLACK_ADMIN_WEBHOOK: "http://127.0.0.1:18204/services/T/B/hush" });
      for (const webhook of ["https://hooks.slack.com/services/T/B/hush", "hush"]) {
        const refused = yield* Effect.flip(made({ ...simulator, SLACK_ADMIN_WEBHOOK: webhook }));
        assert.strictEqual(refused._tag, "WebhookElsewhere");
        assert.include(String(refused), simulator.SLACK_BASE_URL);
        assert.notInclude(String(refused), "hush", "its address is a secret");
      }
    }),
  );
});
