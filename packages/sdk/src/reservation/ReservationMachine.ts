/**
 * Holds with a lifetime on counted stock, as a pure machine.
 *
 * Two kinds of state: the counters of a SKU, and the reservation of an order. An order has at most one reservation, and its
 * record answers every repetition: whoever asks again gets the outcome that was recorded, also after it ended. A release of
 * something absent leaves a tombstone, so that a hold that arrives late is refused as cancelled.
 *
 * Guarantee: claimed + held <= total at every version; `sold out` is answered only when the version that was read had no
 * free unit for the line.
 */
import * as Schema from "effect/Schema";
import { accept, type Machine, reject, type Verdict, type View } from "../machine/Machine.ts";

export type Key = `order/${string}` | `sku/${string}`;

export const orderKey = (orderId: string): Key => `order/${orderId}`;
export const skuKey = (sku: string): Key => `sku/${sku}`;

export const Line = Schema.Struct({ sku: Schema.String, quantity: Schema.Int });
export type Line = typeof Line.Type;

/** The counters of one SKU. Free units: total - held - claimed. */
export interface Stock {
  readonly _tag: "Stock";
  readonly sku: string;
  readonly total: number;
  readonly held: number;
  readonly claimed: number;
}

export const Refusal = Schema.Union([
  Schema.TaggedStruct("SoldOut", { sku: Schema.String, wanted: Schema.Int, available: Schema.Int }),
  Schema.TaggedStruct("UnknownSku", { sku: Schema.String }),
  Schema.TaggedStruct("Cancelled", {}),
]);
export type Refusal = typeof Refusal.Type;

export const reservationStatuses = ["held", "refused", "claimed", "short", "released", "expired", "returned"] as const;
export type ReservationStatus = (typeof reservationStatuses)[number];

/** What became of an order's hold. `released` without lines is a tombstone. */
export interface Reservation {
  readonly _tag: "Reservation";
  readonly orderId: string;
  readonly status: ReservationStatus;
  readonly lines: ReadonlyArray<Line>;
  /** UTC epoch milliseconds; the hold ends when its expiry is committed, never because a clock says so. */
  readonly until: number;
  readonly refusal: Refusal | null;
  /** SKUs without enough free units for a late claim. */
  readonly short: ReadonlyArray<string>;
}

export type State = Stock | Reservation;

export type Input =
  | { readonly _tag: "Hold"; readonly orderId: string; readonly lines: ReadonlyArray<Line>; readonly until: number }
  | { readonly _tag: "Extend"; readonly orderId: string; readonly until: number }
  | { readonly _tag: "Claim"; readonly orderId: string }
  | { readonly _tag: "Release"; readonly orderId: string }
  | { readonly _tag: "Expire"; readonly orderId: string }
  | { readonly _tag: "Return"; readonly orderId: string }
  /** `cause` makes it happen once: a delivery note, a seed run. */
  | { readonly _tag: "Restock"; readonly sku: string; readonly quantity: number; readonly cause: string }
  | { readonly _tag: "Adjust"; readonly sku: string; readonly delta: number; readonly cause: string };

export const Output = Schema.Union([
  Schema.TaggedStruct("Held", { orderId: Schema.String }),
  Schema.TaggedStruct("Refused", { orderId: Schema.String, refusal: Refusal }),
  Schema.TaggedStruct("Extended", { orderId: Schema.String }),
  Schema.TaggedStruct("Claimed", { orderId: Schema.String }),
  Schema.TaggedStruct("Short", { orderId: Schema.String, skus: Schema.Array(Schema.String) }),
  Schema.TaggedStruct("Released", { orderId: Schema.String }),
  Schema.TaggedStruct("Expired", { orderId: Schema.String }),
  Schema.TaggedStruct("Returned", { orderId: Schema.String }),
  Schema.TaggedStruct("Restocked", { sku: Schema.String, total: Schema.Int }),
  /** The free units of a SKU reached zero, or rose from it. */
  Schema.TaggedStruct("SoldOut", { sku: Schema.String }),
  Schema.TaggedStruct("Reopened", { sku: Schema.String }),
]);
export type Output = typeof Output.Type;

/** Why units were not moved: fewer than are promised would be left, or more than `maxUnits`. */
export const Rejection = Schema.Union([
  Schema.TaggedStruct("BelowPromised", { sku: Schema.String, promised: Schema.Int, total: Schema.Int }),
  Schema.TaggedStruct("TooManyUnits", { sku: Schema.String, most: Schema.Int, total: Schema.Int }),
]);
export type Rejection = typeof Rejection.Type;

export const maxLineQuantity = 1_000_000;
export const maxUnits = 1_000_000_000;

export const free = (stock: Stock): number => stock.total - stock.held - stock.claimed;

/** The same SKU twice in one order is one line. @throws on a quantity that is not a positive whole number. */
export const mergeLines = (lines: ReadonlyArray<Line>): ReadonlyArray<Line> => {
  const quantities = new Map<string, number>();
  for (const { quantity, sku } of lines) {
    if (!Number.isInteger(quantity) || quantity < 1 || quantity > maxLineQuantity) {
      throw new RangeError(`${sku}: a quantity of ${quantity}`);
    }
    quantities.set(sku, (quantities.get(sku) ?? 0) + quantity);
  }
  if (quantities.size === 0) throw new RangeError("a hold without lines");
  return [...quantities].map(([sku, quantity]) => ({ sku, quantity }));
};

type Seen = View<Key, State>;
type Result = Verdict<Key, State, Output, Rejection>;

const stockOf = (view: Seen, sku: string): Stock | undefined => {
  const state = view.get(skuKey(sku));
  return state?._tag === "Stock" ? state : undefined;
};

const reservationOf = (view: Seen, orderId: string): Reservation | undefined => {
  const state = view.get(orderKey(orderId));
  return state?._tag === "Reservation" ? state : undefined;
};

/** Sold out and reopened are crossings of zero free units, so they follow from the counters alone. */
const crossing = (before: Stock | undefined, after: Stock): ReadonlyArray<Output> => {
  const had = before !== undefined && free(before) > 0;
  const has = free(after) > 0;
  if (had && !has) return [{ _tag: "SoldOut", sku: after.sku }];
  return !had && has && before !== undefined ? [{ _tag: "Reopened", sku: after.sku }] : [];
};

/** Moves the counters of every line, and the reservation with them. */
const move = (
  view: Seen,
  reservation: Reservation,
  output: Output,
  change: (stock: Stock, quantity: number) => Stock,
): Result => {
  const changes: Array<readonly [Key, State]> = [[orderKey(reservation.orderId), reservation]];
  const outputs: Array<Output> = [output];
  for (const { quantity, sku } of reservation.lines) {
    const before = stockOf(view, sku);
    if (before === undefined) throw new Error(`${sku} of reservation ${reservation.orderId} has no stock`);
    const after = change(before, quantity);
    changes.push([skuKey(sku), after]);
    outputs.push(...crossing(before, after));
  }
  return accept(changes, outputs);
};

const keep = (output: Output): Result => accept([], [output]);

const refusalOf = (view: Seen, lines: ReadonlyArray<Line>): Refusal | undefined => {
  for (const { quantity, sku } of lines) {
    const stock = stockOf(view, sku);
    if (stock === undefined) return { _tag: "UnknownSku", sku };
    if (free(stock) < quantity) return { _tag: "SoldOut", sku, wanted: quantity, available: free(stock) };
  }
  return undefined;
};

const hold = (view: Seen, input: Extract<Input, { _tag: "Hold" }>): Result => {
  const { orderId, until } = input;
  const known = reservationOf(view, orderId);
  if (known !== undefined) {
    if (known.refusal !== null) return keep({ _tag: "Refused", orderId, refusal: known.refusal });
    // Lines without a refusal: it was held once, whatever came after, and that is the recorded outcome.
    return known.lines.length === 0
      ? keep({ _tag: "Refused", orderId, refusal: { _tag: "Cancelled" } })
      : keep({ _tag: "Held", orderId });
  }
  const lines = mergeLines(input.lines);
  const refusal = refusalOf(view, lines);
  const reservation: Reservation = {
    _tag: "Reservation",
    orderId,
    status: "held",
    lines,
    until,
    refusal: null,
    short: [],
  };
  return refusal === undefined
    ? move(view, reservation, { _tag: "Held", orderId }, (stock, quantity) => ({
        ...stock,
        held: stock.held + quantity,
      }))
    : accept(
        [[orderKey(orderId), { ...reservation, status: "refused", refusal }]],
        [{ _tag: "Refused", orderId, refusal }],
      );
};

const claim = (view: Seen, orderId: string): Result => {
  const known = reservationOf(view, orderId);
  switch (known?.status) {
    case "claimed":
    case "returned":
      return keep({ _tag: "Claimed", orderId });
    case "short":
      return keep({ _tag: "Short", orderId, skus: known.short });
    case "held":
      return move(view, { ...known, status: "claimed" }, { _tag: "Claimed", orderId }, (stock, quantity) => ({
        ...stock,
        held: stock.held - quantity,
        claimed: stock.claimed + quantity,
      }));
    case "expired": {
      // Too late for the hold, but not for the units if they are still free.
      const short = known.lines.filter(({ quantity, sku }) => {
        const stock = stockOf(view, sku);
        return stock === undefined || free(stock) < quantity;
      });
      const skus = short.map(({ sku }) => sku);
      return skus.length === 0
        ? move(view, { ...known, status: "claimed" }, { _tag: "Claimed", orderId }, (stock, quantity) => ({
            ...stock,
            claimed: stock.claimed + quantity,
          }))
        : accept([[orderKey(orderId), { ...known, status: "short", short: skus }]], [{ _tag: "Short", orderId, skus }]);
    }
    default:
      throw new Error(`claim of ${orderId}, whose reservation is ${known?.status ?? "absent"}`);
  }
};

/** Ends a hold. Units that are no longer held stay where they are. */
const end = (view: Seen, known: Reservation, status: "released" | "expired", output: Output): Result =>
  move(view, { ...known, status }, output, (stock, quantity) => ({ ...stock, held: stock.held - quantity }));

const release = (view: Seen, orderId: string): Result => {
  const known = reservationOf(view, orderId);
  const released: Output = { _tag: "Released", orderId };
  if (known === undefined) {
    const tombstone: Reservation = {
      _tag: "Reservation",
      orderId,
      status: "released",
      lines: [],
      until: 0,
      refusal: null,
      short: [],
    };
    return accept([[orderKey(orderId), tombstone]], [released]);
  }
  if (known.status === "claimed") throw new Error(`release of ${orderId}, which is claimed`);
  return known.status === "held" ? end(view, known, "released", released) : keep(released);
};

const stocked = (view: Seen, sku: string, delta: number): Result => {
  const before = stockOf(view, sku) ?? { _tag: "Stock", sku, total: 0, held: 0, claimed: 0 };
  const after: Stock = { ...before, total: before.total + delta };
  const promised = before.held + before.claimed;
  if (after.total < promised) return reject({ _tag: "BelowPromised", sku, promised, total: after.total });
  if (after.total > maxUnits) return reject({ _tag: "TooManyUnits", sku, most: maxUnits, total: after.total });
  return accept(
    [[skuKey(sku), after]],
    [{ _tag: "Restocked", sku, total: after.total }, ...crossing(stockOf(view, sku), after)],
  );
};

const linesOf = (view: Seen, orderId: string): ReadonlyArray<Key> =>
  (reservationOf(view, orderId)?.lines ?? []).map(({ sku }) => skuKey(sku));

export const machine: Machine<Key, State, Input, Output, Rejection> = {
  name: "reservation",
  creates: (input) => (input._tag === "Hold" ? [orderKey(input.orderId)] : []),
  keys: (input) => {
    switch (input._tag) {
      case "Restock":
      case "Adjust":
        return [skuKey(input.sku)];
      case "Hold":
        return [orderKey(input.orderId), ...input.lines.map(({ sku }) => skuKey(sku))];
      default:
        return [orderKey(input.orderId)];
    }
  },
  more: (view, input) => ("orderId" in input && input._tag !== "Hold" ? linesOf(view, input.orderId) : []),
  decide: (view, { at, input }): Result => {
    switch (input._tag) {
      case "Hold":
        return hold(view, input);
      case "Claim":
        return claim(view, input.orderId);
      case "Release":
        return release(view, input.orderId);
      case "Extend": {
        const known = reservationOf(view, input.orderId);
        const extended: Output = { _tag: "Extended", orderId: input.orderId };
        return known?.status === "held" && known.until < input.until
          ? accept([[orderKey(input.orderId), { ...known, until: input.until }]], [extended])
          : keep(extended);
      }
      case "Expire": {
        const known = reservationOf(view, input.orderId);
        return known?.status === "held" && known.until <= at
          ? end(view, known, "expired", { _tag: "Expired", orderId: input.orderId })
          : accept([], []);
      }
      case "Return": {
        const known = reservationOf(view, input.orderId);
        const returned: Output = { _tag: "Returned", orderId: input.orderId };
        return known?.status === "claimed"
          ? move(view, { ...known, status: "returned" }, returned, (stock, quantity) => ({
              ...stock,
              claimed: stock.claimed - quantity,
            }))
          : keep(returned);
      }
      case "Restock":
        if (!Number.isInteger(input.quantity) || input.quantity < 0)
          throw new RangeError(`restock of ${input.quantity}`);
        return stocked(view, input.sku, input.quantity);
      case "Adjust":
        if (!Number.isInteger(input.delta)) throw new RangeError(`adjustment by ${input.delta}`);
        return stocked(view, input.sku, input.delta);
    }
  },
};
