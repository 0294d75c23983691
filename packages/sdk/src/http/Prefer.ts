/**
 * The `Prefer` header (RFC 7240), of which `wait=<seconds>` is understood: how long a caller wants an answer held until a state changes.
 *
 * Guarantee: never longer than `maxWaitSeconds`; what is malformed or unknown is ignored, as the RFC asks, and means not waiting.
 */
import * as Duration from "effect/Duration";

export const headerName = "prefer";

/** Gateways and clients time out at 60 s; half of it leaves room for the work itself. */
export const maxWaitSeconds = 30;

const preference = /^\s*wait\s*=\s*(?:"(\d{1,9})"|(\d{1,9}))\s*(?:;.*)?$/i;

/** Whole seconds, 0 for none. The first `wait` of the header counts, later ones are ignored. */
export const waitSeconds = (header: string | undefined): number => {
  if (header === undefined) return 0;
  for (const part of header.split(",")) {
    const match = preference.exec(part);
    if (match !== null) return Math.min(Number(match[1] ?? match[2]), maxWaitSeconds);
  }
  return 0;
};

export const wait = (header: string | undefined): Duration.Duration => Duration.seconds(waitSeconds(header));
