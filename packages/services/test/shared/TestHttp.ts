/** Requests to the service under test, over real connections. */
import * as Effect from "effect/Effect";
import { Agent, type IncomingHttpHeaders, request as httpRequest } from "node:http";
import type { Shopper } from "./TestTokens.ts";

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** The JSON object that was answered; empty when it was none. */
  readonly body: Record<string, unknown>;
}

export interface Request {
  /** Whose token is sent; a string is sent as the token, whatever it is. */
  readonly as?: Shopper | string | undefined;
  /** `Idempotency-Key`. */
  readonly key?: string | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Sent as JSON; text is sent as it is. */
  readonly body?: unknown;
}

export interface TestHttp {
  readonly send: (method: string, path: string, request?: Request) => Effect.Effect<Answer>;
  readonly get: (path: string, request?: Request) => Effect.Effect<Answer>;
  readonly post: (path: string, request?: Request) => Effect.Effect<Answer>;
  readonly patch: (path: string, request?: Request) => Effect.Effect<Answer>;
}

const headersOf = ({ as, body, headers, key }: Request): Record<string, string> => ({
  ...(as === undefined ? {} : { authorization: `Bearer ${typeof as === "string" ? as : as.token}` }),
  ...(key === undefined ? {} : { "idempotency-key": key }),
  ...(body === undefined ? {} : { "content-type": "application/json" }),
  ...headers,
});

const objectOf = (text: string): Record<string, unknown> => {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
};

const exchange = (agent: Agent, method: string, url: string, headers: Record<string, string>, body: string) =>
  Effect.callback<Answer>((resume) => {
    const outgoing = httpRequest(url, { method, agent, headers }, (incoming) => {
      incoming.setEncoding("utf8");
      let text = "";
      incoming.on("data", (chunk: string) => {
        text += chunk;
      });
      incoming.on("end", () =>
        resume(
          Effect.succeed({
            status: incoming.statusCode ?? 0,
            headers: incoming.headers,
            text,
            body: objectOf(text),
          }),
        ),
      );
    });
    outgoing.on("error", (error) => resume(Effect.die(error)));
    outgoing.end(body);
    return Effect.sync(() => outgoing.destroy());
  });

/** Connections are kept until the scope closes; `logged` holds what the service logged as errors. */
export const make = Effect.fnUntraced(function* (url: string, logged: ReadonlyArray<string>) {
  // Not `fetch`: it opens connections ahead that never carry a request, and a drain would wait for them.
  const agent = yield* Effect.acquireRelease(
    Effect.sync(() => new Agent({ keepAlive: true })),
    (open) => Effect.sync(() => open.destroy()),
  );
  const send = Effect.fnUntraced(function* (method: string, path: string, request: Request = {}) {
    const body = typeof request.body === "string" ? request.body : (JSON.stringify(request.body) ?? "");
    const length = body === "" ? {} : { "content-length": String(Buffer.byteLength(body)) };
    const answer = yield* exchange(agent, method, `${url}${path}`, { ...length, ...headersOf(request) }, body);
    if (answer.status === 500) {
      return yield* Effect.die(new Error(`${method} ${path} answered 500: ${logged.at(-1) ?? answer.text}`));
    }
    return answer;
  });
  return {
    send,
    get: (path, request) => send("GET", path, request),
    post: (path, request) => send("POST", path, request),
    patch: (path, request) => send("PATCH", path, request),
  } satisfies TestHttp;
});

/** The fields that a problem's `errors` name; a field may be named for several reasons. */
export const fieldsOf = ({ body }: Answer): ReadonlyArray<string> => [
  ...new Set(((body["errors"] ?? []) as ReadonlyArray<{ readonly field: string }>).map(({ field }) => field)),
];

/** Whether an answer is a problem (RFC 9457) with all that the shop's problems have, about this path. */
export const isProblem = ({ body, headers, status }: Answer, path: string): boolean =>
  headers["content-type"] === "application/problem+json" &&
  body["status"] === status &&
  body["type"] === `urn:problem:${String(body["code"])}` &&
  typeof body["title"] === "string" &&
  typeof body["traceId"] === "string" &&
  body["instance"] === path.replace(/\?.*$/, "");

/** The items of a list's page. */
export const itemsOf = ({ body }: Answer): ReadonlyArray<Record<string, unknown>> =>
  body["items"] as ReadonlyArray<Record<string, unknown>>;

/** The query parameter that asks for the page after this one; undefined after the last. */
export const nextOf = ({ body: { nextCursor } }: Answer): string | undefined =>
  typeof nextCursor === "string" ? `cursor=${nextCursor}` : undefined;
