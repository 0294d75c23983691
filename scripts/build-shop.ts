// Bundles what the supervisor starts. A process that runs the sources instead also holds Node's type stripper, every
// comment, and all of each package of which it uses a part: 104 MB in place of 45 for an idle service.
import * as path from "node:path";
import { write } from "./bundle.ts";

await write("shop", {
  cwd: path.resolve(import.meta.dirname, "../packages"),
  input: { services: "services/src/main.ts", simulators: "testkit/src/simulators/main.ts" },
  resolve: { conditionNames: ["@destiny/source", "node", "import"] },
  // A native module, and one that re-exports CommonJS under names which only running it reveals.
  external: ["@node-rs/argon2", "undici"],
  output: {
    // Names and lines stay, for stack traces; NODE_OPTIONS=--enable-source-maps shows the sources' own.
    minify: false,
    comments: false,
    sourcemap: true,
  },
});
