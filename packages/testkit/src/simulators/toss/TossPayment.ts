/**
 * One payment at Toss Payments, as a pure machine: `decide(payment, command, at)` answers the next state or a code.
 *
 * Guarantee: `balanceAmount` is never negative, and equals what was approved less what was canceled.
 * Limits: `maxCancels` cancels a payment; 30 minutes to authenticate, 10 more to confirm.
 */
import * as Result from "effect/Result";
import * as Schema from "effect/Schema";
import * as TossErrors from "./TossErrors.ts";

export const authenticateWithinMillis = 30 * 60_000;
export const confirmWithinMillis = 10 * 60_000;
export const maxCancels = 100;

export const Method = Schema.Literals([
  "카드",
  "가상계좌",
  "간편결제",
  "휴대폰",
  "계좌이체",
  "문화상품권",
  "도서문화상품권",
  "게임문화상품권",
]);
export const Currency = Schema.Literals(["KRW", "USD", "JPY"]);
export const Status = Schema.Literals([
  "READY",
  "IN_PROGRESS",
  "WAITING_FOR_DEPOSIT",
  "DONE",
  "CANCELED",
  "PARTIAL_CANCELED",
  "ABORTED",
  "EXPIRED",
]);
export const PositiveAmount = Schema.Int.check(Schema.isGreaterThan(0));
export const OrderId = Schema.String.check(Schema.isPattern(/^[A-Za-z0-9_-]{6,64}$/));

const Cancel = Schema.Struct({
  transactionKey: Schema.String,
  amount: Schema.Int,
  reason: Schema.String,
  at: Schema.Int,
  /** What is left to cancel after this one. */
  refundableAmount: Schema.Int,
});

export const Payment = Schema.Struct({
  paymentKey: Schema.String,
  orderId: Schema.String,
  orderName: Schema.String,
  method: Method,
  currency: Currency,
  totalAmount: Schema.Int,
  balanceAmount: Schema.Int,
  status: Status,
  requestedAt: Schema.Int,
  authenticatedAt: Schema.NullOr(Schema.Int),
  /** When the money was taken; null before, and for a virtual account until the deposit. */
  approvedAt: Schema.NullOr(Schema.Int),
  lastTransactionKey: Schema.NullOr(Schema.String),
  cancels: Schema.Array(Cancel),
  failure: Schema.NullOr(Schema.Struct({ code: Schema.String, message: Schema.String })),
});
export type Payment = typeof Payment.Type;

export type Command =
  | { readonly _tag: "Authenticate" }
  | {
      readonly _tag: "Confirm";
      readonly orderId: string;
      readonly amount: number;
      readonly transactionKey: string;
      /** Another payment of the same order was approved. */
      readonly orderTaken: boolean;
    }
  /** The buyer's instrument refused. */
  | { readonly _tag: "Abort"; readonly code: string }
  | { readonly _tag: "Deposit"; readonly transactionKey: string }
  | {
      readonly _tag: "Cancel";
      readonly reason: string;
      /** Absent: all that is left. */
      readonly amount: number | undefined;
      /** Absent: not compared. */
      readonly refundableAmount: number | undefined;
      readonly currency: string | undefined;
      readonly hasRefundAccount: boolean;
      readonly transactionKey: string;
      /** Refuse a second cancel sooner than this after the first; 0 allows it. */
      readonly minIntervalMillis: number;
    };

export const create = (input: {
  readonly paymentKey: string;
  readonly orderId: string;
  readonly orderName: string;
  readonly amount: number;
  readonly method: Payment["method"];
  readonly currency: Payment["currency"];
  readonly at: number;
}): Payment => ({
  paymentKey: input.paymentKey,
  orderId: input.orderId,
  orderName: input.orderName,
  method: input.method,
  currency: input.currency,
  totalAmount: input.amount,
  balanceAmount: input.amount,
  status: "READY",
  requestedAt: input.at,
  authenticatedAt: null,
  approvedAt: null,
  lastTransactionKey: null,
  cancels: [],
  failure: null,
});

/** The payment as seen at a moment: expiry is a matter of looking, nobody has to run for it. */
export const asOf = (payment: Payment, at: number): Payment => {
  const expired =
    (payment.status === "READY" && at - payment.requestedAt > authenticateWithinMillis) ||
    (payment.status === "IN_PROGRESS" && at - (payment.authenticatedAt ?? at) > confirmWithinMillis);
  return expired ? { ...payment, status: "EXPIRED", failure: TossErrors.make("EXPIRED_PAYMENT") } : payment;
};

const minimumAmount = (payment: Payment): number =>
  payment.currency !== "KRW" ? 1 : payment.method === "계좌이체" || payment.method === "가상계좌" ? 200 : 100;

type Decision = Result.Result<Payment, string>;

const confirm = (payment: Payment, command: Command & { _tag: "Confirm" }, at: number): Decision => {
  switch (payment.status) {
    case "DONE":
    case "CANCELED":
    case "PARTIAL_CANCELED":
    case "WAITING_FOR_DEPOSIT":
      return Result.fail("ALREADY_PROCESSED_PAYMENT");
    case "READY":
    case "ABORTED":
    case "EXPIRED":
      return Result.fail("NOT_FOUND_PAYMENT_SESSION");
    case "IN_PROGRESS":
  }
  if (command.orderId !== payment.orderId || command.amount !== payment.totalAmount) {
    return Result.fail("INVALID_REQUEST");
  }
  if (command.amount < minimumAmount(payment)) return Result.fail("BELOW_MINIMUM_AMOUNT");
  if (command.orderTaken) return Result.fail("DUPLICATED_ORDER_ID");
  const waits = payment.method === "가상계좌";
  return Result.succeed({
    ...payment,
    status: waits ? "WAITING_FOR_DEPOSIT" : "DONE",
    approvedAt: waits ? null : at,
    lastTransactionKey: command.transactionKey,
  });
};

const cancel = (payment: Payment, command: Command & { _tag: "Cancel" }, at: number): Decision => {
  const waiting = payment.status === "WAITING_FOR_DEPOSIT";
  if (payment.status === "CANCELED") return Result.fail("ALREADY_CANCELED_PAYMENT");
  if (payment.status !== "DONE" && payment.status !== "PARTIAL_CANCELED" && !waiting) {
    return Result.fail("NOT_CANCELABLE_PAYMENT");
  }
  const last = payment.cancels.at(-1);
  if (last !== undefined && at - last.at < command.minIntervalMillis) {
    return Result.fail("FORBIDDEN_CONSECUTIVE_REQUEST");
  }
  if (command.currency !== undefined && command.currency !== payment.currency) return Result.fail("INVALID_REQUEST");
  if (command.refundableAmount !== undefined && command.refundableAmount !== payment.balanceAmount) {
    return Result.fail("NOT_MATCHES_REFUNDABLE_AMOUNT");
  }
  const amount = command.amount ?? payment.balanceAmount;
  if (amount > payment.balanceAmount || payment.balanceAmount === 0) return Result.fail("NOT_CANCELABLE_AMOUNT");
  if (waiting && amount !== payment.balanceAmount) return Result.fail("NOT_ALLOWED_PARTIAL_REFUND_WAITING_DEPOSIT");
  if (payment.method === "가상계좌" && !waiting && !command.hasRefundAccount) {
    return Result.fail("INVALID_REFUND_ACCOUNT_INFO");
  }
  if (payment.cancels.length >= maxCancels) return Result.fail("EXCEED_CANCEL_LIMIT");
  const balanceAmount = payment.balanceAmount - amount;
  const { reason, transactionKey } = command;
  return Result.succeed({
    ...payment,
    // The vendor's trap: the rest after a partial cancel stays PARTIAL_CANCELED, only one single full cancel is CANCELED.
    status: payment.cancels.length === 0 && balanceAmount === 0 ? "CANCELED" : "PARTIAL_CANCELED",
    balanceAmount,
    lastTransactionKey: transactionKey,
    cancels: [...payment.cancels, { transactionKey, amount, reason, at, refundableAmount: balanceAmount }],
  });
};

/** The state after the command, or the vendor's code for why there is none. Total and pure. */
export const decide = (stored: Payment, command: Command, at: number): Decision => {
  const payment = asOf(stored, at);
  switch (command._tag) {
    case "Authenticate":
      return payment.status === "READY"
        ? Result.succeed({ ...payment, status: "IN_PROGRESS", authenticatedAt: at })
        : Result.fail(payment.status === "EXPIRED" ? "NOT_FOUND_PAYMENT_SESSION" : "ALREADY_PROCESSED_PAYMENT");
    case "Confirm":
      return confirm(payment, command, at);
    case "Abort":
      return payment.status === "READY" || payment.status === "IN_PROGRESS"
        ? Result.succeed({ ...payment, status: "ABORTED", failure: TossErrors.make(command.code) })
        : Result.fail("ALREADY_PROCESSED_PAYMENT");
    case "Deposit":
      return payment.status === "WAITING_FOR_DEPOSIT"
        ? Result.succeed({
            ...payment,
            status: "DONE",
            approvedAt: at,
            lastTransactionKey: command.transactionKey,
          })
        : Result.fail("ALREADY_PROCESSED_PAYMENT");
    default:
      return cancel(payment, command, at);
  }
};

/** Whether the order id is used up by this payment. */
export const takesOrder = (payment: Payment): boolean =>
  payment.status === "DONE" ||
  payment.status === "WAITING_FOR_DEPOSIT" ||
  payment.status === "CANCELED" ||
  payment.status === "PARTIAL_CANCELED";
