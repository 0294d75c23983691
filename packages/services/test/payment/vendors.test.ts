import { assert, describe, it } from "@effect/vitest";
import { PaymentGateway } from "@destiny/sdk/payment";
import * as ConfigProvider from "effect/ConfigProvider";
import * as Effect from "effect/Effect";
import * as Vendors from "../../src/payment/Vendors.ts";

const toss = { TOSS_SECRET_KEY: "test_sk_nobody" };
const portone = { PORTONE_API_SECRET: "nobody" };
const bootpay = { BOOTPAY_CLIENT_KEY: "nobody", BOOTPAY_SECRET_KEY: "nobody" };

const made = (env: Readonly<Record<string, string>>) =>
  Effect.gen(function* () {
    const { candidates, maxTimeoutMillis } = yield* Vendors.Vendors;
    const { names } = yield* PaymentGateway.PaymentGateways;
    return { weights: candidates.map(({ provider, weight }) => `${provider}=${weight}`), names, maxTimeoutMillis };
  }).pipe(
    Effect.provide(Vendors.layer),
    Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromEnvRecord(env)),
  );
const refused = (env: Readonly<Record<string, string>>) =>
  Effect.map(Effect.flip(made(env)), (error) => (error as { readonly _tag?: string })._tag);

describe("Vendors", () => {
  it.effect("a gateway takes part when its keys are set, with the weight that is given or 1", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual((yield* made(toss)).names, ["toss"]);
      const three = yield* made({ ...toss, ...portone, ...bootpay, DESTINY_PAYMENT_WEIGHTS: "toss=2.5, portone=0" });
      assert.deepStrictEqual(three.weights, ["toss=2.5", "portone=0", "bootpay=1"]);
      assert.deepStrictEqual(three.names, ["toss", "portone", "bootpay"], "a weight of 0 still asks and gives back");
    }),
  );

  it.effect("one time-out for all replaces each one's own, and the longest is waited for", () =>
    Effect.gen(function* () {
      const own = { ...toss, ...portone, TOSS_TIMEOUT_MILLIS: "700", PORTONE_TIMEOUT_MILLIS: "900" };
      assert.strictEqual((yield* made(own)).maxTimeoutMillis, 900);
      assert.strictEqual((yield* made({ ...own, DESTINY_PAYMENT_TIMEOUT: "300 millis" })).maxTimeoutMillis, 300);
    }),
  );

  it.effect("a gateway that is half given is refused by the name of what is missing, not passed over", () =>
    Effect.gen(function* () {
      for (const [half, missing] of [
        [{ TOSS_BASE_URL: "http://127.0.0.1:1" }, "TOSS_SECRET_KEY"],
        [{ TOSS_BASE_URL: "http://127.0.0.1:1", TOSS_SECRET_KEY: " " }, "TOSS_SECRET_KEY"],
        [{ PORTONE_BASE_URL: "http://127.0.0.1:1" }, "PORTONE_API_SECRET"],
        [{ BOOTPAY_SECRET_KEY: "hush" }, "BOOTPAY_CLIENT_KEY"],
        [{ BOOTPAY_CLIENT_KEY: "client" }, "BOOTPAY_SECRET_KEY"],
        [{ BOOTPAY_APPLICATION_ID: "application" }, "BOOTPAY_PRIVATE_KEY"],
        [{ ...bootpay, BOOTPAY_PRIVATE_KEY: "hush" }, "BOOTPAY_APPLICATION_ID"],
      ] as const) {
        const whole = Object.keys(half)[0]?.startsWith("TOSS") === true ? portone : toss;
        const error = yield* Effect.flip(made({ ...whole, ...half }));
        assert.instanceOf(error, Vendors.HalfGiven);
        assert.match(String(error), new RegExp(`${missing}.* is not`));
        assert.notInclude(String(error), "hush");
      }
    }),
  );

  it.effect("a shop without a gateway that may be used does not start, nor one with weights that mean nothing", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* refused({}), "NoGateway");
      assert.strictEqual(yield* refused({ ...toss, DESTINY_PAYMENT_WEIGHTS: "toss=0" }), "NoGateway");
      for (const weights of ["toss", "toss=-1", "toss=1e3", "mock=1", "portone=1"]) {
        assert.strictEqual(yield* refused({ ...toss, DESTINY_PAYMENT_WEIGHTS: weights }), "BadWeights", weights);
      }
    }),
  );
});
