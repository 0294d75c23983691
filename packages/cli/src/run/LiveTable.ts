/**
 * What a run looks like while it happens: a table that is redrawn in place on a terminal, a line now and then elsewhere.
 *
 * Written to stderr, so that stdout holds the report only.
 */
import type { Summary } from "@destiny/testkit/scenario";
import { cyan, dim, yellow } from "ansis";

/** Without a terminal: a line every so many seconds. */
export const plainLineSeconds = 5;

type Second = Extract<Summary.Progress, { readonly type: "second" }>;

const columns = [
  ["offered", (second: Second) => second.orders.offered],
  ["placed", (second: Second) => second.orders.placed],
  ["payable", (second: Second) => second.orders.payable],
  ["completed", (second: Second) => second.orders.completed],
  ["sold out", (second: Second) => second.orders.soldOut],
  ["unpaid", (second: Second) => second.orders.unpaid],
  ["open", (second: Second) => second.orders.open],
  ["dropped", (second: Second) => second.dropped],
] as const;

const millis = (value: number): string => (value === 0 ? "-" : `${Math.round(value)} ms`);

/** The rows of one moment, at most `width` wide. */
export const rows = (
  second: Second,
  lengthSeconds: number,
  notes: ReadonlyArray<string>,
  width: number,
): ReadonlyArray<string> => {
  const done = Math.min(1, second.second / Math.max(1, lengthSeconds));
  const room = Math.max(10, Math.min(width, 100) - 24);
  const bar = "█".repeat(Math.round(done * room)).padEnd(room, "░");
  const head = columns.map(([name]) => name.padStart(9)).join(" ");
  const values = columns.map(([, value]) => String(value(second)).padStart(9)).join(" ");
  const lines = [
    `${String(second.second).padStart(4)} s ${cyan(bar)} ${String(second.inFlight).padStart(4)} in flight`,
    dim(head),
    values,
    dim(`POST /v1/orders p95 ${millis(second.orderP95Ms)}   payable p95 ${millis(second.payableP95Ms)}`),
    ...notes.map((note) => yellow(note)),
  ];
  return lines;
};

export interface LiveTable {
  readonly show: (progress: Summary.Progress) => void;
  /** Something happened besides the load: a fault, a recovery. */
  readonly note: (text: string) => void;
  readonly end: () => void;
}

export const make = (out: NodeJS.WriteStream, progress: (line: string) => void): LiveTable => {
  const live = out.isTTY;
  const notes: Array<string> = [];
  let lengthSeconds = 0;
  let drawn = 0;
  const erase = (): void => {
    if (drawn > 0) out.write(`\u001b[${drawn}A\u001b[J`);
    drawn = 0;
  };
  const draw = (second: Second): void => {
    erase();
    const lines = rows(second, lengthSeconds, notes.slice(-4), out.columns ?? 100);
    out.write(`${lines.join("\n")}\n`);
    drawn = lines.length;
  };
  const line = (second: Second): string =>
    `${second.second} s: ${columns.map(([name, value]) => `${name} ${value(second)}`).join(", ")}, ` +
    `orders p95 ${millis(second.orderP95Ms)}, payable p95 ${millis(second.payableP95Ms)}`;
  return {
    show: (shown) => {
      switch (shown.type) {
        case "preparing":
          progress(shown.what);
          break;
        case "started":
          lengthSeconds = Math.round(shown.lengthMillis / 1000);
          progress(`${shown.arrivals} arrivals in ${lengthSeconds} s`);
          break;
        case "second":
          if (live) draw(shown);
          else if (shown.second % plainLineSeconds === 0) progress(line(shown));
          break;
        case "finished":
        case "failed":
          break;
      }
    },
    note: (text) => {
      notes.push(text);
      if (!live) progress(text);
    },
    end: () => {
      drawn = 0;
    },
  };
};
