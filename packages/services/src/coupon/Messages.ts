/** Translates between the shop's messages and the coupon machine. */
import type { Decided } from "@destiny/sdk/machine";
import { type Envelope, Message } from "@destiny/sdk/message";
import { Consumer } from "@destiny/sdk/outbox";
import { ReturnCoupon, UseCoupon } from "../contracts/index.ts";
import { type Answer, type CouponInput, type Key, type Rejection, useKey } from "./State.ts";

export const decode = Consumer.decoder<CouponInput>([
  Consumer.on(UseCoupon, (payload) => ({ _tag: "Use", ...payload })),
  Consumer.on(ReturnCoupon, (payload) => ({ _tag: "Return", ...payload })),
]);

/** Every command is answered; what is asked over HTTP says nothing to anybody. */
export const emit = ({
  input: { envelope, input },
  verdict,
}: Decided<Key, CouponInput, Answer, Rejection>): ReadonlyArray<Envelope.Draft> => {
  if (verdict._tag === "Rejected" || envelope === undefined || !("orderId" in input)) return [];
  const extras = { orderedBy: useKey(input.orderId) };
  return verdict.outputs.flatMap((answer) => {
    switch (answer._tag) {
      case "Used":
        return Message.reply(UseCoupon, envelope, { _tag: "Done", value: answer.discount }, extras);
      case "Refused":
        return Message.reply(UseCoupon, envelope, { _tag: "Refused", reason: answer.refusal }, extras);
      case "Returned":
        return Message.reply(ReturnCoupon, envelope, { _tag: "Done", value: {} }, extras);
      case "Template":
      case "Coupon":
        return [];
    }
  });
};
