/** Lines at the end of a terminal that are drawn over in place. */

const defaultWidth = 100;

export type Terminal = Pick<NodeJS.WriteStream, "columns" | "isTTY" | "write">;

export interface Redraw {
  /** Replaces what was drawn before. A line that is too long is cut: a wrapped one would not be erased. */
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
      out.write(`${lines.join("\n")}\n`);
      drawn = lines.length;
    },
    leave: () => {
      drawn = 0;
    },
  };
};
