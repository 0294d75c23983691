/** Small state files: written whole and atomically, read tolerantly. */
import * as fs from "node:fs";
import * as path from "node:path";

/** Writes beside the target and renames, so that a reader and a crash see the old or the new text, never a half. */
export const writeAtomic = (file: string, text: string, mode = 0o600): void => {
  fs.mkdirSync(path.dirname(file), { recursive: true });
  const partial = `${file}.${process.pid}.tmp`;
  fs.writeFileSync(partial, text, { mode });
  fs.renameSync(partial, file);
};

/** The parsed JSON, or undefined when the file is absent or is not JSON. */
export const readJson = (file: string): unknown => {
  try {
    return JSON.parse(fs.readFileSync(file, "utf8"));
  } catch {
    return undefined;
  }
};
