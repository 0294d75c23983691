/** A gateway with one service behind it, over real sockets. */
import { Token, TokenVerifier } from "@destiny/sdk/http";
import { Service } from "@destiny/sdk/service";
import * as Effect from "effect/Effect";
import * as FetchHttpClient from "effect/http/FetchHttpClient";
import * as Layer from "effect/Layer";
import * as Logger from "effect/Logger";
import type * as Redacted from "effect/Redacted";
import { createServer, request, type IncomingMessage, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import * as Gateway from "../../src/gateway/Gateway.ts";
import * as Settings from "../../src/shared/Settings.ts";

export const listen = (handler: RequestListener, port = 0) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const server = createServer(handler);
      await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
      return { server, port: (server.address() as AddressInfo).port };
    }),
    ({ server }) =>
      Effect.promise(async () => {
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
      }),
  );

/** Nobody listens there. A port that was just closed will not do: another test may be given it. */
export const deadPort = 1;

/** A port that is free now. */
export const freePort = Effect.scoped(
  Effect.map(
    listen(() => {}),
    ({ port }) => port,
  ),
);

export interface Options extends Partial<Omit<Gateway.Options, "port" | "originOf">> {
  readonly privateJwk?: Redacted.Redacted | undefined;
  /** Keys that cannot be had. */
  readonly jwksUrl?: string | undefined;
}

/** Every route leads to the one port. */
export const gateway = Effect.fnUntraced(function* (upstreamPort: number, options: Options = {}) {
  const { privateJwk = yield* Token.generatePrivateJwk, jwksUrl, ...rest } = options;
  const signer = yield* Effect.orDie(Token.makeSigner({ ...Settings.tokenNames, privateJwk }));
  const verifier =
    jwksUrl === undefined
      ? TokenVerifier.TokenVerifier.layerJwks({ ...Settings.tokenNames, jwks: signer.jwks })
      : TokenVerifier.TokenVerifier.layer({ ...Settings.tokenNames, url: jwksUrl }).pipe(
          Layer.provide(FetchHttpClient.layer),
        );
  return yield* Service.make(
    Gateway.serviceOptions({
      routes: [
        ["/v1/orders", "order"],
        ["/.well-known/jwks.json", "user"],
      ],
      ...rest,
      port: 0,
      originOf: () => `http://127.0.0.1:${upstreamPort}`,
    }),
  ).pipe(Effect.provide([verifier, Logger.layer([])]));
});

/** Both at once. */
export const rig = Effect.fnUntraced(function* (handler: RequestListener, options: Options = {}) {
  const upstream = yield* listen(handler);
  return yield* gateway(upstream.port, options);
});

export interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly text: string;
  readonly body: Record<string, unknown>;
  /** False if the connection broke before the end. */
  readonly isComplete: boolean;
}

export interface Call {
  readonly method?: string;
  readonly headers?: Record<string, string | Array<string>>;
  /** Several chunks are sent without a length. */
  readonly body?: string | ReadonlyArray<string>;
}

export const open = (url: string, { headers = {}, method = "GET" }: Call = {}) =>
  request(url, { method, headers, agent: false });

export const read = (incoming: IncomingMessage): Promise<Answer> =>
  new Promise((resolve) => {
    incoming.setEncoding("utf8");
    let text = "";
    incoming.on("data", (chunk: string) => {
      text += chunk;
    });
    incoming.on("error", () => {});
    incoming.on("close", () => {
      const isJson = incoming.complete && text !== "" && /json/.test(incoming.headers["content-type"] ?? "");
      resolve({
        status: incoming.statusCode ?? 0,
        headers: incoming.headers,
        text,
        body: isJson ? (JSON.parse(text) as Record<string, unknown>) : {},
        isComplete: incoming.complete,
      });
    });
  });

/** One request on a connection of its own. */
export const call = (url: string, options: Call = {}): Effect.Effect<Answer> =>
  Effect.promise(
    (signal) =>
      new Promise<Answer>((resolve, reject) => {
        const { body } = options;
        const length = typeof body === "string" ? { "content-length": String(Buffer.byteLength(body)) } : {};
        const outgoing = open(url, { ...options, headers: { ...length, ...options.headers } });
        signal.addEventListener("abort", () => outgoing.destroy());
        outgoing.on("response", (incoming) => void read(incoming).then(resolve)).on("error", reject);
        for (const chunk of typeof body === "string" ? [body] : (body ?? [])) outgoing.write(chunk);
        outgoing.end();
      }),
  );

/** Something that the other side of a socket reports. */
export const signal = <A = void>() => {
  const { promise, resolve } = Promise.withResolvers<A>();
  return { resolve, wait: Effect.promise(() => promise) };
};

/** Reads a request's body to its end. */
export const bodyOf = async (incoming: IncomingMessage): Promise<string> => (await read(incoming)).text;
