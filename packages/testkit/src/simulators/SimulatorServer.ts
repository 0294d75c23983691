/**
 * A small HTTP/1.1 server for simulated vendors: JSON in, an {@link Answer} out, on 127.0.0.1.
 *
 * An answer is a value, so that a vendor can also answer with what networks do: never, late, or with a reset.
 * Guarantee: a request whose handler ran had all its effects before the first byte of its answer is written.
 * Limits: body size, connections, the time a connection may hang, the time a close waits for requests in flight.
 *
 * `node:http` directly: the server sits in the path of load tests, and a fiber per request is cost without a reader.
 */
import * as Effect from "effect/Effect";
import * as Schema from "effect/Schema";
import type * as Scope from "effect/Scope";
import * as Http from "node:http";
import type { AddressInfo, Socket } from "node:net";

export interface SimulatorRequest {
  readonly method: string;
  /** Path and query as sent. */
  readonly url: string;
  readonly path: string;
  readonly query: URLSearchParams;
  /** Values of the `:name` segments of the route, decoded. */
  readonly parameters: Readonly<Record<string, string>>;
  readonly headers: Http.IncomingHttpHeaders;
  /** The parsed JSON; `undefined` when absent or not JSON. */
  readonly body: unknown;
}

export type Headers = Readonly<Record<string, string>>;

export type Answer =
  | { readonly _tag: "Reply"; readonly status: number; readonly body: string; readonly headers: Headers }
  /** Keeps the connection open and says nothing until the client or `maxHangMillis` ends it. */
  | { readonly _tag: "Hang" }
  /** Ends the connection with a TCP reset. */
  | { readonly _tag: "Reset" }
  /** Runs `next` after the delay, also when the client has gone by then: that is how late approvals come to be. */
  | { readonly _tag: "Later"; readonly delayMillis: number; readonly next: () => Answer };

export const json = (status: number, body: unknown, headers: Headers = {}): Answer => ({
  _tag: "Reply",
  status,
  body: body === undefined ? "" : JSON.stringify(body),
  headers,
});
export const hang: Answer = { _tag: "Hang" };
export const reset: Answer = { _tag: "Reset" };
export const later = (delayMillis: number, next: () => Answer): Answer =>
  delayMillis > 0 ? { _tag: "Later", delayMillis, next } : next();

export interface Route {
  readonly method: string;
  /** `/v1/payments/:paymentKey`; a literal segment wins over a parameter when its route is listed first. */
  readonly path: string;
  /** Control routes steer the simulator itself: an outage does not cut the connections they are being answered on. */
  readonly control?: boolean;
  readonly handle: (request: SimulatorRequest) => Answer;
}

export interface SimulatorServerOptions {
  /** 0 lets the system choose. */
  readonly port: number;
  readonly routes: ReadonlyArray<Route>;
  /** The vendor's body for errors of the transport: 404 no such route, 413 body too large, 500 a handler that threw. */
  readonly failure: (status: 404 | 413 | 500, cause?: unknown) => Answer;
  readonly maxBodyBytes?: number;
  readonly maxConnections?: number;
  readonly maxHangMillis?: number;
  readonly drainMillis?: number;
}

export interface SimulatorServer {
  readonly port: number;
  readonly url: string;
  /** Refuses new connections and resets those that are open, until `resume`. Idempotent. */
  readonly pause: () => void;
  readonly resume: () => void;
}

export class ListenError extends Schema.TaggedError<ListenError>()("ListenError", {
  port: Schema.Int,
  cause: Schema.Defect(),
}) {
  override get message() {
    return `cannot listen on 127.0.0.1:${this.port}`;
  }
}

const host = "127.0.0.1";
const resumeRetryMillis = 100;

interface Compiled {
  readonly route: Route;
  readonly segments: ReadonlyArray<string>;
}

const compile = (routes: ReadonlyArray<Route>): ReadonlyMap<string, ReadonlyArray<Compiled>> => {
  const table = new Map<string, Array<Compiled>>();
  for (const route of routes) {
    const segments = route.path.split("/");
    const key = `${route.method} ${segments.length}`;
    const rows = table.get(key) ?? [];
    rows.push({ route, segments });
    table.set(key, rows);
  }
  return table;
};

const match = (segments: ReadonlyArray<string>, path: ReadonlyArray<string>): Record<string, string> | undefined => {
  const parameters: Record<string, string> = {};
  for (const [index, segment] of segments.entries()) {
    const actual = path[index] ?? "";
    if (segment.startsWith(":")) {
      if (actual === "") return undefined;
      try {
        parameters[segment.slice(1)] = actual.includes("%") ? decodeURIComponent(actual) : actual;
      } catch {
        return undefined;
      }
    } else if (segment !== actual) {
      return undefined;
    }
  }
  return parameters;
};

const parse = (chunks: ReadonlyArray<Buffer>): unknown => {
  if (chunks.length === 0) return undefined;
  try {
    return JSON.parse((chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)).toString("utf8"));
  } catch {
    return undefined;
  }
};

/** Listens until the scope closes; then requests in flight get `drainMillis` to finish, hanging ones are cut at once. */
export const make = (options: SimulatorServerOptions): Effect.Effect<SimulatorServer, ListenError, Scope.Scope> =>
  Effect.gen(function* () {
    const { maxBodyBytes = 65_536, maxHangMillis = 120_000, drainMillis = 2_000 } = options;
    const table = compile(options.routes);
    const sockets = new Set<Socket>();
    const controlled = new Set<Socket>();
    const hung = new Set<Socket>();
    const timers = new Set<NodeJS.Timeout>();
    let closing = false;
    let paused = false;

    const after = (millis: number, run: () => void) => {
      const timer = setTimeout(() => {
        timers.delete(timer);
        run();
      }, millis);
      timers.add(timer);
      return timer;
    };

    const guarded = (run: () => Answer): Answer => {
      try {
        return run();
      } catch (cause) {
        return options.failure(500, cause);
      }
    };

    const perform = (response: Http.ServerResponse, socket: Socket, answer: Answer): void => {
      switch (answer._tag) {
        case "Later":
          after(answer.delayMillis, () => perform(response, socket, guarded(answer.next)));
          return;
        case "Reset":
          socket.resetAndDestroy();
          return;
        case "Hang": {
          if (closing) {
            socket.destroy();
            return;
          }
          hung.add(socket);
          const timer = after(maxHangMillis, () => socket.destroy());
          socket.once("close", () => {
            clearTimeout(timer);
            timers.delete(timer);
          });
          return;
        }
        case "Reply":
          if (socket.destroyed) return;
          if (closing || paused) response.setHeader("connection", "close");
          response.writeHead(answer.status, {
            "content-type": "application/json;charset=UTF-8",
            "content-length": Buffer.byteLength(answer.body),
            ...answer.headers,
          });
          response.end(answer.body);
      }
    };

    const dispatch = (request: Http.IncomingMessage, response: Http.ServerResponse, body: unknown): void => {
      const url = request.url ?? "/";
      const mark = url.indexOf("?");
      const path = mark < 0 ? url : url.slice(0, mark);
      const segments = path.split("/");
      const method = request.method ?? "GET";
      for (const { route, segments: pattern } of table.get(`${method} ${segments.length}`) ?? []) {
        const parameters = match(pattern, segments);
        if (parameters === undefined) continue;
        const { socket } = request;
        if (route.control === true) {
          controlled.add(socket);
          response.once("close", () => controlled.delete(socket));
        }
        const query = new URLSearchParams(mark < 0 ? "" : url.slice(mark + 1));
        const { headers } = request;
        perform(
          response,
          socket,
          guarded(() => route.handle({ method, url, path, query, parameters, headers, body })),
        );
        return;
      }
      perform(response, request.socket, options.failure(404));
    };

    const server = Http.createServer({ keepAliveTimeout: 60_000, requestTimeout: 30_000 }, (request, response) => {
      if (request.headers["content-length"] === undefined && request.headers["transfer-encoding"] === undefined) {
        dispatch(request, response, undefined);
        return;
      }
      const chunks: Array<Buffer> = [];
      let size = 0;
      request.on("data", (chunk: Buffer) => {
        size += chunk.length;
        if (size <= maxBodyBytes) chunks.push(chunk);
        else if (!response.headersSent) {
          response.setHeader("connection", "close");
          perform(response, request.socket, options.failure(413));
        }
      });
      request.on("end", () => {
        if (size <= maxBodyBytes) dispatch(request, response, parse(chunks));
      });
    });
    server.maxConnections = options.maxConnections ?? 4_096;
    server.on("connection", (socket) => {
      sockets.add(socket);
      socket.setNoDelay(true);
      socket.once("close", () => {
        sockets.delete(socket);
        hung.delete(socket);
      });
      if (paused) socket.resetAndDestroy();
    });

    const port = yield* Effect.callback<number, ListenError>((resume) => {
      const failed = (cause: Error) => resume(Effect.fail(new ListenError({ port: options.port, cause })));
      server.once("error", failed);
      server.listen(options.port, host, () => {
        server.off("error", failed);
        resume(Effect.succeed((server.address() as AddressInfo).port));
      });
    });

    // After an outage somebody else may hold the port for a moment; the port is our address, so it is asked for again.
    const listenAgain = () => {
      server.once("error", () => {
        if (!closing && !paused) after(resumeRetryMillis, listenAgain);
      });
      server.listen(port, host, () => server.removeAllListeners("error"));
    };

    yield* Effect.addFinalizer(() =>
      Effect.callback<void>((resume) => {
        closing = true;
        const ended = () => {
          for (const timer of timers) clearTimeout(timer);
          timers.clear();
          resume(Effect.void);
        };
        const limit = setTimeout(() => server.closeAllConnections(), drainMillis);
        server.close(() => {
          clearTimeout(limit);
          ended();
        });
        server.closeIdleConnections();
        for (const socket of hung) socket.destroy();
      }),
    );

    return {
      port,
      url: `http://${host}:${port}`,
      pause: () => {
        if (paused || closing) return;
        paused = true;
        server.close();
        for (const socket of sockets) if (!controlled.has(socket)) socket.resetAndDestroy();
      },
      resume: () => {
        if (!paused || closing) return;
        paused = false;
        listenAgain();
      },
    };
  });
