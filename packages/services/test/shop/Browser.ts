/** People of a test who use the shop over HTTP, through the gateway. */
import * as Effect from "effect/Effect";

export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Record<string, unknown>;
}

export interface Shopper {
  readonly userId: string;
  readonly call: (
    method: string,
    path: string,
    options?: { readonly body?: unknown; readonly headers?: Record<string, string> },
  ) => Effect.Effect<Reply>;
}

const json = (text: string): Record<string, unknown> => {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return {};
  }
};

const requests =
  (url: string, token?: string): Shopper["call"] =>
  (method, path, { body, headers } = {}) =>
    Effect.promise(async () => {
      const response = await fetch(`${url}${path}`, {
        method,
        headers: {
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          ...(body === undefined ? {} : { "content-type": "application/json" }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
      });
      return { status: response.status, headers: response.headers, body: json(await response.text()) };
    });

/** Whoever has an account. */
export const signIn = (url: string) =>
  Effect.fnUntraced(function* (username: string, password: string) {
    const { body } = yield* requests(url)("POST", "/v1/auths/login", { body: { username, password } });
    return { userId: String(body["userId"]), call: requests(url, String(body["accessToken"])) } satisfies Shopper;
  });
