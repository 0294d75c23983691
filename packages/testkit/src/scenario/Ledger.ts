/**
 * The shoppers' own ledger: what each asked for, what it was told, what it paid, and the last state it saw.
 *
 * It is written by the load process while it happens, one JSON line an entry, and never read from the shop's tables:
 * audits hold it against stock, orders, attempts and gateways as an independent witness.
 *
 * Guarantee: an entry is in the file in the order it happened to its shopper; a killed load process loses at most what
 * the operating system had not yet been given (a line torn by that is ignored and `complete` is false).
 * Limits: one order a shopper; any number of asks for coupons, each with a key of its own; texts from answers are cut to
 * `maxTextLength`.
 */
import * as Effect from "effect/Effect";
import * as Result from "effect/Result";
import * as Schema from "effect/Schema";
import * as fs from "node:fs";
import * as readline from "node:readline";
import { Entry, maxTextLength } from "./LedgerEntry.ts";
import { type CouponRecord, fold, nothingTold, type OrderRecord } from "./LedgerRecords.ts";

export interface Writer {
  /** Folds and writes; throws, writing nothing, when the entry contradicts the shopper's earlier ones. */
  readonly append: (entry: Entry) => void;
  readonly orders: ReadonlyMap<number, OrderRecord>;
  readonly coupons: ReadonlyMap<string, CouponRecord>;
  /** Resolves when everything is handed to the operating system. */
  readonly close: () => Promise<void>;
}

/** Rejects when the file cannot be created; a later write error is thrown by the next `append` and by `close`. */
export const write = async (path: string): Promise<Writer> => {
  const stream = fs.createWriteStream(path, { flags: "wx" });
  let broken: Error | undefined;
  await new Promise<void>((resolve, reject) => {
    stream.once("open", () => resolve());
    stream.once("error", reject);
  });
  stream.on("error", (error) => (broken = error));
  const told = nothingTold();
  return {
    ...told,
    append: (entry) => {
      if (broken !== undefined) throw broken;
      fold(told, entry);
      stream.write(`${JSON.stringify(entry)}\n`);
    },
    close: () =>
      new Promise((resolve, reject) => {
        stream.end(() => (broken === undefined ? resolve() : reject(broken)));
      }),
  };
};

export interface Ledger {
  readonly run: string;
  readonly scenario: string;
  readonly seed: number;
  /** The load process closed the file itself and no line was unreadable. */
  readonly complete: boolean;
  readonly orders: ReadonlyArray<OrderRecord>;
  readonly coupons: ReadonlyArray<CouponRecord>;
  readonly notes: ReadonlyArray<{ readonly shopper: number; readonly at: number; readonly what: string }>;
}

export class LedgerError extends Schema.TaggedError<LedgerError>()("LedgerError", {
  path: Schema.String,
  cause: Schema.Defect(),
}) {}

const decodeLine = Schema.decodeUnknownResult(Schema.fromJsonString(Entry));

const readAll = async (path: string): Promise<Ledger> => {
  const told = nothingTold();
  const notes: Array<{ shopper: number; at: number; what: string }> = [];
  let head: Extract<Entry, { type: "run" }> | undefined;
  let closed = false;
  let unreadable: string | undefined;
  for await (const line of readline.createInterface({ input: fs.createReadStream(path), crlfDelay: Infinity })) {
    // Only the very last line can be torn; an unreadable one with others after it is a broken file.
    if (unreadable !== undefined) throw new Error(`unreadable line: ${unreadable.slice(0, maxTextLength)}`);
    const decoded = decodeLine(line);
    if (Result.isFailure(decoded)) {
      unreadable = line;
      continue;
    }
    const entry = decoded.success;
    fold(told, entry);
    if (entry.type === "run") head = entry;
    else if (entry.type === "closed") closed = true;
    else if (entry.type === "note") notes.push({ shopper: entry.shopper, at: entry.at, what: entry.what });
  }
  if (head === undefined) throw new Error("the ledger does not begin with its run");
  return {
    run: head.run,
    scenario: head.scenario,
    seed: head.seed,
    complete: closed && unreadable === undefined,
    orders: Array.from(told.orders.values()),
    coupons: Array.from(told.coupons.values()),
    notes,
  };
};

export const read = Effect.fn("Ledger.read")((path: string) =>
  Effect.tryPromise({ try: () => readAll(path), catch: (cause) => new LedgerError({ path, cause }) }),
);
