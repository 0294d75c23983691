/** The gateway, wired. It has no database. */
import { TokenVerifier } from "@destiny/sdk/http";
import { Service } from "@destiny/sdk/service";
import * as Config from "effect/Config";
import * as Effect from "effect/Effect";
import * as FetchHttpClient from "effect/http/FetchHttpClient";
import * as Layer from "effect/Layer";
import * as Schema from "effect/Schema";
import * as Settings from "../shared/Settings.ts";
import * as Gateway from "./Gateway.ts";
import * as Limits from "./Limits.ts";
import { routes } from "./Routes.ts";
import * as TrustedProxies from "./TrustedProxies.ts";

const list = (name: string, otherwise: ReadonlyArray<string>) =>
  Config.Array(Schema.NonEmptyString, name).pipe(Config.withDefault(otherwise));

const trustedProxies = list("DESTINY_TRUSTED_PROXIES", TrustedProxies.loopback);

const corsOrigins = list("DESTINY_CORS_ORIGINS", []);

/** Requests a second that one address may make; a burst of two seconds' worth at once. */
const requestsPerSecond = Config.Int("DESTINY_RATE_LIMIT").pipe(Config.withDefault(Limits.defaults.requestsPerSecond));

const verifier = Layer.unwrap(
  Effect.gen(function* () {
    return TokenVerifier.TokenVerifier.layer({ ...Settings.tokenNames, url: yield* Settings.jwksUrl });
  }),
).pipe(Layer.provide(FetchHttpClient.layer));

export const layer = (port: number) =>
  Layer.unwrap(
    Effect.gen(function* () {
      const offset = yield* Settings.portOffset;
      const perSecond = yield* requestsPerSecond;
      return Service.layer(
        Gateway.serviceOptions({
          port,
          routes,
          originOf: (service) => `http://127.0.0.1:${Settings.entryOf(service).port + offset}`,
          trustedProxies: yield* trustedProxies,
          corsOrigins: yield* corsOrigins,
          limits: { requestsPerSecond: perSecond, maxRequestsAtOnce: 2 * perSecond },
        }),
      );
    }),
  ).pipe(Layer.provide(verifier));
