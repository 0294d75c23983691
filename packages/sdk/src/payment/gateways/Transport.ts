/**
 * Did the request leave? What a failed HTTP call proves about whether the gateway can have seen it.
 *
 * Only failures that belong to opening a connection prove that nothing was sent. Everything else, a reset above all, may
 * have happened after the gateway acted. TLS alerts that a server can send after the handshake prove nothing either.
 */
import type { HttpClientError } from "effect/http/HttpClientError";
import { type NotSent, notSent, type Unknown, unknown } from "../PaymentGateway.ts";

const certain: ReadonlyMap<string, NotSent["reason"]> = new Map([
  ["ECONNREFUSED", "connect"],
  ["UND_ERR_CONNECT_TIMEOUT", "connect"],
  ["ENOTFOUND", "dns"],
  ["EAI_AGAIN", "dns"],
  ["EAI_FAIL", "dns"],
  ["EAI_NODATA", "dns"],
  ["CERT_HAS_EXPIRED", "tls"],
  ["CERT_NOT_YET_VALID", "tls"],
  ["DEPTH_ZERO_SELF_SIGNED_CERT", "tls"],
  ["SELF_SIGNED_CERT_IN_CHAIN", "tls"],
  ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", "tls"],
  ["UNABLE_TO_GET_ISSUER_CERT", "tls"],
  ["UNABLE_TO_GET_ISSUER_CERT_LOCALLY", "tls"],
  ["ERR_TLS_CERT_ALTNAME_INVALID", "tls"],
  ["ERR_SSL_WRONG_VERSION_NUMBER", "tls"],
  ["ERR_SSL_PACKET_LENGTH_TOO_LONG", "tls"],
  ["ERR_SSL_UNSUPPORTED_PROTOCOL", "tls"],
]);

/** Codes that an open connection can fail with as well: they count only when the failing call was `connect`. */
const whenConnecting = new Set(["EHOSTUNREACH", "ENETUNREACH", "EHOSTDOWN", "ETIMEDOUT", "EADDRNOTAVAIL", "EACCES"]);

interface SystemError {
  readonly code?: unknown;
  readonly syscall?: unknown;
  readonly errors?: unknown;
  readonly message?: unknown;
}

const reasonOf = (cause: unknown): NotSent["reason"] | undefined => {
  if (typeof cause !== "object" || cause === null) return undefined;
  const { code, errors, syscall } = cause as SystemError;
  // Several addresses were tried: nothing was sent only if that is true of each.
  if (Array.isArray(errors) && errors.length > 0) {
    const reasons = errors.map(reasonOf);
    return reasons.every((reason) => reason !== undefined) ? reasons[0] : undefined;
  }
  if (typeof code !== "string") return undefined;
  return certain.get(code) ?? (whenConnecting.has(code) && syscall === "connect" ? "connect" : undefined);
};

/** Translates the failure of a call. */
export const outcomeOf = (error: HttpClientError): NotSent | Unknown => {
  const cause = "cause" in error.reason ? error.reason.cause : undefined;
  const reason = error.reason._tag === "TransportError" ? reasonOf(cause) : undefined;
  if (reason !== undefined) return notSent(reason);
  const code = (cause as SystemError | undefined)?.code;
  return unknown(typeof code === "string" ? code : error.reason._tag);
};
