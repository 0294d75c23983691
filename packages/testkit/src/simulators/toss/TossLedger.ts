/** What the ledger of payments has to know about Toss Payments, whose idempotency keys live for 15 days. */
import type { PaymentLedger, Rules } from "../PaymentLedger.ts";
import * as TossPayment from "./TossPayment.ts";
import type { NewPayment } from "./TossRequests.ts";

export type TossLedger = PaymentLedger<TossPayment.Payment, TossPayment.Command>;

export const rules: Rules<TossPayment.Payment, TossPayment.Command> = {
  gateway: "toss",
  payment: TossPayment.Payment,
  keyOf: ({ paymentKey }) => paymentKey,
  orderOf: ({ orderId }) => orderId,
  asOf: TossPayment.asOf,
  decide: TossPayment.decide,
  moved: (before, after, command) => {
    if (!("transactionKey" in command) || after.approvedAt === null) return undefined;
    const { currency, totalAmount } = after;
    const { transactionKey } = command;
    return command._tag === "Cancel"
      ? { kind: "canceled", amount: before.balanceAmount - after.balanceAmount, currency, transactionKey }
      : { kind: "captured", amount: totalAmount, currency, transactionKey };
  },
  takesOrder: TossPayment.takesOrder,
  notFound: "NOT_FOUND_PAYMENT",
  idempotencyLifeMillis: 15 * 86_400_000,
};

/** The payment as the browser step leaves it. */
export const create = (paymentKey: string, input: NewPayment, at: number): TossPayment.Payment => {
  const { orderId, amount, orderName = "주문", method = "카드", currency = "KRW" } = input;
  const ready = TossPayment.create({ paymentKey, orderId, orderName, amount, method, currency, at });
  return input.status === "READY" ? ready : { ...ready, status: "IN_PROGRESS", authenticatedAt: at };
};
