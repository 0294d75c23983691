/** What a receipt of Bootpay says about the money. An unknown status proves nothing. */
import * as Schema from "effect/Schema";
import { type ConfirmOutcome, type InquiryOutcome, unknown } from "../PaymentGateway.ts";

/** Whatever else a buyer may send for a receipt id would become part of an address, and its failure the gateway's. */
const receiptId = /^[\w-]{1,100}$/;

export const isReceiptId = (text: string): boolean => receiptId.test(text);

/** What can never pay for an order. */
export const notAReceipt = {
  _tag: "Declined",
  kind: "hard",
  code: "NO_RECEIPT_ID",
  message: "This is no receipt id.",
} as const;

export const Receipt = Schema.Struct({
  receipt_id: Schema.String,
  order_id: Schema.String,
  status: Schema.Int,
  price: Schema.Int,
  cancelled_price: Schema.Int,
  method_symbol: Schema.optionalKey(Schema.NullOr(Schema.String)),
  purchased_at: Schema.optionalKey(Schema.NullOr(Schema.String)),
});
export type Receipt = typeof Receipt.Type;

/** Of a receipt in status 1. */
export const approved = (receipt: Receipt): ConfirmOutcome & InquiryOutcome => {
  const approvedAt = Date.parse(receipt.purchased_at ?? "");
  if (Number.isNaN(approvedAt)) return unknown("approved without a time", true);
  const method = receipt.method_symbol;
  return {
    _tag: "Approved",
    amount: receipt.price,
    approvedAt,
    ...(method === undefined || method === null ? {} : { method: method.toUpperCase() }),
  };
};

const declined = (code: string, message: string) => ({ _tag: "Declined", kind: "hard", code, message }) as const;

export const inquired = (receipt: Receipt, vendorOrderId: string): InquiryOutcome => {
  if (receipt.order_id !== vendorOrderId) return declined("OTHER_ORDER", "The payment belongs to another order.");
  switch (receipt.status) {
    case 1:
      return approved(receipt);
    // Requested, waiting for us, being approved, waiting for a deposit.
    case 0:
    case 2:
    case 3:
    case 5:
      return { _tag: "Pending" };
    case -1:
    case -2:
    case -3:
      return declined(`STATUS_${receipt.status}`, "The payment did not take place.");
    case 20:
      // One status for all that was given back and for a part of it.
      return receipt.cancelled_price === receipt.price
        ? declined("CANCELLED", "The payment was given back.")
        : unknown("partly cancelled", true);
    default:
      return unknown(`status ${receipt.status}`, true);
  }
};

/** What the receipt says before the confirm; undefined when it may be confirmed. */
export const beforeConfirm = (receipt: Receipt, vendorOrderId: string, amount: number): ConfirmOutcome | undefined => {
  const outcome = inquired(receipt, vendorOrderId);
  if (outcome._tag !== "Pending" && outcome._tag !== "NotFound") return outcome;
  if (receipt.status === 3) return { ...unknown("status 3"), technical: false };
  // The buyer may still be at it, and a project without separate confirmation takes the money without us.
  if (receipt.status !== 2) return unknown(`status ${receipt.status}`, true);
  if (receipt.price === amount) return undefined;
  return declined("AMOUNT_MISMATCH", `The payment is over ${receipt.price} won.`);
};
