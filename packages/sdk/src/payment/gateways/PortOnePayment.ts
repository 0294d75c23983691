/** What a payment of PortOne says about the money. An unknown status proves nothing. */
import * as Schema from "effect/Schema";
import { type ConfirmOutcome, type InquiryOutcome, unknown } from "../PaymentGateway.ts";
import { methods } from "./PortOneCodes.ts";

export const Payment = Schema.Struct({
  status: Schema.String,
  currency: Schema.String,
  amount: Schema.Struct({ total: Schema.Int, cancelled: Schema.Int }),
  channel: Schema.optionalKey(Schema.Struct({ type: Schema.String })),
  method: Schema.optionalKey(Schema.Struct({ type: Schema.String })),
  paidAt: Schema.optionalKey(Schema.String),
  failure: Schema.optionalKey(
    Schema.Struct({ reason: Schema.optionalKey(Schema.String), pgCode: Schema.optionalKey(Schema.String) }),
  ),
  cancellations: Schema.optionalKey(Schema.Array(Schema.Struct({ status: Schema.String }))),
});
export type Payment = typeof Payment.Type;

/** Paid, if there is a time to it. */
export const approved = (amount: number, paidAt: string, method?: string): ConfirmOutcome & InquiryOutcome => {
  const approvedAt = Date.parse(paidAt);
  if (Number.isNaN(approvedAt)) return unknown("approved without a time", true);
  return { _tag: "Approved", amount, approvedAt, ...(method === undefined ? {} : { method }) };
};

const declined = (code: string, message: string): InquiryOutcome => ({ _tag: "Declined", kind: "hard", code, message });

export const inquired = (payment: Payment, isTest: boolean): InquiryOutcome => {
  switch (payment.status) {
    case "PAID": {
      if (payment.currency !== "KRW") return unknown(`paid in ${payment.currency}`, true);
      if (payment.channel?.type === "TEST" && !isTest)
        return declined("TEST_CHANNEL", "A test channel takes no money.");
      const method = payment.method?.type;
      return approved(
        payment.amount.total,
        payment.paidAt ?? "",
        method === undefined ? undefined : (methods[method] ?? method),
      );
    }
    case "READY":
    case "PENDING":
    case "PAY_PENDING":
    case "VIRTUAL_ACCOUNT_ISSUED":
      return { _tag: "Pending" };
    case "FAILED":
      return declined(
        payment.failure?.pgCode ?? "FAILED",
        payment.failure?.reason ?? "The payment did not take place.",
      );
    case "CANCELLED":
    case "PARTIAL_CANCELLED":
      return payment.amount.cancelled === payment.amount.total
        ? declined("CANCELLED", "The payment was given back.")
        : unknown("partly cancelled", true);
    default:
      return unknown(`status ${payment.status}`, true);
  }
};

/** Won that no cancellation has given back; undefined while one of them is still under way. */
export const leftOf = (payment: Payment): number | undefined =>
  payment.cancellations?.some(({ status }) => status !== "SUCCEEDED" && status !== "FAILED")
    ? undefined
    : payment.amount.total - payment.amount.cancelled;
