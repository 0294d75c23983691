/** What may be asked of Bootpay: bodies as schemas. */
import * as Schema from "effect/Schema";
import * as BootpayReceipt from "./BootpayReceipt.ts";

const Positive = Schema.Int.check(Schema.isGreaterThan(0));
const Text = Schema.String.check(Schema.isBetweenLength(1, 256));

export const NewPayment = Schema.Struct({
  orderId: Text,
  amount: Positive,
  method: Schema.optionalKey(BootpayReceipt.Method),
  orderName: Schema.optionalKey(Text),
  /** 0: the window is open, the buyer has not authenticated. Absent: 2, waiting for the server. */
  status: Schema.optionalKey(Schema.Literals([0, 2])),
});
export type NewPayment = typeof NewPayment.Type;

export const decodeCancel = Schema.decodeUnknownOption(
  Schema.Struct({
    receipt_id: Text,
    cancel_price: Schema.optionalKey(Positive),
    cancel_id: Schema.optionalKey(Text),
    cancel_message: Schema.optionalKey(Schema.String),
  }),
);
