// Runs the sources directly (Node 24 strips the types), so this entry never runs stale code.
// Needs `node --conditions=@destiny/source`.
import * as path from "node:path";
import { main } from "../src/main.ts";

await main(process.argv.slice(2), { root: path.resolve(import.meta.dirname, ".."), commands: "./src/commands.ts" });
