/**
 * The log files of an instance.
 *
 * Guarantee: a process writes to its file itself, so what it says while the supervisor dies is not lost; a file holds at
 * most `maxLogBytes` plus what is written between two checks, and one older file stands beside it. Copy and truncate,
 * not rename: the writer holds the file open in append mode and goes on at the new end.
 */
import * as fs from "node:fs";
import * as path from "node:path";

export const maxLogBytes = 16 * 1024 * 1024;
export const logCheckMillis = 5_000;
const maxTailBytes = 1024 * 1024;

export const logFile = (directory: string, name: string): string => path.join(directory, `${name}.log`);

/** A descriptor to hand to a child; the caller closes its own copy. */
export const openLog = (directory: string, name: string): number => {
  fs.mkdirSync(directory, { recursive: true });
  return fs.openSync(logFile(directory, name), "a", 0o600);
};

export const rotate = (directory: string, limitBytes: number = maxLogBytes): void => {
  const names = fs.existsSync(directory) ? fs.readdirSync(directory) : [];
  for (const name of names) {
    if (!name.endsWith(".log")) continue;
    const file = path.join(directory, name);
    if ((fs.statSync(file, { throwIfNoEntry: false })?.size ?? 0) <= limitBytes) continue;
    fs.copyFileSync(file, `${file}.1`);
    fs.truncateSync(file, 0);
  }
};

/** The names that have a log. */
export const logNames = (directory: string): ReadonlyArray<string> =>
  (fs.existsSync(directory) ? fs.readdirSync(directory) : [])
    .filter((name) => name.endsWith(".log"))
    .map((name) => name.slice(0, -4))
    .sort();

/** The last lines, read from the last MB only, and the size up to which they were read. */
export const tail = (file: string, lines: number): { readonly lines: ReadonlyArray<string>; readonly size: number } => {
  const size = fs.statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  if (size === 0) return { lines: [], size };
  const text = readBytes(file, Math.max(0, size - maxTailBytes), size).toString("utf8");
  return { lines: lines === 0 ? [] : text.replace(/\n$/, "").split("\n").slice(-lines), size };
};

export const readBytes = (file: string, from: number, to: number): Buffer => {
  const fd = fs.openSync(file, "r");
  try {
    const buffer = Buffer.alloc(to - from);
    const read = fs.readSync(fd, buffer, 0, buffer.length, from);
    return buffer.subarray(0, read);
  } finally {
    fs.closeSync(fd);
  }
};
