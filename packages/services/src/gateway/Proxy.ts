/** The edge: every request of the world, passed on to the service that answers it. */
import { Problem, TokenVerifier } from "@destiny/sdk/http";
import { Service, Telemetry } from "@destiny/sdk/service";
import * as NodeHttpServerRequest from "@effect/platform-node/NodeHttpServerRequest";
import * as Effect from "effect/Effect";
import * as HttpRouter from "effect/http/HttpRouter";
import * as HttpServerRequest from "effect/http/HttpServerRequest";
import * as HttpServerResponse from "effect/http/HttpServerResponse";
import type { IncomingMessage } from "node:http";
import { services } from "../catalogue.ts";
import * as Settings from "../shared/Settings.ts";
import * as Headers from "./Headers.ts";
import { serviceOf } from "./Routes.ts";
import * as Upstreams from "./Upstreams.ts";

const hasBody = ({ headers }: IncomingMessage): boolean =>
  headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0;

const bearer = /^Bearer +(\S+)$/i;

/** A token that does not pass is turned away here; without one the service decides. */
const authenticate = Effect.fnUntraced(function* (
  verifier: TokenVerifier.TokenVerifier["Service"],
  header: string | undefined,
) {
  const token = header === undefined ? undefined : bearer.exec(header)?.[1];
  if (token !== undefined) yield* verifier.verify(token, ["access"]);
});

const isLoopback = (address: string): boolean => address === "::1" || address.replace("::ffff:", "").startsWith("127.");

const handler = Effect.gen(function* () {
  const verifier = yield* TokenVerifier.TokenVerifier;
  const offset = yield* Settings.portOffset;
  const upstreams = yield* Upstreams.make(
    new Map(services.map(({ name, port }) => [name, `http://127.0.0.1:${port + offset}`])),
  );
  return Effect.gen(function* () {
    const request = yield* HttpServerRequest.HttpServerRequest;
    const incoming = NodeHttpServerRequest.toIncomingMessage(request) as IncomingMessage;
    const service = serviceOf(Problem.pathOf(request));
    if (service === undefined) return yield* new Problem.RouteNotFound({});
    yield* authenticate(verifier, request.headers["authorization"]);
    const address = incoming.socket.remoteAddress ?? "unknown";
    const answer = yield* upstreams.send(service, {
      method: request.method,
      path: request.originalUrl,
      headers: Headers.toService(
        incoming.headers,
        { address, trusted: isLoopback(address) },
        { traceparent: yield* Telemetry.traceparent, requestId: request.headers["x-request-id"] },
      ),
      body: hasBody(incoming) ? incoming : undefined,
      maxBodyBytes: Service.defaultMaxBodyBytes,
    });
    return HttpServerResponse.raw(answer.body, {
      status: answer.statusCode,
      headers: Headers.toClient(answer.headers),
    });
  });
});

/** Every path comes here; the table of routes says which exist. */
export const layer = HttpRouter.use((router) => Effect.flatMap(handler, (proxy) => router.add("*", "/*", proxy)));
