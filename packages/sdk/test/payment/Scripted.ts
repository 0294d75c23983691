/** A vendor that says what a test tells it to, for answers that no simulated vendor gives. */
import * as Effect from "effect/Effect";
import * as HttpClient from "effect/http/HttpClient";
import type * as HttpClientRequest from "effect/http/HttpClientRequest";
import * as HttpClientResponse from "effect/http/HttpClientResponse";

export interface Asked {
  /** `GET /path` */
  readonly what: string;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: unknown;
}

/** A body and its status, 200 unless given; or something that takes its time. */
export type Answer = { readonly status?: number; readonly body: unknown } | Effect.Effect<never>;

export const baseUrl = "http://vendor.test";

const bodyOf = ({ body }: HttpClientRequest.HttpClientRequest): unknown =>
  body._tag === "Uint8Array" ? JSON.parse(new TextDecoder().decode(body.body)) : undefined;

export const scripted = (answer: (asked: Asked) => Answer | Effect.Effect<Answer>) => {
  const log: Array<Asked> = [];
  const client = HttpClient.make((request) =>
    Effect.gen(function* () {
      const what = `${request.method} ${request.url.slice(baseUrl.length)}`;
      const asked: Asked = { what, headers: request.headers, body: bodyOf(request) };
      log.push(asked);
      const said = answer(asked);
      const answered = Effect.isEffect(said) ? yield* said : said;
      const { body, status = 200 } = Effect.isEffect(answered) ? yield* answered : answered;
      return HttpClientResponse.fromWeb(request, new Response(JSON.stringify(body), { status }));
    }),
  );
  return {
    log,
    /** How often a request was made that begins like this. */
    times: (what: string) => log.filter((asked) => asked.what.startsWith(what)).length,
    provide: Effect.provideService(HttpClient.HttpClient, client),
  };
};
