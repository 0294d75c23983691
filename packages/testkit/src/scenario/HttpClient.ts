/**
 * The shoppers' HTTP: keep-alive connections, a bound on their number, a time-out on every request, and no error that
 * is thrown for what the network does.
 *
 * Limits: `maxConnections` a server (more requests wait for one, and their shopper's clock runs); `requestTimeoutMillis`
 * from handing over the request until the body is read; answers are read whole.
 */
import type { Dispatcher } from "undici";
import { Agent } from "undici";
import type { HttpAnswer, HttpRequest } from "./Scenario.ts";

/** Monotonic, in epoch milliseconds. */
export const clock = (): number => performance.timeOrigin + performance.now();

export class Stopped extends Error {
  override readonly name = "Stopped";
}

export interface HttpClient {
  /** `headers` are added to those of the request. Rejects with `Stopped` only. */
  readonly send: (request: HttpRequest, headers: Readonly<Record<string, string>>) => Promise<HttpAnswer>;
  /** Ends what is under way: each `send` rejects. */
  readonly stop: () => void;
  readonly close: () => Promise<void>;
}

const json = (text: string): Record<string, unknown> => {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : {};
  } catch {
    return {};
  }
};

const flat = (headers: Dispatcher.ResponseData["headers"]): Record<string, string> =>
  Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(", ") : (value ?? "")]),
  );

const reasonOf = (error: unknown): string =>
  error instanceof Error ? ((error as NodeJS.ErrnoException).code ?? error.message) : String(error);

export const make = (options: {
  readonly shopUrl: string;
  readonly maxConnections: number;
  readonly requestTimeoutMillis: number;
}): HttpClient => {
  const agent = new Agent({
    connections: options.maxConnections,
    pipelining: 1,
    // Shorter than a server's usual five seconds: a request must not meet a connection that is just being closed.
    keepAliveTimeout: 4_000,
    connect: { timeout: options.requestTimeoutMillis },
    // The time-out below covers the whole exchange; a second, coarser clock would only blur it.
    headersTimeout: 0,
    bodyTimeout: 0,
  });
  const underWay = new Set<AbortController>();
  let stopped = false;
  return {
    send: async (request, headers) => {
      if (stopped) throw new Stopped("the run was stopped");
      const controller = new AbortController();
      underWay.add(controller);
      const timer = setTimeout(() => controller.abort(), request.timeoutMillis ?? options.requestTimeoutMillis);
      const url = new URL(request.path, options.shopUrl);
      const startedAt = clock();
      try {
        const response = await agent.request({
          origin: url.origin,
          path: url.pathname + url.search,
          method: request.method,
          headers: {
            accept: "application/json",
            ...(request.body === undefined ? {} : { "content-type": "application/json" }),
            ...headers,
            ...request.headers,
          },
          body: request.body === undefined ? null : JSON.stringify(request.body),
          signal: controller.signal,
        });
        const text = await response.body.text();
        return {
          status: response.statusCode,
          body: json(text),
          headers: flat(response.headers),
          startedAt,
          endedAt: clock(),
        };
      } catch (error) {
        if (stopped) throw new Stopped("the run was stopped", { cause: error });
        const reason = controller.signal.aborted ? "timeout" : reasonOf(error);
        return { status: 0, body: {}, headers: {}, error: reason, startedAt, endedAt: clock() };
      } finally {
        clearTimeout(timer);
        underWay.delete(controller);
      }
    },
    stop: () => {
      stopped = true;
      for (const controller of underWay) controller.abort();
    },
    close: () => agent.destroy(),
  };
};
