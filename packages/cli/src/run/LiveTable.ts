/**
 * What a run looks like while it happens: a table that is redrawn in place on a terminal, a line now and then elsewhere.
 *
 * Written to stderr, so that stdout holds the report only. Other lines go through `log`, which puts them above the table:
 * a line written past it would be taken for a row of it.
 */
import type { Summary } from "@destiny/testkit/scenario";
import { cyan, dim, red, yellow } from "ansis";
import * as Redraw from "./Redraw.ts";

/** Without a terminal: a line every so many seconds. */
const plainLineSeconds = 5;
const maxNotesShown = 4;
const maxWidth = 120;

type Second = Extract<Summary.Progress, { readonly type: "second" }>;

const columns = [
  ["offered", (second: Second) => second.orders.offered],
  ["placed", (second: Second) => second.orders.placed],
  ["payable", (second: Second) => second.orders.payable],
  ["completed", (second: Second) => second.orders.completed],
  ["cancelled", (second: Second) => second.orders.cancelled],
  ["sold out", (second: Second) => second.orders.soldOut],
  ["unpaid", (second: Second) => second.orders.unpaid],
  ["open", (second: Second) => second.orders.open],
] as const;
const columnWidth = 9;

const millis = (value: number): string => (value === 0 ? "-" : `${Math.round(value)} ms`);

const latencies = (second: Second): ReadonlyArray<string> => [
  `POST /v1/orders p95 ${millis(second.orderP95Ms)}`,
  `payable p95 ${millis(second.payableP95Ms)}`,
];

/** What a clean run has nothing of. */
const troubles = ({ dropped, unexpected }: Second): ReadonlyArray<string> => [
  ...(dropped === 0 ? [] : [`${dropped} arrivals dropped`]),
  ...(unexpected === 0 ? [] : [`${unexpected} unexpected answers`]),
];

/** The rows of one moment, none wider than `width`: a wrapped row would not be erased. */
export const rows = (
  second: Second,
  lengthSeconds: number,
  notes: ReadonlyArray<string>,
  width: number,
): ReadonlyArray<string> => {
  const cut = (text: string): string => text.slice(0, Math.max(1, width - 1));
  const done = Math.min(1, second.second / Math.max(1, lengthSeconds));
  const time = `${String(second.second).padStart(4)} s `;
  const flight = ` ${String(second.inFlight).padStart(4)} in flight`;
  const room = Math.max(0, Math.min(width, maxWidth) - 1 - time.length - flight.length);
  const wrong = troubles(second);
  const bar = "█".repeat(Math.round(done * room)).padEnd(room, "░");
  return [
    `${time}${cyan(bar)}${flight}`,
    dim(cut(columns.map(([name]) => name.padStart(columnWidth)).join(" "))),
    cut(columns.map(([, value]) => String(value(second)).padStart(columnWidth)).join(" ")),
    dim(cut(`  ${latencies(second).join("   ")}`)),
    ...(wrong.length === 0 ? [] : [red(cut(`  ${wrong.join(", ")}`))]),
    ...notes.map((note) => yellow(cut(note))),
  ];
};

const plainLine = (second: Second): string => {
  const counts = columns.map(([name, value]) => `${name} ${value(second)}`);
  return `${second.second} s: ${[...counts, ...latencies(second), ...troubles(second)].join(", ")}`;
};

export interface LiveTable {
  readonly show: (progress: Summary.Progress) => void;
  /** Something happened besides the load: a fault, a recovery. */
  readonly note: (text: string) => void;
  /** A line of its own, above the table. */
  readonly log: (line: string) => void;
  /** Leaves the last table standing. */
  readonly end: () => void;
}

export const make = (out: Redraw.Terminal, write: (line: string) => void): LiveTable => {
  const notes: Array<string> = [];
  let lengthSeconds = 0;
  let last: Second | undefined;
  const screen = Redraw.make(out);
  const draw = (): void => {
    if (last !== undefined) screen.draw(rows(last, lengthSeconds, notes.slice(-maxNotesShown), Redraw.widthOf(out)));
  };
  const log = (line: string): void => {
    screen.erase();
    write(line);
    draw();
  };
  return {
    show: (shown) => {
      switch (shown.type) {
        case "preparing":
          log(shown.what);
          break;
        case "started":
          lengthSeconds = Math.round(shown.lengthMillis / 1000);
          log(`${shown.arrivals} arrivals in ${lengthSeconds} s`);
          break;
        case "second":
          if (out.isTTY) {
            last = shown;
            draw();
          } else if (shown.second % plainLineSeconds === 0) write(plainLine(shown));
          break;
        case "finished":
        case "failed":
          break;
      }
    },
    note: (text) => {
      if (out.isTTY) notes.push(text);
      else write(text);
    },
    log,
    end: () => {
      screen.leave();
      last = undefined;
    },
  };
};
