// Writes a bundle and the hash of what it was made of; see packages/cli/bin/bundles.cjs.
import * as fs from "node:fs";
import { createRequire } from "node:module";
import * as path from "node:path";
import { type InputOptions, type OutputOptions, rolldown } from "rolldown";

interface Bundle {
  readonly directory: string;
  readonly sourcesHash: () => string;
}

const bundles: { readonly cli: Bundle; readonly shop: Bundle } = createRequire(import.meta.url)(
  path.resolve(import.meta.dirname, "../packages/cli/bin/bundles.cjs"),
);

/** What builds left that were killed. Only the bootstrap builds, one at a time (its lock), so none of them is under way. */
const removePartials = (directory: string): void => {
  const parent = path.dirname(directory);
  if (!fs.existsSync(parent)) return;
  for (const name of fs.readdirSync(parent)) {
    if (name.startsWith(`${path.basename(directory)}.`))
      fs.rmSync(path.join(parent, name), { recursive: true, force: true });
  }
};

export const write = async (
  name: keyof typeof bundles,
  { output, ...input }: InputOptions & { readonly output: OutputOptions },
): Promise<void> => {
  const { directory, sourcesHash } = bundles[name];
  // The hash is taken before reading, so that an edit during the build leaves a stamp that does not match.
  const stamp = sourcesHash();
  removePartials(directory);
  const partial = `${directory}.${process.pid}`;
  const bundle = await rolldown({ platform: "node", logLevel: "silent", ...input });
  await bundle.write({
    dir: partial,
    format: "esm",
    entryFileNames: "[name].js",
    chunkFileNames: "[name]-[hash].js",
    ...output,
  });
  await bundle.close();
  fs.writeFileSync(path.join(partial, "stamp"), stamp);
  // Two renames, not one: a folder cannot be replaced atomically. A reader in between runs the sources.
  fs.rmSync(directory, { recursive: true, force: true });
  fs.renameSync(partial, directory);
};
