/**
 * How often one address may ask: at the gateway at all, and for what is guessed at with many tries (`/v1/auths`).
 *
 * Guarantee: an address is what the last peer saw who is not a trusted proxy; nobody gets another one by a header.
 *
 * Limits: see `Limits`; each gateway counts for itself. What a trusted proxy asks for itself is not counted: it accounts for its callers,
 * or is the operator's own machine.
 */
import { Problem, RateLimit } from "@destiny/sdk/http";
import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import type { HttpServerResponse } from "effect/http/HttpServerResponse";
import type { IncomingMessage } from "node:http";
import type { Limits } from "./Limits.ts";
import type { TrustedProxies } from "./TrustedProxies.ts";

/** Longer than any address; what is no address is a caller too. */
const maxAddressLength = 64;

/** Undefined: a trusted proxy speaks for itself. */
export const addressOf = (request: IncomingMessage, trusted: TrustedProxies): string | undefined => {
  const peer = request.socket.remoteAddress ?? "unknown";
  if (!trusted.has(peer)) return peer;
  const chain = request.headers["x-forwarded-for"];
  const hops = (typeof chain === "string" ? chain : (chain ?? []).join()).split(",").map((hop) => hop.trim());
  return hops.findLast((hop) => hop !== "" && !trusted.has(hop))?.slice(0, maxAddressLength);
};

/** What is asked for, by the route that was found: the router reads a path as many spellings, and a rule of our own would miss some. */
export type Asked = "login" | "anything";

type Answer<E, R> = Effect.Effect<HttpServerResponse, E, R>;

/** Answers for the request itself where its address has asked too often. */
export type Judge = <E, R>(request: IncomingMessage, asked: Asked, admitted: Answer<E, R>) => Answer<E, R>;

export const make = (limits: Limits, trusted: TrustedProxies): Judge => {
  const { maxAddresses: maxKeys } = limits;
  const any = RateLimit.make({ perSecond: limits.requestsPerSecond, burst: limits.maxRequestsAtOnce, maxKeys });
  const logins = RateLimit.make({ perSecond: limits.loginsPerSecond, burst: limits.maxLoginsAtOnce, maxKeys });
  const refuse = (limit: RateLimit.RateLimit, wait: RateLimit.Wait) =>
    Problem.toResponse(
      new RateLimit.TooManyRequests({ retryAfterSeconds: RateLimit.secondsOf(wait) }),
      limit.headers(wait),
    );
  return <E, R>(request: IncomingMessage, asked: Asked, admitted: Answer<E, R>) => {
    const address = addressOf(request, trusted);
    if (address === undefined) return admitted;
    return Effect.flatMap(Clock.currentTimeMillis, (now): Answer<E, R> => {
      for (const limit of asked === "login" ? [logins, any] : [any]) {
        const wait = limit.take(address, now);
        if (wait > 0) return refuse(limit, wait);
      }
      return admitted;
    });
  };
};
