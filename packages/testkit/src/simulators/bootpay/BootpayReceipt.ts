/**
 * One receipt at Bootpay with separate confirmation, as a pure machine: `decide(receipt, command, at)` answers the next state
 * or an error code.
 *
 * Guarantee: never more is given back than was taken, and a `cancel_id` gives back once.
 * Limits: `maxCancels` cancels a receipt; `confirmWithinMillis` after the buyer authenticated (the vendor names no limit).
 */
import * as Result from "effect/Result";
import * as Schema from "effect/Schema";

export const confirmWithinMillis = 30 * 60_000;
export const maxCancels = 100;

export const Method = Schema.Literals(["card", "kakao", "npay", "bank", "phone"]);

/** Requested, paid, waiting for the server, given back (all or a part), failed before and at the approval. */
export const Status = Schema.Literals([0, 1, 2, 20, -1, -2]);

const Cancel = Schema.Struct({
  /** The merchant's guard against a second execution; null when it sent none. */
  cancelId: Schema.NullOr(Schema.String),
  price: Schema.Int,
  message: Schema.String,
  at: Schema.Int,
});

export const Receipt = Schema.Struct({
  receiptId: Schema.String,
  orderId: Schema.String,
  orderName: Schema.String,
  method: Method,
  price: Schema.Int,
  cancelledPrice: Schema.Int,
  status: Status,
  requestedAt: Schema.Int,
  authenticatedAt: Schema.NullOr(Schema.Int),
  purchasedAt: Schema.NullOr(Schema.Int),
  tid: Schema.NullOr(Schema.String),
  cancels: Schema.Array(Cancel),
});
export type Receipt = typeof Receipt.Type;

export type Command =
  | { readonly _tag: "Authenticate" }
  | { readonly _tag: "Confirm"; readonly transactionKey: string }
  /** The acquirer refused the buyer's instrument. */
  | { readonly _tag: "Refuse" }
  | {
      readonly _tag: "Cancel";
      /** Absent: all that is left. */
      readonly price: number | undefined;
      readonly cancelId: string | undefined;
      readonly message: string;
      readonly transactionKey: string;
    };

type Decision = Result.Result<Receipt, string>;

/** The receipt as seen at a moment: expiry is a matter of looking. */
export const asOf = (receipt: Receipt, at: number): Receipt =>
  receipt.status === 2 && at - (receipt.authenticatedAt ?? at) > confirmWithinMillis
    ? { ...receipt, status: -1 }
    : receipt;

const cancel = (receipt: Receipt, command: Command & { _tag: "Cancel" }, at: number): Decision => {
  const { cancelId = null, message } = command;
  if (cancelId !== null && receipt.cancels.some((one) => one.cancelId === cancelId)) return Result.succeed(receipt);
  if (receipt.purchasedAt === null) return Result.fail("RC_CANCEL_SERVER_ERROR");
  const left = receipt.price - receipt.cancelledPrice;
  if (left === 0) return Result.fail("RC_ALREADY_CANCELLED");
  const { price = left } = command;
  if (price > left || receipt.cancels.length >= maxCancels) return Result.fail("RC_CANCEL_SERVER_ERROR");
  return Result.succeed({
    ...receipt,
    status: 20,
    cancelledPrice: receipt.cancelledPrice + price,
    cancels: [...receipt.cancels, { cancelId, price, message, at }],
  });
};

/** The state after the command, or the vendor's code for why there is none. Total and pure. */
export const decide = (stored: Receipt, command: Command, at: number): Decision => {
  const receipt = asOf(stored, at);
  switch (command._tag) {
    case "Authenticate":
      return receipt.status === 0
        ? Result.succeed({ ...receipt, status: 2, authenticatedAt: at })
        : Result.fail("RC_NOT_CONFIRM_READY");
    case "Confirm":
      return receipt.status === 2
        ? Result.succeed({ ...receipt, status: 1, purchasedAt: at, tid: command.transactionKey })
        : Result.fail("RC_NOT_CONFIRM_READY");
    case "Refuse":
      return receipt.status === 2 ? Result.succeed({ ...receipt, status: -2 }) : Result.fail("RC_NOT_CONFIRM_READY");
    case "Cancel":
      return cancel(receipt, command, at);
  }
};
