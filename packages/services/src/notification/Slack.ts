/**
 * Slack's incoming webhooks.
 *
 * Guarantee: never fails and never repeats a message; what came of it is an `Outcome`. A call without an answer in
 * `timeoutMillis` may have posted: Slack has no way to ask, so the message is at least once.
 *
 * Limits: webhooks of one host alone, so that nobody makes the shop call another address.
 */
import * as Config from "effect/Config";
import * as Context from "effect/Context";
import * as Effect from "effect/Effect";
import * as FetchHttpClient from "effect/http/FetchHttpClient";
import * as HttpClient from "effect/http/HttpClient";
import * as HttpClientRequest from "effect/http/HttpClientRequest";
import * as Layer from "effect/Layer";
import * as Option from "effect/Option";
import * as Redacted from "effect/Redacted";
import * as Schema from "effect/Schema";
import type { Outcome } from "./State.ts";

export const defaultBaseUrl = "https://hooks.slack.com";
export const timeoutMillis = 5000;
/** What Slack says beyond this is not believed. */
export const maxRetryAfterSeconds = 3600;
const maxAnswerLength = 100;

const gone: ReadonlySet<number> = new Set([403, 404, 410]);

const throttled = (header: string | undefined): Outcome => {
  const seconds = Number(header);
  const wait = Number.isFinite(seconds) && seconds > 0 ? Math.min(Math.ceil(seconds), maxRetryAfterSeconds) : 1;
  return { _tag: "Throttled", afterMillis: wait * 1000 };
};

/** What an answer means. Slack answers in plain text: `ok`, or a code of its own. */
export const outcomeOf = (status: number, body: string, retryAfter: string | undefined): Outcome => {
  const said = body.trim().slice(0, maxAnswerLength).toWellFormed().replaceAll("\0", "");
  const error = said === "" ? `HTTP ${status}` : said;
  if (status === 429) return throttled(retryAfter);
  if (status >= 200 && status < 300) return { _tag: "Sent", code: status, message: said };
  if (gone.has(status)) return { _tag: "Gone", code: status, error };
  if (status >= 500 || status === 408) return { _tag: "Retry", code: status, error };
  return { _tag: "Refused", code: status, error };
};

const config = Config.all({
  baseUrl: Config.NonEmptyString("SLACK_BASE_URL").pipe(Config.withDefault(defaultBaseUrl)),
  adminWebhook: Config.Redacted("SLACK_ADMIN_WEBHOOK").pipe(
    Config.option,
    Config.map(Option.filter((url) => Redacted.value(url).trim() !== "")),
  ),
});

/** A shop that plays with a simulator must not tell the people of a real one, nor the other way round. */
export class WebhookElsewhere extends Schema.TaggedError<WebhookElsewhere>()("WebhookElsewhere", {
  origin: Schema.String,
}) {
  override get message(): string {
    return `SLACK_ADMIN_WEBHOOK is no address at ${this.origin} (SLACK_BASE_URL)`;
  }
}

const make = Effect.gen(function* () {
  const { adminWebhook, baseUrl } = yield* config;
  const origin = new URL(baseUrl).origin;
  const pathOf = (url: Redacted.Redacted): string | undefined => {
    const address = Redacted.value(url);
    return address.startsWith(`${origin}/`) ? address.slice(origin.length) : undefined;
  };
  if (Option.exists(adminWebhook, (url) => pathOf(url) === undefined)) return yield* new WebhookElsewhere({ origin });
  const client = yield* HttpClient.HttpClient;

  const post = (url: string, text: string): Effect.Effect<Outcome> =>
    client.execute(HttpClientRequest.post(url).pipe(HttpClientRequest.bodyJsonUnsafe({ text }))).pipe(
      Effect.flatMap(({ headers, status, text }) =>
        Effect.map(text, (body) => outcomeOf(status, body, headers["retry-after"])),
      ),
      // The address is a secret: what failed is told without it.
      Effect.catch(({ reason }) => Effect.succeed<Outcome>({ _tag: "Retry", code: null, error: reason._tag })),
      Effect.timeoutOrElse({
        duration: timeoutMillis,
        orElse: () => Effect.succeed<Outcome>({ _tag: "Retry", code: null, error: "timeout" }),
      }),
      // A span of the client's own would carry the address.
      Effect.provideService(HttpClient.TracerDisabledWhen, () => true),
    );

  return {
    /** The path of a webhook; undefined when the address is not one of Slack's. */
    pathOf,
    /** Tells a brand, by the path of its webhook. */
    tell: (path: string, text: string) => post(`${origin}${path}`, text),
    /** Tells those who run the shop. */
    tellAdmin: (text: string): Effect.Effect<Outcome> =>
      Option.match(adminWebhook, {
        onNone: () => Effect.succeed({ _tag: "Refused", code: null, error: "no_admin_webhook" }),
        onSome: (url) => post(Redacted.value(url), text),
      }),
  };
});

export class Slack extends Context.Service<Slack, Effect.Success<typeof make>>()(
  "@destiny/services/notification/Slack",
) {
  static readonly layer = Layer.effect(Slack, make).pipe(Layer.provide(FetchHttpClient.layer));
}
