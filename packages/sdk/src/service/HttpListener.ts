/**
 * A listening port that can be closed without losing a request.
 *
 * Limits: idle connections are kept `keepAliveTimeoutMillis`, which must be longer than what clients and gateways keep theirs, or they send
 * into a connection that is just being closed. The backlog is Node's default times four: 511 is overrun by a peak's first second.
 */
import * as Effect from "effect/Effect";
import * as Schedule from "effect/Schedule";
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer";
import { createServer } from "node:http";
import type { Socket } from "node:net";

export interface Options {
  /** 0 picks a free one. */
  readonly port: number;
  readonly host?: string | undefined;
  readonly backlog?: number | undefined;
  readonly keepAliveTimeoutMillis?: number | undefined;
  readonly requestTimeoutMillis?: number | undefined;
}

export const defaultHost = "127.0.0.1";
export const defaultBacklog = 2_048;
export const defaultKeepAliveTimeoutMillis = 75_000;
export const defaultRequestTimeoutMillis = 30_000;

const closeIdleEveryMillis = 50;

/** Browsers and pools connect in advance. What has not sent a byte so long after the drain began was not going to. */
export const unusedConnectionMillis = 1_000;

export const make = Effect.fnUntraced(function* (options: Options) {
  const keepAliveTimeout = options.keepAliveTimeoutMillis ?? defaultKeepAliveTimeoutMillis;
  const host = options.host ?? defaultHost;
  const requestTimeout = options.requestTimeoutMillis ?? defaultRequestTimeoutMillis;
  const server = createServer({
    keepAliveTimeout,
    requestTimeout,
    headersTimeout: requestTimeout,
    connectionsCheckingInterval: Math.min(requestTimeout, 5_000),
    noDelay: true,
  });
  const http = yield* NodeHttpServer.make(() => server, {
    host,
    port: options.port,
    backlog: options.backlog ?? defaultBacklog,
    // We close it ourselves, in `close`.
    disablePreemptiveShutdown: true,
  });
  // Node does not count a connection that never carried a request as an idle one.
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : options.port;

  const closed = Effect.callback<void>((resume) => {
    server.close(() => resume(Effect.void));
  });

  // A connection whose last answer was begun before the drain was not told to close, and would idle until its keep-alive ends.
  const closeIdle = Effect.repeat(
    Effect.sync(() => server.closeIdleConnections()),
    Schedule.spaced(closeIdleEveryMillis),
  );

  const closeUnused = Effect.andThen(
    Effect.sleep(unusedConnectionMillis),
    Effect.sync(() => {
      for (const socket of sockets) if (socket.bytesRead === 0) socket.destroy();
    }),
  );

  return {
    port,
    url: `http://${host}:${port}`,
    serve: http.serve,
    /** Accepts no more connections; true when all are gone within the time given, false when some are not. */
    close: (timeoutMillis: number): Effect.Effect<boolean> =>
      Effect.raceFirst(
        closed,
        Effect.all([closeIdle, closeUnused], { concurrency: 2 }).pipe(Effect.andThen(Effect.never)),
      ).pipe(
        Effect.timeoutOption(timeoutMillis),
        Effect.map((done) => done._tag === "Some"),
      ),
    /** Ends whatever connection is left. */
    cut: Effect.sync(() => server.closeAllConnections()),
  };
});
