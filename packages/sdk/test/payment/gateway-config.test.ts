import { assert, describe, it } from "@effect/vitest";
import { Bootpay, PortOne } from "@destiny/sdk/payment";
import type * as Config from "effect/Config";
import * as ConfigProvider from "effect/ConfigProvider";
import * as Effect from "effect/Effect";
import { inspect } from "node:util";

const read = <A>(config: Config.Config<A>, env: Readonly<Record<string, string>>) =>
  config.pipe(Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromEnvRecord(env)));

const shown = (value: unknown): string => `${inspect(value, { depth: 9 })} ${JSON.stringify(value)}`;

describe("the configuration of a gateway", () => {
  it.effect("PortOne needs its secret, and by itself is the vendor's with live channels only", () =>
    Effect.gen(function* () {
      yield* Effect.flip(read(PortOne.config, {}));
      const options = yield* read(PortOne.config, { PORTONE_API_SECRET: "hush" });
      assert.deepInclude(options, { baseUrl: PortOne.defaultBaseUrl, isTest: false, timeoutMillis: 5000 });
      assert.notInclude(shown(options), "hush");
    }),
  );

  it.effect("Bootpay takes the keys of either kind, both parts of it, the current one first", () =>
    Effect.gen(function* () {
      const current = { BOOTPAY_CLIENT_KEY: "client", BOOTPAY_SECRET_KEY: "hush" };
      const older = { BOOTPAY_APPLICATION_ID: "application", BOOTPAY_PRIVATE_KEY: "hush" };
      const kind = (env: Readonly<Record<string, string>>) =>
        Effect.map(read(Bootpay.config, env), ({ credentials }) => credentials._tag);
      assert.strictEqual(yield* kind(current), "Keys");
      assert.strictEqual(yield* kind(older), "Token");
      assert.strictEqual(yield* kind({ ...current, ...older }), "Keys");
      yield* Effect.flip(kind({}));
      yield* Effect.flip(kind({ BOOTPAY_CLIENT_KEY: "client" }));
      yield* Effect.flip(kind({ BOOTPAY_PRIVATE_KEY: "hush" }));
      for (const env of [current, older]) assert.notInclude(shown(yield* read(Bootpay.config, env)), "hush");
    }),
  );
});
