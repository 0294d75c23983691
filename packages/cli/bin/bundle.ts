/** The entry of the bundle that answers help and version. */
import * as path from "node:path";
import { main } from "../src/main.ts";

const root = path.resolve(import.meta.dirname, "../..");
await main(process.argv.slice(2), { root, commands: "./dist/bundle/commands.js" });
