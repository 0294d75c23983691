/**
 * What a failed statement means for the work that it carried.
 *
 * PostgreSQL's SQLSTATE decides, not the driver's retry flag: a server that is shutting down (57P01), out of memory
 * (53xxx), out of disk (58xxx) or read-only (25006) arrives from the driver as an unknown error, and must never be
 * mistaken for bad input.
 */
import type { SqlError } from "effect/sql/SqlError";

/**
 * - `poison`: one input alone is at fault (class 22 data exception, class 23 integrity violation).
 * - `conflict`: a unique key was taken, or a state moved, between the look-up and the write; looking again settles it.
 * - `weather`: everything else. The same work may succeed later, so it is retried and never dead-lettered.
 */
export type Meaning = "poison" | "conflict" | "weather";

/** The five characters of SQLSTATE; undefined when the server never answered (a broken connection). */
export const codeOf = (error: SqlError): string | undefined => {
  const cause: unknown = error.reason.cause;
  if (typeof cause !== "object" || cause === null || !("code" in cause)) return undefined;
  return typeof cause.code === "string" && /^[0-9A-Z]{5}$/.test(cause.code) ? cause.code : undefined;
};

/** Classifies by SQLSTATE alone. */
export const meaningOfCode = (code: string | undefined): Meaning => {
  if (code === undefined) return "weather";
  if (code === "23505" || code === "40001") return "conflict";
  return code.startsWith("22") || code.startsWith("23") ? "poison" : "weather";
};

/** Classifies a driver error. */
export const meaningOf = (error: SqlError): Meaning => meaningOfCode(codeOf(error));
