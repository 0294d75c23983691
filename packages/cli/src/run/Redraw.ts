/** Lines at the end of a terminal that are drawn over in place. */

const defaultWidth = 100;

export type Terminal = Pick<NodeJS.WriteStream, "columns" | "isTTY" | "write"> &
  Partial<Pick<NodeJS.WriteStream, "rows">>;

export interface Redraw {
  /**
   * Replaces what was drawn before. Lines must not be wider than `widthOf`: a wrapped one would not be erased. Those that
   * do not fit the terminal's height are left out, for the same reason.
   */
  readonly draw: (lines: ReadonlyArray<string>) => void;
  readonly erase: () => void;
  /** Leaves what is drawn standing. */
  readonly leave: () => void;
}

export const widthOf = (out: Terminal): number => out.columns ?? defaultWidth;

const up = (rows: number): string => (rows === 0 ? "" : `\u001B[${rows}A`);
const clearToEndOfLine = "\u001B[K";
const clearBelow = "\u001B[J";

export const make = (out: Terminal): Redraw => {
  let drawn = 0;
  return {
    erase: () => {
      if (drawn > 0) out.write(`${up(drawn)}${clearBelow}`);
      drawn = 0;
    },
    draw: (lines) => {
      const fitting = lines.slice(0, Math.max(1, (out.rows ?? lines.length + 1) - 1));
      // One write, and each line over the old one: a screen that is cleared first flickers.
      out.write(`${up(drawn)}${fitting.map((line) => `${line}${clearToEndOfLine}\n`).join("")}${clearBelow}`);
      drawn = fitting.length;
    },
    leave: () => {
      drawn = 0;
    },
  };
};
