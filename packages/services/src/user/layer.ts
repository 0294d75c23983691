/** The user service, wired: the only one that holds the instance's signing key. */
import { Auth, Token } from "@destiny/sdk/http";
import { Service } from "@destiny/sdk/service";
import * as Config from "effect/Config";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import { UserApi } from "../contracts/index.ts";
import * as Foundation from "../shared/Foundation.ts";
import * as Settings from "../shared/Settings.ts";
import * as Handlers from "./Handlers.ts";
import { Passwords } from "./Passwords.ts";
import * as Purchases from "./Purchases.ts";
import * as Store from "./Store.ts";

const signer = Layer.unwrap(
  Effect.gen(function* () {
    const privateJwk = yield* Config.Redacted("DESTINY_JWT_PRIVATE_JWK");
    return Token.TokenSigner.layer({ ...Settings.tokenNames, privateJwk });
  }),
);

export const layer = (port: number) =>
  Service.layer({
    name: "user",
    port,
    routes: Layer.merge(
      Foundation.api(UserApi).pipe(Layer.provide(Handlers.layer), Layer.provide(Foundation.auth)),
      Auth.layerJwksRoute,
    ),
    workers: Layer.merge(Purchases.consumer, Foundation.workers),
    migrations: Foundation.migrate(Store.migrations),
    checks: Foundation.checks,
  }).pipe(
    Layer.provide(signer),
    Layer.provide(Passwords.layer),
    Layer.provide(Purchases.Purchases.layer),
    Layer.provide(Foundation.database("user")),
  );
