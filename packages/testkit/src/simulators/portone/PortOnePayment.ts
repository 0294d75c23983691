/**
 * One payment at PortOne V2 in manual approval, as a pure machine: `decide(payment, command, at)` answers the next state or
 * an error type.
 *
 * Guarantee: what was given back or is on its way back is never more than what was taken.
 * Limits: `maxCancels` cancellations a payment; the token is good for `confirmWithinMillis` (vendors differ; ours is a guess).
 */
import * as Result from "effect/Result";
import * as Schema from "effect/Schema";

export const confirmWithinMillis = 10 * 60_000;
export const maxCancels = 100;

export const Method = Schema.Literals([
  "PaymentMethodCard",
  "PaymentMethodEasyPay",
  "PaymentMethodTransfer",
  "PaymentMethodMobile",
  "PaymentMethodGiftCertificate",
]);
export const Status = Schema.Literals(["READY", "PAID", "FAILED", "PARTIAL_CANCELLED", "CANCELLED"]);

const Cancellation = Schema.Struct({
  id: Schema.String,
  /** REQUESTED: the acquirer gives it back later. */
  status: Schema.Literals(["SUCCEEDED", "REQUESTED"]),
  amount: Schema.Int,
  reason: Schema.String,
  requestedAt: Schema.Int,
  cancelledAt: Schema.NullOr(Schema.Int),
});

export const Payment = Schema.Struct({
  /** Chosen by the merchant. */
  paymentId: Schema.String,
  orderId: Schema.String,
  /** The vendor's name of the buyer's authentication. */
  transactionId: Schema.String,
  paymentToken: Schema.String,
  orderName: Schema.String,
  method: Method,
  total: Schema.Int,
  status: Status,
  requestedAt: Schema.Int,
  authenticatedAt: Schema.NullOr(Schema.Int),
  paidAt: Schema.NullOr(Schema.Int),
  pgTxId: Schema.NullOr(Schema.String),
  cancellations: Schema.Array(Cancellation),
  failure: Schema.NullOr(Schema.Struct({ at: Schema.Int, reason: Schema.String, pgCode: Schema.String })),
});
export type Payment = typeof Payment.Type;

export type Command =
  | { readonly _tag: "Authenticate" }
  | {
      readonly _tag: "Confirm";
      readonly paymentToken: string;
      /** What the merchant expects; absent: not compared. */
      readonly totalAmount: number | undefined;
      readonly currency: string | undefined;
      readonly isTest: boolean | undefined;
      readonly transactionKey: string;
    }
  /** The acquirer refused the buyer's instrument. */
  | { readonly _tag: "Fail"; readonly pgCode: string; readonly reason: string }
  | {
      readonly _tag: "Cancel";
      readonly reason: string;
      /** Absent: all that is left. */
      readonly amount: number | undefined;
      /** Absent: not compared. */
      readonly currentCancellableAmount: number | undefined;
      /** The acquirer takes its time. */
      readonly asynchronous: boolean;
      readonly transactionKey: string;
    }
  /** The acquirer gave back what was requested. */
  | { readonly _tag: "Settle"; readonly transactionKey: string };

type Decision = Result.Result<Payment, string>;

const sum = (payment: Payment, status?: "SUCCEEDED"): number =>
  payment.cancellations.reduce(
    (total, one) => total + (status === undefined || one.status === status ? one.amount : 0),
    0,
  );

/** What was given back. */
export const cancelled = (payment: Payment): number => sum(payment, "SUCCEEDED");
/** What is neither given back nor on its way. */
const cancellable = (payment: Payment): number => payment.total - sum(payment);

const statusOf = (payment: Payment): Payment => {
  const back = cancelled(payment);
  if (back === 0) return payment;
  return { ...payment, status: back === payment.total ? "CANCELLED" : "PARTIAL_CANCELLED" };
};

const confirm = (payment: Payment, command: Command & { _tag: "Confirm" }, at: number): Decision => {
  if (payment.paidAt !== null) return Result.fail("ALREADY_PAID");
  const live = payment.authenticatedAt !== null && at - payment.authenticatedAt <= confirmWithinMillis;
  if (payment.status !== "READY" || !live || command.paymentToken !== payment.paymentToken) {
    return Result.fail("INVALID_PAYMENT_TOKEN");
  }
  const { currency = "KRW", isTest = true, totalAmount = payment.total, transactionKey } = command;
  if (currency !== "KRW" || !isTest || totalAmount !== payment.total) return Result.fail("INFORMATION_MISMATCH");
  return Result.succeed({ ...payment, status: "PAID", paidAt: at, pgTxId: transactionKey });
};

const cancel = (payment: Payment, command: Command & { _tag: "Cancel" }, at: number): Decision => {
  if (payment.status === "CANCELLED") return Result.fail("PAYMENT_ALREADY_CANCELLED");
  if (payment.paidAt === null) return Result.fail("PAYMENT_NOT_PAID");
  const left = cancellable(payment);
  if (command.currentCancellableAmount !== undefined && command.currentCancellableAmount !== left) {
    return Result.fail("CANCELLABLE_AMOUNT_CONSISTENCY_BROKEN");
  }
  const { amount = left, asynchronous, reason, transactionKey: id } = command;
  if (amount > left || left === 0) return Result.fail("CANCEL_AMOUNT_EXCEEDS_CANCELLABLE_AMOUNT");
  if (payment.cancellations.length >= maxCancels) return Result.fail("MAX_CANCEL_COUNT_REACHED");
  const made = { id, amount, reason, requestedAt: at };
  return Result.succeed(
    statusOf({
      ...payment,
      cancellations: [
        ...payment.cancellations,
        asynchronous
          ? { ...made, status: "REQUESTED", cancelledAt: null }
          : { ...made, status: "SUCCEEDED", cancelledAt: at },
      ],
    }),
  );
};

/** The state after the command, or the vendor's error type for why there is none. Total and pure. */
export const decide = (payment: Payment, command: Command, at: number): Decision => {
  switch (command._tag) {
    case "Authenticate":
      return payment.status === "READY" && payment.authenticatedAt === null
        ? Result.succeed({ ...payment, authenticatedAt: at })
        : Result.fail("INVALID_REQUEST");
    case "Confirm":
      return confirm(payment, command, at);
    case "Fail": {
      const { pgCode, reason } = command;
      return payment.status === "READY"
        ? Result.succeed({ ...payment, status: "FAILED", failure: { at, pgCode, reason } })
        : Result.fail("ALREADY_PAID");
    }
    case "Cancel":
      return cancel(payment, command, at);
    case "Settle":
      return payment.cancellations.some(({ status }) => status === "REQUESTED")
        ? Result.succeed(
            statusOf({
              ...payment,
              cancellations: payment.cancellations.map((one) =>
                one.status === "REQUESTED" ? { ...one, status: "SUCCEEDED", cancelledAt: at } : one,
              ),
            }),
          )
        : Result.fail("INVALID_REQUEST");
  }
};
