// Makes the pictures of docs/pictures: runs `npm start` on a terminal of its own and draws what stands there, once in the
// middle and once at the end. Prints the report, for the README to quote the same run. Needs `script` of util-linux.
import xterm, { type IBufferLine } from "@xterm/headless";
import { spawn } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { draw } from "./svg.ts";

const root = path.resolve(import.meta.dirname, "..");
const folder = path.join(root, "docs/pictures");
const size = { cols: 80, rows: 20 };

const terminal = new xterm.Terminal({ ...size, scrollback: 1000, allowProposedApi: true });

const lines = (from: number, to: number): ReadonlyArray<IBufferLine> =>
  Array.from({ length: to - from }, (_, i) => terminal.buffer.active.getLine(from + i)).filter(
    (line) => line !== undefined,
  );
const textOf = (line: IBufferLine): string => line.translateToString(true);
const isBlank = (line: IBufferLine): boolean => textOf(line) === "";

/** What is on the screen, without the empty rows below. */
const screen = (): ReadonlyArray<IBufferLine> => {
  const { baseY } = terminal.buffer.active;
  const shown = lines(baseY, baseY + size.rows);
  return shown.slice(0, shown.findLastIndex((line) => !isBlank(line)) + 1);
};

const report = (from: RegExp): ReadonlyArray<IBufferLine> => {
  const all = lines(0, terminal.buffer.active.length);
  const first = all.findLastIndex((line) => from.test(textOf(line)));
  const last = all.findLastIndex((line) => /^(PASS|FAIL)$/.test(textOf(line)));
  return first === -1 ? [] : all.slice(first, last + 1);
};

/** The last moment of the gateway's silence: both faults are on the screen then. */
const isMoment = (text: string): boolean => / in flight/.test(text) && /hang for/.test(text) && !/: over/.test(text);

let live = "";
const { CI: _ci, NO_COLOR: _noColor, FORCE_COLOR: _force, ...environment } = process.env;
const run = spawn("script", ["-qec", `stty cols ${size.cols} rows ${size.rows}; npm start`, "/dev/null"], {
  cwd: root,
  env: { ...environment, TERM: "xterm" },
  stdio: ["ignore", "pipe", "inherit"],
});
run.stdout.on("data", (bytes: Buffer) =>
  terminal.write(bytes, () => {
    const shown = screen();
    if (isMoment(shown.map(textOf).join("\n"))) live = draw(shown, size.cols, "npm start: the live table");
  }),
);
const code = await new Promise<number | null>((resolve) => run.once("close", resolve));
await new Promise<void>((resolve) => terminal.write("", resolve));

const verdict = report(/^INVARIANT/);
if (code !== 0 || live === "" || verdict.length === 0) {
  console.error(`npm start ended with ${code}: no pictures were made`);
  console.error(screen().map(textOf).join("\n"));
  process.exit(1);
}
fs.mkdirSync(folder, { recursive: true });
fs.writeFileSync(path.join(folder, "live-table.svg"), live);
fs.writeFileSync(path.join(folder, "verdict.svg"), draw(verdict, size.cols, "npm start: the verdict"));
console.log(
  report(/^\S+, seed \d+/)
    .map(textOf)
    .join("\n"),
);
