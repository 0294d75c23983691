#!/usr/bin/env node
// Help and version come from a bundle, because loading the sources takes longer than a reader of help should wait.
// Everything else runs the sources, under the export condition that makes the packages resolve to theirs.
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

const file = (relative) => fileURLToPath(new URL(relative, import.meta.url));
const refuse = (message, next) => {
  process.stderr.write(`Error: ${message}\nCode:  NOT_BUILT\nNext:  ${next}\n`);
  process.exit(3);
};

const args = process.argv.slice(2);
const options = args.includes("--") ? args.slice(0, args.indexOf("--")) : args;
const shellOnly =
  args.length === 0 ||
  args[0] === "--version" ||
  args[0] === "help" ||
  options.some((a) => a === "--help" || a === "-h");

if (process.platform !== "win32" && Number(process.versions.node.split(".")[0]) < 24) {
  refuse(`destiny needs Node 24 (found ${process.version})`, "npm run destiny -- <command> brings its own Node");
}
if (!existsSync(file("../dist/bundle/stamp")) || !existsSync(file("../node_modules/effect"))) {
  refuse("the destiny command is not built in this checkout", "npm run bootstrap");
}
const require = createRequire(import.meta.url);
if (shellOnly && require("./bundles.cjs").cli.isBuilt()) {
  await import(new URL("../dist/bundle/entry.js", import.meta.url).href);
} else {
  const node = [process.execPath, "--conditions=@destiny/source"];
  const semiSpace = `--max-semi-space-size=${require("./heaps.cjs").supervisorSemiSpaceMb}`;
  const source = [...node, semiSpace, file("./destiny.ts"), ...args];
  // Replaces this process: one pid, one set of signal handlers.
  process.execve(process.execPath, source, process.env);
}
