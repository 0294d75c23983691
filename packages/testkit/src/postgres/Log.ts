/** The log file of a server: opened for appending, bounded at each start, read from its end. */
import * as fs from "node:fs";

/** A longer log is moved to `<file>.1` before the next start. */
const maxLogBytes = 10_000_000;

const maxTailBytes = 8_000;
const maxTailLines = 20;

/** Opens the log for a child process; the caller closes the descriptor. */
export const open = (file: string): number => {
  if ((fs.statSync(file, { throwIfNoEntry: false })?.size ?? 0) > maxLogBytes) fs.renameSync(file, `${file}.1`);
  return fs.openSync(file, "a", 0o600);
};

/** The last lines; with `pid` only those that this process wrote. */
export const tail = (file: string, pid?: number): string => {
  try {
    const descriptor = fs.openSync(file, "r");
    try {
      const { size } = fs.fstatSync(descriptor);
      const buffer = Buffer.alloc(Math.min(size, maxTailBytes));
      fs.readSync(descriptor, buffer, 0, buffer.length, size - buffer.length);
      const lines = buffer.toString("utf8").trimEnd().split("\n");
      return lines
        .filter((line) => pid === undefined || line.includes(`[${pid}]`))
        .slice(-maxTailLines)
        .join("\n");
    } finally {
      fs.closeSync(descriptor);
    }
  } catch {
    return "";
  }
};
