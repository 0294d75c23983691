/** What the gateway itself has to say; the answers of the services are passed on as they are. */
import { Problem } from "@destiny/sdk/http";
import * as Schema from "effect/Schema";

/** The request was not sent: the service refuses connections, or has all the requests that it may have. */
export class UpstreamUnavailable extends Problem.Class<UpstreamUnavailable>()(
  "UpstreamUnavailable",
  { code: "GW-503", status: 503, title: "Service unavailable" },
  { retryAfterSeconds: Schema.Int },
) {}

/** The connection broke after the request was sent. */
export class UpstreamBroken extends Problem.Class<UpstreamBroken>()("UpstreamBroken", {
  code: "GW-502",
  status: 502,
  title: "Bad gateway",
}) {}

/** The request was sent, and no answer came in time. */
export class UpstreamTimeout extends Problem.Class<UpstreamTimeout>()("UpstreamTimeout", {
  code: "GW-504",
  status: 504,
  title: "Gateway timeout",
}) {}

const unknownOutcome = "outcome unknown: repeat with the same Idempotency-Key";

export const unavailable = (detail: string) => new UpstreamUnavailable({ detail, retryAfterSeconds: 1 });

export const broken = (service: string) =>
  new UpstreamBroken({ detail: `The connection to the ${service} service broke; ${unknownOutcome}` });

export const timeout = (service: string) =>
  new UpstreamTimeout({ detail: `The ${service} service did not answer in time; ${unknownOutcome}` });
