/**
 * The gateways of this shop: those whose keys are in the environment, each behind the breakers of this process. One that is
 * half given is refused: passed over in silence, it would be missed on the day when another one is down.
 *
 * `DESTINY_PAYMENT_TIMEOUT` is the time-out of a call to any of them (default: each adapter's own).
 * `DESTINY_PAYMENT_WEIGHTS` (`toss=3,portone=1`; default: 1 each) says how new orders are shared out; 0 sends nobody there any
 * more, and still asks and gives back.
 */
import { Bootpay, GatewayHealth, type GatewayRouter, PaymentGateway, PortOne, Toss } from "@destiny/sdk/payment";
import * as Config from "effect/Config";
import * as Context from "effect/Context";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import type * as HttpClient from "effect/http/HttpClient";
import * as Layer from "effect/Layer";
import * as Option from "effect/Option";
import * as Redacted from "effect/Redacted";
import * as Schema from "effect/Schema";

interface Vendor {
  readonly provider: string;
  readonly timeoutMillis: number;
  readonly gateway: Effect.Effect<PaymentGateway.PaymentGateway, never, HttpClient.HttpClient>;
}

/** Nothing to charge anybody with. */
export class NoGateway extends Schema.TaggedError<NoGateway>()("NoGateway", {
  variables: Schema.Array(Schema.String),
}) {
  override get message(): string {
    return `no gateway can be used: set ${this.variables.join(" or ")}, and a weight above 0`;
  }
}

export class HalfGiven extends Schema.TaggedError<HalfGiven>()("HalfGiven", {
  provider: Schema.String,
  given: Schema.Array(Schema.String),
  missing: Schema.Array(Schema.String),
}) {
  override get message(): string {
    return `${this.provider} is half given: ${this.given.join(" and ")} is set, ${this.missing.join(" and ")} is not`;
  }
}

export class BadWeights extends Schema.TaggedError<BadWeights>()("BadWeights", { part: Schema.String }) {
  override get message(): string {
    return `DESTINY_PAYMENT_WEIGHTS: "${this.part}" is not <gateway>=<weight> of a gateway whose keys are set`;
  }
}

/** Whether a variable says something; a blank one does not. */
const isGiven = (name: string) =>
  Effect.map(Config.option(Config.Redacted(name)), (value) =>
    Option.exists(value, (one) => Redacted.value(one).trim() !== ""),
  );

interface Keys {
  /** Variables that belong together; any complete set will do. */
  readonly sets: readonly [ReadonlyArray<string>, ...ReadonlyArray<ReadonlyArray<string>>];
  /** Where the gateway is: who says that wants it. */
  readonly baseUrl: string;
}

/** True with a complete set, false without anything. */
const areGiven = Effect.fnUntraced(function* (provider: string, { baseUrl, sets }: Keys) {
  let complete = false;
  for (const names of sets) {
    const missing = yield* Effect.filter(names, (name) => Effect.map(isGiven(name), (given) => !given));
    const given = names.filter((name) => !missing.includes(name));
    if (given.length > 0 && missing.length > 0) return yield* new HalfGiven({ provider, given, missing });
    complete ||= missing.length === 0;
  }
  if (!complete && (yield* isGiven(baseUrl))) {
    return yield* new HalfGiven({ provider, given: [baseUrl], missing: sets[0] });
  }
  return complete;
});

const taking = <Options extends { readonly timeoutMillis?: number | undefined }>(
  provider: string,
  keys: Keys,
  adapter: {
    readonly config: Config.Config<Options>;
    readonly make: (options: Options) => Vendor["gateway"];
    readonly defaultTimeoutMillis: number;
  },
) => ({
  keys,
  vendor: Effect.gen(function* () {
    if (!(yield* areGiven(provider, keys))) return [];
    const options = yield* adapter.config;
    const timeout = yield* Config.option(Config.Duration("DESTINY_PAYMENT_TIMEOUT"));
    const timeoutMillis = Option.match(timeout, {
      onSome: Duration.toMillis,
      onNone: () => options.timeoutMillis ?? adapter.defaultTimeoutMillis,
    });
    return [{ provider, timeoutMillis, gateway: adapter.make({ ...options, timeoutMillis }) } satisfies Vendor];
  }),
});

const known = [
  taking(Toss.provider, { sets: [["TOSS_SECRET_KEY"]], baseUrl: "TOSS_BASE_URL" }, Toss),
  taking(PortOne.provider, { sets: [["PORTONE_API_SECRET"]], baseUrl: "PORTONE_BASE_URL" }, PortOne),
  taking(
    Bootpay.provider,
    {
      sets: [
        ["BOOTPAY_CLIENT_KEY", "BOOTPAY_SECRET_KEY"],
        ["BOOTPAY_APPLICATION_ID", "BOOTPAY_PRIVATE_KEY"],
      ],
      baseUrl: "BOOTPAY_BASE_URL",
    },
    Bootpay,
  ),
];

/** Weights by gateway, or what is wrong with the text. */
export const weightsOf = (
  text: string,
  providers: ReadonlyArray<string>,
): Effect.Effect<ReadonlyMap<string, number>, BadWeights> =>
  Effect.gen(function* () {
    const weights = new Map<string, number>();
    for (const part of text.split(",").filter((one) => one.trim() !== "")) {
      const [name = "", weight = ""] = part.split("=").map((one) => one.trim());
      if (!providers.includes(name) || !/^\d{1,6}(\.\d{1,3})?$/.test(weight)) return yield* new BadWeights({ part });
      weights.set(name, Number(weight));
    }
    return weights;
  });

const make = Effect.gen(function* () {
  const vendors = (yield* Effect.forEach(known, ({ vendor }) => vendor)).flat();
  const providers = vendors.map(({ provider }) => provider);
  const text = yield* Config.String("DESTINY_PAYMENT_WEIGHTS").pipe(Config.withDefault(""));
  const weights = yield* weightsOf(text, providers);
  const candidates = providers.map((provider): GatewayRouter.Candidate => ({
    provider,
    weight: weights.get(provider) ?? 1,
  }));
  if (!candidates.some(({ weight }) => weight > 0)) {
    return yield* new NoGateway({ variables: known.map(({ keys }) => keys.sets[0].join(" with ")) });
  }
  return { vendors, candidates, maxTimeoutMillis: Math.max(...vendors.map(({ timeoutMillis }) => timeoutMillis)) };
});

export class Vendors extends Context.Service<Vendors, Effect.Success<typeof make>>()(
  "@destiny/services/payment/Vendors",
) {}

const guarded = Layer.unwrap(
  Effect.gen(function* () {
    const { vendors } = yield* Vendors;
    const { guard } = yield* GatewayHealth.GatewayHealth;
    return PaymentGateway.PaymentGateways.layer(vendors.map(({ gateway }) => Effect.map(gateway, guard)));
  }),
);

/** One HTTP client for all of them: a hanging vendor holds its own connections only. */
export const layer = guarded.pipe(
  Layer.provide(Toss.httpClient),
  Layer.provideMerge(GatewayHealth.GatewayHealth.layer()),
  Layer.provideMerge(Layer.effect(Vendors, make)),
);
