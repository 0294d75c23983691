/** What of a request's head goes on to a service, and what of its answer comes back. */

/** Headers between two neighbours; they end here (RFC 9110, 7.6.1). */
const hopByHop = new Set([
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** Set by this side of the conversation, so the other side's are dropped. */
const ours = new Set(["host", "expect", "traceparent", "tracestate", "x-request-id", "x-forwarded-for"]);

type Incoming = Readonly<Record<string, string | ReadonlyArray<string> | undefined>>;

const passed = (headers: Incoming, dropped: ReadonlySet<string>): Record<string, string | Array<string>> => {
  const named = new Set(
    String(headers["connection"] ?? "")
      .split(",")
      .map((name) => name.trim().toLowerCase()),
  );
  const result: Record<string, string | Array<string>> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined || hopByHop.has(name) || dropped.has(name) || named.has(name)) continue;
    result[name] = typeof value === "string" ? value : [...value];
  }
  return result;
};

export interface Peer {
  /** Address of the connection's other end. */
  readonly address: string;
  /** Its word about who was before it counts. */
  readonly trusted: boolean;
}

export const toService = (
  headers: Incoming,
  peer: Peer,
  identity: { readonly traceparent: string | undefined; readonly requestId: string | undefined },
): Record<string, string | Array<string>> => {
  const before = peer.trusted ? headers["x-forwarded-for"] : undefined;
  return {
    ...passed(headers, ours),
    "x-forwarded-for": before === undefined ? peer.address : `${String(before)}, ${peer.address}`,
    ...(headers["host"] === undefined ? {} : { "x-forwarded-host": String(headers["host"]) }),
    ...(identity.traceparent === undefined ? {} : { traceparent: identity.traceparent }),
    ...(identity.requestId === undefined ? {} : { "x-request-id": identity.requestId }),
  };
};

const answered = new Set(["traceparent", "x-request-id", "date"]);

export const toClient = (headers: Incoming): Record<string, string> => {
  const result: Record<string, string> = {};
  for (const [name, value] of Object.entries(passed(headers, answered))) {
    result[name] = typeof value === "string" ? value : value.join(", ");
  }
  return result;
};
