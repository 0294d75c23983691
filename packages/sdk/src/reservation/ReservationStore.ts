/** Where counters and reservations live: PostgreSQL, or this process. */
import * as Effect from "effect/Effect";
import type { SqlClient } from "effect/sql/SqlClient";
import type { Versioned } from "../machine/Machine.ts";
import {
  type Applied,
  type Change,
  changedRows,
  type Group,
  type MachineStore,
  makeMemory as makeMemoryStore,
  sql as write,
  stateGuard,
  stateWrites,
} from "../machine/MachineStore.ts";
import * as Bulk from "../sql/Bulk.ts";
import {
  type Input,
  type Key,
  type Output,
  orderKey,
  type Rejection,
  type Reservation,
  skuKey,
  type State,
  type Stock,
} from "./ReservationMachine.ts";

export type ReservationStore = MachineStore<Key, State, Input, Output, Rejection>;
type Decisions = Group<Key, State, Input, Output, Rejection>;

interface StockRow {
  readonly sku: string;
  readonly version: number;
  readonly total: number;
  readonly held: number;
  readonly claimed: number;
}

interface ReservationRow {
  readonly order_id: string;
  readonly version: number;
  readonly status: Reservation["status"];
  readonly lines: Reservation["lines"];
  readonly until: Date;
  readonly refusal: Reservation["refusal"];
  readonly short: Reservation["short"];
}

const stockState = ({ version, ...counters }: StockRow): Versioned<State> => ({
  version,
  state: { _tag: "Stock", ...counters },
});

const reservationState = (row: ReservationRow): Versioned<State> => ({
  version: row.version,
  state: {
    _tag: "Reservation",
    orderId: row.order_id,
    status: row.status,
    lines: row.lines,
    until: row.until.getTime(),
    refusal: row.refusal,
    short: row.short,
  },
});

const stockTable = {
  name: "stock",
  key: ["sku"],
  columns: { sku: "text", version: "int4", total: "int4", held: "int4", claimed: "int4" },
} as const;

const stockRow = ({ state, version }: Versioned<Stock>): StockRow => {
  const { _tag, ...counters } = state;
  return { ...counters, version };
};

const reservationTable = {
  name: "reservation",
  key: ["order_id"],
  columns: {
    order_id: "text",
    version: "int4",
    status: "text",
    lines: "jsonb",
    until: "timestamptz",
    refusal: "jsonb",
    short: "jsonb",
  },
} as const;

const reservationRow = ({ state, version }: Versioned<Reservation>) => {
  const { _tag, orderId, ...rest } = state;
  return { ...rest, order_id: orderId, version };
};

const ledgerTable = {
  name: "stock_ledger",
  key: ["sku", "version"],
  columns: {
    sku: "text",
    version: "int4",
    cause: "text",
    kind: "text",
    order_id: "text",
    total_delta: "int4",
    held_delta: "int4",
    claimed_delta: "int4",
    at: "timestamptz",
  },
} as const;

const refusalColumns = { sku: "text", version: "int4", wanted: "int4", count: "int4" } as const;

/** What every decision did to counters, one row a change. */
const ledgerOf = ({ applied, changes }: Decisions) => {
  const counters = new Map<Key, Stock>();
  for (const [key, { before }] of changes) if (before?.state._tag === "Stock") counters.set(key, before.state);
  return applied.flatMap(({ changed, input }) =>
    [...changed].flatMap(([key, { state, version }]) => {
      if (state._tag !== "Stock") return [];
      const before = counters.get(key);
      counters.set(key, state);
      return [
        {
          sku: state.sku,
          version,
          cause: "cause" in input.input ? input.input.cause : `${input.input._tag} ${input.input.orderId}`,
          kind: input.input._tag,
          order_id: "orderId" in input.input ? input.input.orderId : null,
          total_delta: state.total - (before?.total ?? 0),
          held_delta: state.held - (before?.held ?? 0),
          claimed_delta: state.claimed - (before?.claimed ?? 0),
          at: input.at,
        },
      ];
    }),
  );
};

type Decision = Applied<Key, State, Input, Output, Rejection>;

/** The SKU that a hold was refused for, at which version, and how many units were wanted. */
const refusedOf = ({ changed, input: { input }, readAt }: Decision) => {
  if (input._tag !== "Hold") return undefined;
  const state = changed.get(orderKey(input.orderId))?.state;
  const refusal = state?._tag === "Reservation" ? state.refusal : null;
  if (refusal?._tag !== "SoldOut") return undefined;
  return { sku: refusal.sku, version: readAt(skuKey(refusal.sku)), wanted: refusal.wanted };
};

/** Many refusals of one version are one row: the smallest quantity is the one that proves most. */
const refusalsOf = ({ applied }: Decisions) => {
  const rows = new Map<string, { sku: string; version: number; wanted: number; count: number }>();
  for (const decision of applied) {
    const refused = refusedOf(decision);
    if (refused === undefined) continue;
    const name = `${refused.version} ${refused.sku}`;
    const known = rows.get(name);
    rows.set(name, {
      ...refused,
      wanted: Math.min(refused.wanted, known?.wanted ?? refused.wanted),
      count: (known?.count ?? 0) + 1,
    });
  }
  return [...rows.values()];
};

export const make = (sql: SqlClient): ReservationStore => {
  const loadStock = (skus: ReadonlyArray<string>) =>
    sql<StockRow>`SELECT sku, version, total, held, claimed FROM stock
      WHERE sku = ${Bulk.any(sql, "text", skus)} ORDER BY sku FOR NO KEY UPDATE`;
  const loadReservations = (orderIds: ReadonlyArray<string>) =>
    sql<ReservationRow>`SELECT order_id, version, status, lines, until, refusal, short FROM reservation
      WHERE order_id = ${Bulk.any(sql, "text", orderIds)} ORDER BY order_id FOR NO KEY UPDATE`;

  return {
    load: Effect.fnUntraced(function* (keys) {
      const orderIds = keys.filter((key) => key.startsWith("order/")).map((key) => key.slice(6));
      const skus = keys.filter((key) => key.startsWith("sku/")).map((key) => key.slice(4));
      const states = new Map<Key, Versioned<State>>();
      // Reservations before counters, everywhere.
      for (const row of orderIds.length === 0 ? [] : yield* loadReservations(orderIds)) {
        states.set(orderKey(row.order_id), reservationState(row));
      }
      for (const row of skus.length === 0 ? [] : yield* loadStock(skus)) states.set(skuKey(row.sku), stockState(row));
      return states;
    }),
    write: (group) => {
      const stocks = new Map<Key, Change<Stock>>();
      const reservations = new Map<Key, Change<Reservation>>();
      for (const [key, change] of group.changes) {
        if (change.after.state._tag === "Stock") stocks.set(key, change as Change<Stock>);
        else reservations.set(key, change as Change<Reservation>);
      }
      const ledger = ledgerOf(group);
      const refusals = refusalsOf(group);
      return [
        ...stateWrites(sql, reservationTable, changedRows(reservations, reservationRow)),
        ...stateWrites(sql, stockTable, changedRows(stocks, stockRow)),
        ...(ledger.length === 0 ? [] : [write("ledger_written", Bulk.insert(sql, ledgerTable, ledger))]),
        ...(refusals.length === 0
          ? []
          : [
              write(
                "refusals_written",
                sql`INSERT INTO stock_refusal (sku, version, smallest_wanted, count)
                  SELECT x.sku, x.version, x.wanted, x.count FROM ${Bulk.rows(sql, "x", refusalColumns, refusals)}
                  ON CONFLICT (sku, version) DO UPDATE SET count = stock_refusal.count + EXCLUDED.count,
                    smallest_wanted = least(stock_refusal.smallest_wanted, EXCLUDED.smallest_wanted)`,
              ),
            ]),
      ];
    },
    guard: (versions) => {
      const [reservations, stocks] = [new Map<string, number>(), new Map<string, number>()];
      for (const [key, version] of versions) {
        if (key.startsWith("order/")) reservations.set(key.slice(6), version);
        else stocks.set(key.slice(4), version);
      }
      return [
        ...(reservations.size === 0 ? [] : [stateGuard(sql, reservationTable, reservations)]),
        ...(stocks.size === 0 ? [] : [stateGuard(sql, stockTable, stocks)]),
      ];
    },
  };
};

/** In this process; for tests and simulations. */
export const makeMemory = (): ReservationStore => makeMemoryStore();

/** Orders whose hold is overdue, the longest overdue first. Takes no locks: `Expire` decides. */
export const dueHolds = (sql: SqlClient, now: number, limit: number) =>
  Effect.map(
    sql<{ readonly order_id: string }>`SELECT order_id FROM reservation
      WHERE status = 'held' AND until <= ${new Date(now)} ORDER BY until LIMIT ${limit}`,
    (rows) => rows.map((row) => row.order_id),
  );
