/**
 * Makes a value fit to be logged.
 *
 * Guarantee: members whose name says that they are secret, bearer tokens, and JWTs do not survive, at any depth; the result is JSON.
 *
 * Limits: `maxDepth` levels, `maxEntries` members a level, `maxStringLength` characters a text; the rest is cut. A secret under an innocent
 * name passes: wrap it in `Redacted` where it enters the process.
 */
import * as Redacted from "effect/Redacted";

export const maxDepth = 6;
export const maxEntries = 50;
export const maxStringLength = 8_192;

export const mark = "<redacted>";

const secretWord =
  "authorization|cookie|passw(?:or)?d|passphrase|secret|token|payment[_-]?key|billing[_-]?key|api[_-]?key|private[_-]?(?:key|jwk)|credential|card[_-]?number|cvc";

const secretName = new RegExp(secretWord, "i");

// Texts may come from outside, so no pattern may backtrack over more than a few characters.
const bearer = /\b(Bearer|Basic)\s{1,8}[\w.~+/=-]+/gi;
const jwt = /(?<![\w-])eyJ[\w-]+\.[\w-]*\.[\w-]*/g;
const assignment = new RegExp(
  `((?:${secretWord})[\\w-]{0,32}["']?\\s{0,8}[:=]\\s{0,8})("[^"]*"|'[^']*'|[^\\s,;&}"']+)`,
  "gi",
);
const credentialsInUrl = /((?<![a-z0-9+.-])[a-z][a-z0-9+.-]{0,31}:\/\/[^\s:/@]{0,256}:)[^\s@/]{1,1024}@/gi;

/** A text without what looks like a secret in it. */
export const text = (value: string): string =>
  (value.length > maxStringLength ? `${value.slice(0, maxStringLength)}…` : value)
    .replace(bearer, `$1 ${mark}`)
    .replace(jwt, mark)
    .replace(credentialsInUrl, `$1${mark}@`)
    .replace(assignment, `$1${mark}`);

const members = (entries: Iterable<readonly [unknown, unknown]>, depth: number): Record<string, unknown> => {
  const result: Record<string, unknown> = {};
  let count = 0;
  for (const [key, member] of entries) {
    if (count++ >= maxEntries) {
      result["…"] = "more members were cut";
      break;
    }
    const name = String(key);
    result[name] = secretName.test(name) ? mark : redact(member, depth + 1);
  }
  return result;
};

const redactObject = (value: object, depth: number): unknown => {
  if (Redacted.isRedacted(value)) return mark;
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
  if (depth >= maxDepth) return "…";
  if (value instanceof Error)
    return { ...members(Object.entries(value), depth), name: value.name, message: text(value.message) };
  if (value instanceof Map) return members(value, depth);
  if (Array.isArray(value) || value instanceof Set) {
    return Array.from<unknown>(value)
      .slice(0, maxEntries)
      .map((item) => redact(item, depth + 1));
  }
  if (ArrayBuffer.isView(value)) return `${value.byteLength} bytes`;
  return members(Object.entries(value), depth);
};

export const redact = (value: unknown, depth = 0): unknown => {
  switch (typeof value) {
    case "string":
      return text(value);
    case "bigint":
    case "symbol":
    case "function":
      return String(value);
    case "object":
      return value === null ? null : redactObject(value, depth);
    default:
      return value;
  }
};
