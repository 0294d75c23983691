/**
 * How far seeding is: a bar for each kind, drawn over in place on a terminal; elsewhere a line for each kind, and for every
 * tenth of a long one.
 */
import { cyan } from "ansis";
import * as Redraw from "./Redraw.ts";

export interface SeedProgress {
  readonly kind: string;
  readonly done: number;
  readonly total: number;
}

export interface SeedBars {
  readonly show: (progress: SeedProgress) => void;
  /** Leaves the last bars standing. */
  readonly end: () => void;
}

/** A kind with fewer rows is one line without a terminal. */
const minRowsForTenths = 10_000;
const maxBarWidth = 60;

const number = (count: number): string => count.toLocaleString("en-US");

/** One line, narrower than `width`: a wrapped one would not be erased. */
export const row = ({ done, kind, total }: SeedProgress, width: number): string => {
  const label = `${kind.padEnd(9)} `;
  const counted = ` ${number(done)} of ${number(total)}`;
  const room = Math.max(0, Math.min(width - 1 - label.length - counted.length, maxBarWidth));
  const filled = Math.round((done / total) * room);
  return `${label}${cyan("█".repeat(filled).padEnd(room, "░"))}${counted}`;
};

/** Nothing at all: under `--json` there is nothing but the document. */
export const quiet: SeedBars = { show: () => undefined, end: () => undefined };

export const make = (out: Redraw.Terminal, write: (line: string) => void): SeedBars => {
  const screen = Redraw.make(out);
  const kinds = new Map<string, SeedProgress>();
  const tenths = ({ done, total }: SeedProgress): number => (total === 0 ? 10 : Math.floor((10 * done) / total));

  /** Whether a line is due: at the end of a kind, and on the way when it is long. */
  const isNews = (before: SeedProgress | undefined, now: SeedProgress): boolean =>
    now.done === now.total ||
    (now.total >= minRowsForTenths && tenths(now) > (before === undefined ? 0 : tenths(before)));

  return {
    show: (progress) => {
      const before = kinds.get(progress.kind);
      kinds.set(progress.kind, progress);
      if (out.isTTY) {
        screen.draw([...kinds.values()].map((one) => row(one, Redraw.widthOf(out))));
      } else if (isNews(before, progress)) {
        write(`${progress.kind}: ${number(progress.done)} of ${number(progress.total)}`);
      }
    },
    end: () => screen.leave(),
  };
};
