/** The gateway, wired. It has no database; it holds no keys. */
import { TokenVerifier } from "@destiny/sdk/http";
import { Service } from "@destiny/sdk/service";
import * as Effect from "effect/Effect";
import * as FetchHttpClient from "effect/http/FetchHttpClient";
import * as Layer from "effect/Layer";
import * as Settings from "../shared/Settings.ts";
import * as Proxy from "./Proxy.ts";

const verifier = Layer.unwrap(
  Effect.gen(function* () {
    return TokenVerifier.TokenVerifier.layer({ ...Settings.tokenNames, url: yield* Settings.jwksUrl });
  }),
).pipe(Layer.provide(FetchHttpClient.layer));

export const layer = (port: number) =>
  Service.layer({ name: "gateway", port, routes: Proxy.layer.pipe(Layer.provide(verifier)) });
