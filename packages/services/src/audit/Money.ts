/**
 * I4, I5, I10 and I11: money and stock, order by order, over the services, the gateways' own records and the shoppers' ledger.
 *
 * Totals that happen to agree prove nothing, so every order is compared on its own.
 */
import { Audit } from "@destiny/sdk/machine";
import { PaymentAudit } from "@destiny/sdk/payment";
import { Bulk } from "@destiny/sdk/sql";
import * as Effect from "effect/Effect";
import * as SqlClient from "effect/sql/SqlClient";
import type { SqlError } from "effect/sql/SqlError";
import { Sources } from "./Sources.ts";
import type { GatewayMovement, ShopperOrder, Witnesses } from "./Verify.ts";

const pageRows = 5000;

interface OrderRow {
  readonly id: string;
  readonly status: string;
  readonly amount: bigint | null;
  readonly reason: string | null;
}

/** What one gateway side knows of one order. */
interface AtGateway {
  readonly net: number;
  /** Payments with money left on them. */
  readonly live: number;
}

type Payments = ReadonlyMap<string, { readonly orderId: string; readonly net: number }>;

/** What is left of each payment at its gateway, by payment key. */
const paymentsOf = (movements: ReadonlyArray<GatewayMovement>): Payments => {
  const byPayment = new Map<string, { orderId: string; net: number }>();
  for (const { amount, kind, orderId, paymentKey } of movements) {
    const known = byPayment.get(paymentKey) ?? { orderId, net: 0 };
    byPayment.set(paymentKey, { orderId, net: known.net + (kind === "captured" ? amount : -amount) });
  }
  return byPayment;
};

const gatewaySide = (payments: Payments): ReadonlyMap<string, AtGateway> => {
  const orders = new Map<string, { net: number; live: number }>();
  for (const { net, orderId } of payments.values()) {
    const known = orders.get(orderId) ?? { net: 0, live: 0 };
    orders.set(orderId, { net: known.net + net, live: known.live + (net > 0 ? 1 : 0) });
  }
  return orders;
};

const ended = new Set(["FAILED", "CANCELED"]);

/**
 * What the shop may keep of an order in this state; undefined while it is under way. A cancellation that operators gave up
 * ends with the money on either side, but with all of it on one.
 */
const owed = ({ amount, status }: OrderRow): ReadonlyArray<number> | undefined => {
  const price = Number(amount ?? 0n);
  if (status === "COMPLETED") return [price];
  if (status === "CANCEL_FAILED") return [0, price];
  return ended.has(status) ? [0] : undefined;
};

const moneyOf = (
  order: OrderRow,
  balance: PaymentAudit.Balance | undefined,
  gateway: AtGateway | undefined,
  shopper: ShopperOrder | undefined,
  options: Witnesses,
): ReadonlyArray<string> => {
  const due = owed(order);
  const kept = (balance?.captured ?? 0) - (balance?.refunded ?? 0);
  const found: Array<string> = [];
  if (due !== undefined && !due.includes(kept))
    found.push(`${order.status} for ${due.join(" or ")} won, but payment keeps ${kept}`);
  if (options.gateways !== undefined && (gateway?.net ?? 0) !== kept) {
    found.push(`payment keeps ${kept}, but the gateway holds ${gateway?.net ?? 0}`);
  }
  if (shopper !== undefined) {
    if (
      shopper.status !== order.status &&
      due !== undefined &&
      (shopper.status === "COMPLETED" || ended.has(shopper.status))
    ) {
      found.push(`the order is ${order.status}, but its shopper saw ${shopper.status}`);
    }
    if (shopper.status === "COMPLETED" && shopper.finalAmount !== null && shopper.finalAmount !== kept) {
      found.push(`the shopper was told ${shopper.finalAmount} won, payment keeps ${kept}`);
    }
    if (shopper.toldCaptured && (balance?.captured ?? 0) === 0)
      found.push("the shopper was told that it was captured; it was not");
    for (const other of shopper.otherOrderIds) found.push(`the same idempotency key was also answered with ${other}`);
  }
  return found;
};

/** Units that an order still holds or has claimed, by its reservation. */
const reservationsOf = (sql: SqlClient.SqlClient, ids: ReadonlyArray<string>) =>
  Effect.map(
    sql<{ readonly order_id: string; readonly status: string }>`
      SELECT order_id, status FROM reservation WHERE order_id = ${Bulk.any(sql, "text", ids)}`,
    (rows) => new Map(rows.map((row) => [row.order_id, row.status])),
  );

const balancesOf = (sql: SqlClient.SqlClient, ids: ReadonlyArray<string>) =>
  Effect.map(
    Effect.provideService(PaymentAudit.balances(ids), SqlClient.SqlClient, sql),
    (rows) => new Map(rows.map((row) => [row.reference, row])),
  );

/** What is left of an order that came to nothing, or missing of one that was sold. */
const leftovers = (
  order: OrderRow,
  reservation: string | undefined,
  balance: PaymentAudit.Balance | undefined,
  gateway: AtGateway | undefined,
): ReadonlyArray<string> => {
  const found: Array<string> = [];
  if (ended.has(order.status)) {
    if (reservation === "held" || reservation === "claimed")
      found.push(`${order.status}, but its units are ${reservation}`);
    if (balance !== undefined && balance.captured !== balance.refunded)
      found.push(`${order.status}, but it is charged`);
    if ((gateway?.net ?? 0) > 0) found.push(`${order.status}, but a gateway holds ${gateway?.net} won`);
  }
  if (order.status === "COMPLETED" && reservation !== "claimed") {
    found.push(`COMPLETED, but its units are ${reservation ?? "not reserved"}`);
  }
  return found;
};

const givenUp = Effect.flatMap(Sources, (sources) =>
  Effect.provideService(PaymentAudit.abandoned, SqlClient.SqlClient, sources.of("payment")),
);

/** Whether a gateway has money of an attempt. */
const holds =
  (payments: Payments) =>
  ({ paymentKey }: { readonly paymentKey: string }): boolean =>
    (payments.get(paymentKey)?.net ?? 0) > 0;

/** How many attempts that were given up hold money which the shop has not seen: it will, while their guards last. */
export const unseen = Effect.fnUntraced(function* <E>(
  gateways: Effect.Effect<ReadonlyArray<GatewayMovement>, E> | undefined,
) {
  const abandoned = yield* givenUp;
  if (gateways === undefined || abandoned.length === 0) return 0;
  return abandoned.filter(holds(paymentsOf(yield* gateways))).length;
});

export const audit = Effect.fnUntraced(function* (
  options: Witnesses,
): Effect.fn.Return<ReadonlyArray<Audit.Finding>, SqlError, Sources> {
  const sources = yield* Sources;
  const orders = sources.of("order");
  const payments = paymentsOf(options.gateways ?? []);
  const gateway = gatewaySide(payments);
  const shoppers = new Map((options.shoppers ?? []).map((shopper) => [shopper.orderId, shopper]));

  const money: Array<Audit.Violation> = [];
  const left: Array<Audit.Violation> = [];
  let checked = 0;
  let closed = 0;
  let after = "00000000-0000-0000-0000-000000000000";
  for (;;) {
    const page = yield* orders<OrderRow>`
      SELECT id::text AS id, status, amount, failure->>'reason' AS reason FROM orders
      WHERE id > ${after}::uuid ORDER BY id LIMIT ${pageRows}`;
    const ids = page.map(({ id }) => id);
    const balances = yield* balancesOf(sources.of("payment"), ids);
    const reservations = yield* reservationsOf(sources.of("stock"), ids);
    for (const order of page) {
      const { id } = order;
      checked += 1;
      if (ended.has(order.status) || order.status === "COMPLETED") closed += 1;
      const side = gateway.get(id);
      const balance = balances.get(id);
      money.push(...moneyOf(order, balance, side, shoppers.get(id), options).map((what) => ({ id, what })));
      left.push(...leftovers(order, reservations.get(id), balance, side).map((what) => ({ id, what })));
    }
    if (page.length < pageRows) break;
    after = ids.at(-1) ?? after;
  }

  const own = yield* Effect.provideService(PaymentAudit.audit, SqlClient.SqlClient, sources.of("payment"));
  const abandoned = yield* givenUp;
  const late = abandoned
    .filter(holds(payments))
    .map(({ id, status }) => ({ id, what: `${status} after it was given up, but its gateway holds the money` }));
  const twice = [...gateway]
    .filter(([, { live }]) => live > 1)
    .map(([id, { live }]) => ({ id, what: `${live} payments of the order are captured at the gateways` }));
  return [
    ...own.filter(({ id }) => id !== "I4"),
    { id: "I11", checked: options.gateways === undefined ? 0 : abandoned.length, violations: late },
    Audit.merge("I4", [...own.filter(({ id }) => id === "I4"), { id: "I4", checked: gateway.size, violations: twice }]),
    { id: "I5", checked, violations: money.slice(0, Audit.maxNamedViolations) },
    { id: "I10", checked: closed, violations: left.slice(0, Audit.maxNamedViolations) },
  ];
});
