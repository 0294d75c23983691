/**
 * docs/configuration.md lists every variable that a process reads, and none that nobody reads.
 *
 * Reads are found in the sources by their shape: the name of a setting of ours or of a vendor as a literal, or any name that
 * is given to `Config` or taken out of an environment. Names of `OTEL_*` that only the framework reads are looked for there.
 */
import { readdirSync, readFileSync } from "node:fs";
import * as path from "node:path";

const root = path.resolve(import.meta.dirname, "..");
const page = "docs/configuration.md";

const sources = (folder: string): ReadonlyArray<string> =>
  readdirSync(path.join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((file) => /\.(ts|cjs|js)$/.test(file) && !/(^|\/)(node_modules|dist)\//.test(file))
    .map((file) => readFileSync(path.join(root, folder, file), "utf8"));

const code = [
  "packages/sdk/src",
  "packages/services/src",
  "packages/testkit/src",
  "packages/cli/src",
  "packages/cli/bin",
]
  .flatMap(sources)
  .join("\n")
  // Names that the supervisor keeps for itself are no reads.
  .replace(/\bconst reserved = new Set\(\[[^\]]*\]\);/, "");

const shapes = [
  // A setting of ours or of a vendor, wherever its name is handed on from.
  /"((?:DESTINY|TOSS|PORTONE|BOOTPAY|SLACK|OTEL)_[A-Z0-9_]*[A-Z0-9])"/g,
  // Defaults that are set for the framework.
  /\b(OTEL_[A-Z_]+): "/g,
  /\bConfig\.\w+\(\s*(?:[\w.]+\([^()]*\)\s*,\s*)?"([A-Z][A-Z0-9_]*)"/g,
  /\b(?:process\.env|environment|env)\[\s*"([A-Za-z][A-Za-z0-9_]*)"\s*\]/g,
];
const read = new Set(shapes.flatMap((shape) => [...code.matchAll(shape)].map((match) => match[1] ?? "")));

const rows = readFileSync(path.join(root, page), "utf8")
  .split("\n")
  .filter((line) => line.startsWith("| `"));
const listed = new Set(
  rows.flatMap((row) => [...(row.split("|")[1] ?? "").matchAll(/`([A-Za-z][A-Za-z0-9_]*)`/g)].map((m) => m[1] ?? "")),
);

const framework = sources("node_modules/effect/src/observability").join("\n");
const readElsewhere = (name: string): boolean => name.startsWith("OTEL_") && framework.includes(`"${name}"`);

const missing = [...read].filter((name) => !listed.has(name)).sort();
const stale = [...listed].filter((name) => !read.has(name) && !readElsewhere(name)).sort();
for (const name of missing) console.error(`${name} is read, but ${page} does not list it`);
for (const name of stale) console.error(`${page} lists ${name}, which nothing reads`);
if (read.size === 0 || listed.size === 0) console.error("nothing was compared");
process.exitCode = missing.length + stale.length > 0 || read.size === 0 || listed.size === 0 ? 1 : 0;
