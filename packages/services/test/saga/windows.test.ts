import { assert, describe, it } from "@effect/vitest";
import * as ConfigProvider from "effect/ConfigProvider";
import * as Effect from "effect/Effect";
import * as Settings from "../../src/shared/Settings.ts";

const read = (environment: Record<string, string>) =>
  Effect.provideService(Settings.windows, ConfigProvider.ConfigProvider, ConfigProvider.fromEnvRecord(environment));

describe("the hold outlives the payment window", () => {
  it.effect("by default, and when it is longer by the slack", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* read({}), { paymentMillis: 600_000, holdMillis: 1_800_000 });
      const fitting = { DESTINY_PAYMENT_WINDOW: "10 seconds", DESTINY_HOLD_LIFETIME: "20 seconds" };
      assert.deepStrictEqual(yield* read(fitting), { paymentMillis: 10_000, holdMillis: 20_000 });
    }),
  );

  for (const hold of ["5 seconds", "10 seconds", "19999 millis"]) {
    it.effect(`or the saga service does not start, and names both: 10 seconds to pay, ${hold} held`, () =>
      Effect.gen(function* () {
        const environment = { DESTINY_PAYMENT_WINDOW: "10 seconds", DESTINY_HOLD_LIFETIME: hold };
        const refused = yield* Effect.flip(read(environment));
        assert.strictEqual(refused._tag, "HoldTooShort");
        for (const name of Object.keys(environment)) assert.include(refused.message, name);
      }),
    );
  }
});
