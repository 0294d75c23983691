/**
 * The shoppers' own ledger: what each asked for, what it was told, what it paid, and the last state it saw.
 *
 * It is written by the load process while it happens, one JSON line an entry, and never read from the shop's tables:
 * audits hold it against stock, orders, attempts and gateways as an independent witness.
 *
 * Guarantee: an entry is in the file in the order it happened to its shopper; a killed load process loses at most what
 * the operating system had not yet been given (a line torn by that is ignored and `complete` is false).
 * Limits: one order a shopper; lines longer than `maxLineLength` do not occur (texts from answers are cut).
 */
import * as Effect from "effect/Effect";
import * as Result from "effect/Result";
import * as Schema from "effect/Schema";
import * as fs from "node:fs";
import * as readline from "node:readline";

const shared = { shopper: Schema.Int, at: Schema.Finite };

const Item = Schema.Struct({ productId: Schema.String, quantity: Schema.Int });

/** Times are epoch milliseconds by the load process's clock; amounts are won. */
export const Entry = Schema.Union([
  Schema.Struct({
    type: Schema.Literal("run"),
    at: Schema.Finite,
    run: Schema.String,
    scenario: Schema.String,
    seed: Schema.Int,
  }),
  Schema.Struct({
    type: Schema.Literal("asked"),
    ...shared,
    userId: Schema.String,
    idempotencyKey: Schema.String,
    items: Schema.Array(Item),
    couponId: Schema.optionalKey(Schema.String),
  }),
  Schema.Struct({
    type: Schema.Literal("got"),
    ...shared,
    /** When the request was sent that this answers. */
    from: Schema.Finite,
    orderId: Schema.String,
    status: Schema.String,
  }),
  Schema.Struct({ type: Schema.Literal("refused"), ...shared, status: Schema.Int }),
  Schema.Struct({
    type: Schema.Literal("seen"),
    ...shared,
    from: Schema.Finite,
    status: Schema.String,
    reason: Schema.optionalKey(Schema.String),
    finalAmount: Schema.optionalKey(Schema.Int),
  }),
  Schema.Struct({
    type: Schema.Literal("paid"),
    ...shared,
    provider: Schema.String,
    vendorOrderId: Schema.String,
    paymentKey: Schema.String,
    amount: Schema.Int,
  }),
  Schema.Struct({
    type: Schema.Literal("confirmed"),
    ...shared,
    from: Schema.Finite,
    /** 0: no answer. */
    httpStatus: Schema.Int,
    status: Schema.optionalKey(Schema.String),
  }),
  Schema.Struct({ type: Schema.Literal("cancelAsked"), ...shared }),
  Schema.Struct({ type: Schema.Literal("note"), ...shared, what: Schema.String }),
  Schema.Struct({ type: Schema.Literal("closed"), at: Schema.Finite, interrupted: Schema.Boolean }),
]);
export type Entry = typeof Entry.Type;

export const maxLineLength = 65_536;
export const maxTextLength = 500;

/** One shopper's order as its entries tell it. */
export interface OrderRecord {
  readonly shopper: number;
  readonly userId: string;
  readonly idempotencyKey: string;
  readonly items: ReadonlyArray<typeof Item.Type>;
  readonly couponId?: string;
  readonly askedAt: number;
  /** The order id of the first 201. */
  orderId?: string;
  gotAt?: number;
  /** Other ids that the same key was answered with: each one is a violation. */
  readonly otherOrderIds: Array<string>;
  refusedWith?: number;
  /** Each state once, with the request and answer times of the first reading. */
  readonly states: Array<{
    readonly status: string;
    readonly reason?: string;
    readonly from: number;
    readonly at: number;
  }>;
  finalAmount?: number;
  readonly payments: Array<{
    readonly at: number;
    readonly provider: string;
    readonly vendorOrderId: string;
    readonly paymentKey: string;
    readonly amount: number;
  }>;
  readonly confirms: Array<{
    readonly from: number;
    readonly at: number;
    readonly httpStatus: number;
    readonly status?: string;
  }>;
  cancelAskedAt?: number;
}

/** The one fold: the load process lives by it and the reader repeats it, so the two cannot differ. */
export const fold = (orders: Map<number, OrderRecord>, entry: Entry): void => {
  if (entry.type === "asked") {
    if (orders.has(entry.shopper)) throw new Error(`shopper ${entry.shopper} asked for a second order`);
    const { shopper, userId, idempotencyKey, items, couponId, at } = entry;
    orders.set(shopper, {
      shopper,
      userId,
      idempotencyKey,
      items,
      ...(couponId === undefined ? {} : { couponId }),
      askedAt: at,
      otherOrderIds: [],
      states: [],
      payments: [],
      confirms: [],
    });
    return;
  }
  if (entry.type === "run" || entry.type === "closed" || entry.type === "note") return;
  const order = orders.get(entry.shopper);
  if (order === undefined) throw new Error(`shopper ${entry.shopper}: ${entry.type} before asked`);
  switch (entry.type) {
    case "got":
      if (order.orderId === undefined) {
        order.orderId = entry.orderId;
        order.gotAt = entry.at;
        order.states.push({ status: entry.status, from: entry.from, at: entry.at });
      } else if (order.orderId !== entry.orderId) {
        order.otherOrderIds.push(entry.orderId);
      }
      return;
    case "refused":
      order.refusedWith = entry.status;
      return;
    case "seen": {
      if (entry.finalAmount !== undefined) order.finalAmount = entry.finalAmount;
      const { status, reason, from, at } = entry;
      const last = order.states.at(-1);
      if (last?.status === status && last.reason === reason) return;
      order.states.push({ status, ...(reason === undefined ? {} : { reason }), from, at });
      return;
    }
    case "paid": {
      const { at, provider, vendorOrderId, paymentKey, amount } = entry;
      order.payments.push({ at, provider, vendorOrderId, paymentKey, amount });
      return;
    }
    case "confirmed": {
      const { from, at, httpStatus, status } = entry;
      order.confirms.push({ from, at, httpStatus, ...(status === undefined ? {} : { status }) });
      return;
    }
    case "cancelAsked":
      order.cancelAskedAt = entry.at;
      return;
  }
};

export interface Writer {
  /** Folds and writes; throws, writing nothing, when the entry contradicts the shopper's earlier ones. */
  readonly append: (entry: Entry) => void;
  readonly orders: ReadonlyMap<number, OrderRecord>;
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
  const orders = new Map<number, OrderRecord>();
  return {
    orders,
    append: (entry) => {
      if (broken !== undefined) throw broken;
      fold(orders, entry);
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
  readonly notes: ReadonlyArray<{ readonly shopper: number; readonly at: number; readonly what: string }>;
}

export class LedgerError extends Schema.TaggedError<LedgerError>()("LedgerError", {
  path: Schema.String,
  cause: Schema.Defect(),
}) {}

const decodeLine = Schema.decodeUnknownResult(Schema.fromJsonString(Entry));

const readAll = async (path: string): Promise<Ledger> => {
  const orders = new Map<number, OrderRecord>();
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
    fold(orders, entry);
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
    orders: Array.from(orders.values()),
    notes,
  };
};

export const read = Effect.fn("Ledger.read")((path: string) =>
  Effect.tryPromise({ try: () => readAll(path), catch: (cause) => new LedgerError({ path, cause }) }),
);
