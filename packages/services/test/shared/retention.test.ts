import { assert, describe, it } from "@effect/vitest";
import * as ConfigProvider from "effect/ConfigProvider";
import * as Effect from "effect/Effect";
import * as Retention from "../../src/shared/Retention.ts";

const read = (environment: Record<string, string>) =>
  Effect.provideService(Retention.settings, ConfigProvider.ConfigProvider, ConfigProvider.fromEnvRecord(environment));

describe("the settings of retention", () => {
  it.effect("their defaults fit each other, and each can be set", () =>
    Effect.gen(function* () {
      const { keep, limits, sagaMillis } = yield* read({});
      assert.isBelow(keep.inboxMillis, sagaMillis);
      assert.deepStrictEqual(limits, { intervalMillis: 3_600_000, maxBatchRows: 1000 });
      const given = yield* read({ DESTINY_RETENTION_SAGAS: "60 days", DESTINY_RETENTION_BATCH_ROWS: "5" });
      assert.deepStrictEqual([given.sagaMillis, given.limits.maxBatchRows], [60 * 86_400_000, 5]);
    }),
  );

  for (const [setting, value, because] of [
    ["DESTINY_RETENTION_INBOX", "72 hours", "a record may come again when its inbox row is gone"],
    ["DESTINY_RETENTION_BUS_HOLD", "7 days", "so may one that was held longer"],
    ["DESTINY_RETENTION_SENT", "47 hours", "its days would be made again as fast as they are dropped"],
    ["DESTINY_RETENTION_SAGAS", "6 days", "a saga would be begun again"],
    ["DESTINY_RETENTION_DEAD_LETTERS", "1 hour", "a letter would be gone before its input"],
    ["DESTINY_RETENTION_INTERVAL", "0 millis", "it would do nothing else"],
  ] as const) {
    it.effect(`${setting}=${value} is refused: ${because}`, () =>
      Effect.gen(function* () {
        const refused = yield* Effect.flip(read({ [setting]: value }));
        assert.strictEqual(refused._tag, "RetentionTooShort");
        assert.match(String(refused), /must be at least \d+ ms/);
      }),
    );
  }

  it.effect("a batch of no rows is refused", () =>
    Effect.gen(function* () {
      for (const rows of ["0", "-1", "1.5"]) yield* Effect.flip(read({ DESTINY_RETENTION_BATCH_ROWS: rows }));
    }),
  );
});
