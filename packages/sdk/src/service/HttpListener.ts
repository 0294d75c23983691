/**
 * A listening port that can be closed without losing a request.
 *
 * Limits: idle connections are kept `keepAliveTimeoutMillis`, which must be longer than what clients and gateways keep theirs, or they send
 * into a connection that is just being closed. The backlog is Node's default times four: 511 is overrun by a peak's first second.
 *
 * On Linux `acceptors` sockets listen on the port and share its connections (SO_REUSEPORT), because Node accepts one connection
 * a socket and turn of the event loop (libuv since 1.45; measured with 1.52: 1,000 connections took 1,011 turns). In a peak's
 * first second turns are long and connections many: requests then waited up to eight seconds to be accepted. The kernel would
 * share the port with another process of the same user too, so the port is first listened on alone, which fails where anybody
 * listens; only two processes that start within the same millisecond could both succeed.
 */
import * as Effect from "effect/Effect";
import * as Schedule from "effect/Schedule";
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer";
import { ServeError } from "effect/http/HttpServerError";
import { createServer } from "node:http";
import { createServer as createAcceptor, type ListenOptions, type Server, type Socket } from "node:net";
import { platform } from "node:os";

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
/** Connections that are accepted in one turn of the event loop. */
export const acceptors = platform() === "linux" ? 32 : 1;
export const defaultKeepAliveTimeoutMillis = 75_000;
export const defaultRequestTimeoutMillis = 30_000;

const closeIdleEveryMillis = 50;

/** Browsers and pools connect in advance. What has not sent a byte so long after the drain began was not going to. */
export const unusedConnectionMillis = 1_000;

const listen = (server: Server, options: ListenOptions) =>
  Effect.callback<void, ServeError>((resume) => {
    const fail = (cause: Error) => resume(Effect.fail(new ServeError({ cause })));
    server.once("error", fail);
    server.listen(options, () => {
      server.off("error", fail);
      resume(Effect.void);
    });
  });

const close = (server: Server) =>
  Effect.callback<void>((resume) => {
    server.close(() => resume(Effect.void));
  });

/** Fails where anybody listens, also who would share the port. */
const assertFree = (at: { readonly host: string; readonly port: number }) =>
  Effect.suspend(() => {
    const probe = createAcceptor();
    return Effect.andThen(listen(probe, at), close(probe));
  });

export const make = Effect.fnUntraced(function* (options: Options) {
  const keepAliveTimeout = options.keepAliveTimeoutMillis ?? defaultKeepAliveTimeoutMillis;
  const host = options.host ?? defaultHost;
  const requestTimeout = options.requestTimeoutMillis ?? defaultRequestTimeoutMillis;
  const isShared = acceptors > 1;
  if (isShared && options.port !== 0) yield* assertFree({ host, port: options.port });
  const listening = { host, backlog: options.backlog ?? defaultBacklog, ...(isShared ? { reusePort: true } : {}) };
  const server = createServer({
    keepAliveTimeout,
    requestTimeout,
    headersTimeout: requestTimeout,
    connectionsCheckingInterval: Math.min(requestTimeout, 5_000),
    noDelay: true,
  });
  const http = yield* NodeHttpServer.make(() => server, {
    ...listening,
    port: options.port,
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

  const others = yield* Effect.forEach(Array.from({ length: acceptors - 1 }), () =>
    Effect.acquireRelease(
      Effect.suspend(() => {
        const other = createAcceptor({ allowHalfOpen: true, noDelay: true }, (socket) =>
          server.emit("connection", socket),
        );
        return Effect.as(listen(other, { ...listening, port }), other);
      }),
      (other) => Effect.sync(() => void other.close()),
    ),
  );

  const closed = Effect.forEach([server, ...others], close, { concurrency: "unbounded", discard: true });

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
