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

export const make = (out: Terminal): Redraw => {
  let drawn = 0;
  const erase = (): void => {
    if (drawn > 0) out.write(`\u001B[${drawn}A\u001B[J`);
    drawn = 0;
  };
  return {
    erase,
    draw: (lines) => {
      erase();
      const fitting = lines.slice(0, Math.max(1, (out.rows ?? lines.length + 1) - 1));
      out.write(`${fitting.join("\n")}\n`);
      drawn = fitting.length;
    },
    leave: () => {
      drawn = 0;
    },
  };
};
