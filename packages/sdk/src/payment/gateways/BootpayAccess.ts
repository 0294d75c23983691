/**
 * How a request to Bootpay says who asks: by the keys of the project, or by an access token of the older kind.
 *
 * Guarantee: one token request at a time, however many calls wait for it; a token that the vendor turned away is not used
 * again. A call that got no token was not made.
 * Limits: a token is used for `maxTokenLifeMillis`, and never in the last `tokenMarginMillis` of the life that the vendor
 * names. The vendor hands the same token out for 25 of its 30 minutes, so one just received may have five minutes left,
 * whatever its answer says.
 */
import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import * as HttpClientRequest from "effect/http/HttpClientRequest";
import * as Redacted from "effect/Redacted";
import * as Schema from "effect/Schema";
import * as Semaphore from "effect/Semaphore";
import { type NotSent, notSent } from "../PaymentGateway.ts";
import type { Answer } from "./Calls.ts";

export const maxTokenLifeMillis = 4 * 60_000;
export const tokenMarginMillis = 60_000;

export type Credentials =
  | { readonly _tag: "Keys"; readonly clientKey: string; readonly secretKey: Redacted.Redacted }
  | { readonly _tag: "Token"; readonly applicationId: string; readonly privateKey: Redacted.Redacted };

export const Token = Schema.Struct({ access_token: Schema.String, expire_in: Schema.Finite });
type Token = typeof Token.Type;

type Request = HttpClientRequest.HttpClientRequest;

interface Held {
  readonly token: Redacted.Redacted;
  readonly until: number;
}

export interface Access {
  /** The request with its credentials, or why there are none. */
  readonly sign: (request: Request, timeoutMillis: number) => Effect.Effect<Request | NotSent>;
  /** The vendor turned this signed request's token away; answers whether there can be another. */
  readonly forget: (signed: Request) => boolean;
}

const refused = (answer: Exclude<Answer<Token>, { readonly _tag: "Body" }>): NotSent => {
  switch (answer._tag) {
    case "Refusal":
      return notSent(answer.status === 429 ? "rate-limited" : answer.status >= 500 ? "preflight" : "configuration");
    case "NotSent":
      return answer;
    case "Unknown":
      return notSent("preflight");
  }
};

/** `ask` sends the token request, unsigned. */
export const make = (
  credentials: Credentials,
  ask: (request: Request, timeoutMillis: number) => Effect.Effect<Answer<Token>>,
): Access => {
  if (credentials._tag === "Keys") {
    const { clientKey, secretKey } = credentials;
    return {
      sign: (request) => Effect.succeed(HttpClientRequest.basicAuth(request, clientKey, secretKey)),
      forget: () => false,
    };
  }

  const oneAtATime = Semaphore.makeUnsafe(1);
  let held: Held | undefined;

  const authorization = ({ token }: Held): string => `Bearer ${Redacted.value(token)}`;

  const fetch = (timeoutMillis: number): Effect.Effect<Held | NotSent> =>
    Effect.gen(function* () {
      const asked = yield* Clock.currentTimeMillis;
      if (held !== undefined && asked < held.until) return held;
      const request = HttpClientRequest.post("/v2/request/token").pipe(
        HttpClientRequest.bodyJsonUnsafe({
          application_id: credentials.applicationId,
          private_key: Redacted.value(credentials.privateKey),
        }),
      );
      const answer = yield* ask(request, timeoutMillis);
      if (answer._tag !== "Body") return refused(answer);
      const { access_token, expire_in } = answer.body;
      const life = Math.min(expire_in * 1000 - tokenMarginMillis, maxTokenLifeMillis);
      held = { token: Redacted.make(access_token), until: asked + life };
      return held;
    });

  return {
    sign: (request, timeoutMillis) =>
      oneAtATime
        .withPermits(1)(fetch(timeoutMillis))
        .pipe(
          // The wait for others counts as well.
          Effect.timeoutOrElse({ duration: timeoutMillis, orElse: () => Effect.succeed(notSent("preflight")) }),
          Effect.map((got) =>
            "_tag" in got ? got : HttpClientRequest.setHeader(request, "authorization", authorization(got)),
          ),
        ),
    forget: (signed) => {
      // Another call may have got a new one meanwhile; that one stays.
      if (held !== undefined && signed.headers["authorization"] === authorization(held)) held = undefined;
      return true;
    },
  };
};
