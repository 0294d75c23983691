/**
 * Headers on their way through.
 *
 * Guarantee: what belongs to one connection only (RFC 9110, 7.6.1) is not passed on; `X-Forwarded-*` of a caller who is
 * not trusted is replaced by what the gateway itself saw.
 *
 * Limits: `Forwarded` (RFC 7239) is dropped, because two accounts of the same fact invite contradiction.
 */
import { TraceContext } from "@destiny/sdk/message";
import * as Cookies from "effect/http/Cookies";
import type * as Tracer from "effect/Tracer";
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import type { TrustedProxies } from "./TrustedProxies.ts";

const hopByHop = [
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "http2-settings",
];

/** Set anew for the upstream, or answered here (`expect`). */
const replaced = [
  "host",
  "expect",
  "forwarded",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-proto",
  "x-request-id",
  "traceparent",
];

const droppedFromRequests: ReadonlySet<string> = new Set([...hopByHop, ...replaced]);
const droppedFromResponses: ReadonlySet<string> = new Set([...hopByHop, "set-cookie"]);

/** The headers that the peer itself declared to be of this connection only. */
const listedIn = (connection: string | undefined): ReadonlySet<string> | undefined => {
  if (connection === undefined) return undefined;
  const lower = connection.toLowerCase();
  if (lower === "keep-alive" || lower === "close") return undefined;
  return new Set(lower.split(",").map((name) => name.trim()));
};

/** As in the SDK's answers: an id that could not be logged safely is not used. */
const requestIdPattern = /^[!-~]{1,128}$/;

const textOf = (value: string | ReadonlyArray<string> | undefined): string | undefined =>
  typeof value === "object" ? value.join(", ") : value;

const unknownPeer = "unknown";

const addForwarding = (into: Array<string>, request: IncomingMessage, trusted: TrustedProxies): void => {
  const { headers, socket } = request;
  const peer = socket.remoteAddress ?? unknownPeer;
  const isTrusted = trusted.has(peer);
  const given = (name: string) => (isTrusted ? textOf(headers[name]) : undefined);
  const chain = given("x-forwarded-for");
  const host = given("x-forwarded-host") ?? headers.host;
  const protocol = given("x-forwarded-proto") ?? ("encrypted" in socket && socket.encrypted ? "https" : "http");
  into.push("x-forwarded-for", chain === undefined ? peer : `${chain}, ${peer}`, "x-forwarded-proto", protocol);
  if (host !== undefined) into.push("x-forwarded-host", host);
};

/** Names and values alternate, which is what the client takes without another copy. */
export const forRequest = (
  request: IncomingMessage,
  trusted: TrustedProxies,
  span: Tracer.AnySpan | undefined,
): Array<string> => {
  const result: Array<string> = [];
  const listed = listedIn(request.headers.connection);
  for (const name in request.headers) {
    if (droppedFromRequests.has(name) || listed?.has(name)) continue;
    const value = textOf(request.headers[name]);
    if (value !== undefined) result.push(name, value);
  }
  addForwarding(result, request, trusted);
  if (span !== undefined) result.push("traceparent", TraceContext.format(span));
  const given = textOf(request.headers["x-request-id"]);
  const requestId = given !== undefined && requestIdPattern.test(given) ? given : span?.traceId;
  if (requestId !== undefined) result.push("x-request-id", requestId);
  return result;
};

export interface ResponseHeaders {
  readonly headers: Record<string, string>;
  /** Apart, because several of them cannot be joined into one header. */
  readonly cookies: Cookies.Cookies;
}

export const forResponse = (headers: IncomingHttpHeaders): ResponseHeaders => {
  const result: Record<string, string> = {};
  const listed = listedIn(textOf(headers.connection));
  for (const name in headers) {
    if (droppedFromResponses.has(name) || listed?.has(name)) continue;
    const value = textOf(headers[name]);
    if (value !== undefined) result[name] = value;
  }
  const setCookie = headers["set-cookie"];
  return { headers: result, cookies: setCookie === undefined ? Cookies.empty : Cookies.fromSetCookie(setCookie) };
};
