/**
 * One HTTP call to a vendor, with whatever comes of it as a value.
 *
 * Guarantee: never fails and never repeats a request; a call that is given up after its time is `Unknown`.
 * Limits: `connectTimeoutMillis` to connect, `maxConnections` sockets a client.
 */
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient";
import * as Effect from "effect/Effect";
import * as HttpClient from "effect/http/HttpClient";
import type { HttpClientError } from "effect/http/HttpClientError";
import * as HttpClientRequest from "effect/http/HttpClientRequest";
import type * as HttpClientResponse from "effect/http/HttpClientResponse";
import type * as Layer from "effect/Layer";
import * as Option from "effect/Option";
import { type InquiryOutcome, type NotSent, notSent, type Unknown, unknown } from "../PaymentGateway.ts";
import { outcomeOf } from "./Transport.ts";

/** Vendors advise 30 s or more; a peak-day saga rather asks again, so a call is given up sooner. */
export const defaultTimeoutMillis = 5000;
export const connectTimeoutMillis = 2000;
export const maxConnections = 256;

/** Vendors refuse a reason that is longer, and would refuse it for ever. */
export const maxReasonLength = 200;

/** What a vendor takes of a reason, without half a character at its end. */
export const reasonOf = (reason: string): string => reason.slice(0, maxReasonLength).toWellFormed();

/** An HTTP client whose errors tell a connection that never opened from a request that got lost. */
export const httpClient: Layer.Layer<HttpClient.HttpClient> = NodeHttpClient.layerUndiciOptions({
  connect: { timeout: connectTimeoutMillis },
  connections: maxConnections,
});

/** The ambient client at a vendor's address; `sign` adds what every request to this vendor carries. */
export const clientAt = (
  baseUrl: string,
  sign: (request: HttpClientRequest.HttpClientRequest) => HttpClientRequest.HttpClientRequest,
): Effect.Effect<HttpClient.HttpClient, never, HttpClient.HttpClient> =>
  Effect.map(
    HttpClient.HttpClient,
    HttpClient.mapRequest((request) => sign(HttpClientRequest.prependUrl(request, baseUrl))),
  );

/** The vendor's own no, in its own words. */
export interface Refusal {
  readonly _tag: "Refusal";
  readonly status: number;
  readonly code: string;
  readonly message: string;
}

/** What came back: what was asked for, the vendor's refusal, or nothing to be trusted. */
export type Answer<Body> = { readonly _tag: "Body"; readonly body: Body } | Refusal | NotSent | Unknown;

export type Read<Body> = (status: number, text: string) => Answer<Body>;

/** Reads an answer by the vendor's two schemas. */
export const reader =
  <Body>(
    decodeBody: (text: string) => Option.Option<Body>,
    decodeRefusal: (text: string) => Option.Option<{ readonly code: string; readonly message: string }>,
  ): Read<Body> =>
  (status, text) => {
    if (status >= 200 && status < 300) {
      return Option.match(decodeBody(text), {
        onSome: (body): Answer<Body> => ({ _tag: "Body", body }),
        onNone: () => unknown("unreadable answer", true),
      });
    }
    return Option.match(decodeRefusal(text), {
      onSome: ({ code, message }): Answer<Body> => ({ _tag: "Refusal", status, code, message }),
      // Said by something in front of the vendor: its own answer, if there is one, still waits under the key.
      onNone: () => (status === 429 ? notSent("rate-limited") : unknown(`HTTP ${status}`)),
    });
  };

/** The framework's own span would carry the payment key, which is in the address, and send our trace to the vendor. */
const asClientSpan = <A>(
  client: HttpClient.HttpClient,
  request: HttpClientRequest.HttpClientRequest,
  use: (response: HttpClientResponse.HttpClientResponse) => Effect.Effect<A, HttpClientError>,
) =>
  Effect.withSpan(
    client
      .pipe(
        HttpClient.tapRequest(({ method, url }) => {
          // What is no address is for the client to refuse.
          if (!URL.canParse(url)) return Effect.void;
          const { hostname, port, protocol } = new URL(url);
          return Effect.annotateCurrentSpan({
            "http.request.method": method,
            "server.address": hostname,
            "server.port": Number(port) || (protocol === "http:" ? 80 : 443),
          });
        }),
        HttpClient.tap(({ status }) => Effect.annotateCurrentSpan("http.response.status_code", status)),
      )
      .execute(request)
      .pipe(
        Effect.flatMap(use),
        // Inside of the span: the error's message names the address, and an exporter would write it down.
        Effect.catch((error) =>
          Effect.as(Effect.annotateCurrentSpan("error.type", error.reason._tag), outcomeOf(error)),
        ),
        Effect.provideService(HttpClient.TracerDisabledWhen, () => true),
      ),
    request.method,
    { kind: "client", captureStackTrace: false },
  );

/** Sends, and waits for at most `timeoutMillis`. */
export const send = <Body>(
  client: HttpClient.HttpClient,
  request: HttpClientRequest.HttpClientRequest,
  read: Read<Body>,
  timeoutMillis: number,
): Effect.Effect<Answer<Body>> =>
  asClientSpan(client, request, (response) => Effect.map(response.text, (text) => read(response.status, text))).pipe(
    Effect.scoped,
    Effect.timeoutOrElse({
      duration: timeoutMillis,
      orElse: () => Effect.succeed<Answer<Body>>(unknown(`no answer in ${timeoutMillis} ms`)),
    }),
  );

/** What an inquiry says that did not come back with a payment. Not to be reached says nothing about the payment. */
export const notLooked = (answer: Refusal | NotSent | Unknown, notFoundCode: string): InquiryOutcome => {
  switch (answer._tag) {
    case "Refusal":
      // No buyer can make a gateway refuse a question about a payment: it is its trouble, or ours.
      return answer.code === notFoundCode ? { _tag: "NotFound" } : { ...unknown(answer.code, true), technical: true };
    case "NotSent":
      return unknown(answer.reason);
    default:
      return answer;
  }
};
