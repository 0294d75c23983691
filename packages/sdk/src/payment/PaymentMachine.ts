/**
 * One payment intent per reference (the shop's order), and its attempts, as a pure machine.
 *
 * Guarantee: per reference at most one attempt that is or may become captured; an unknown outcome is never treated as a
 * failure; an approval that nobody wants any more is voided, also one of an attempt that was given up for another gateway.
 *
 * The intent is the arbiter between a confirm and the end of the payment window: whichever moves it first wins. An attempt is
 * written before its gateway is called, so that a crash in between leaves something to ask about.
 */
import type { Machine } from "../machine/Machine.ts";
import { beginConfirm, open, record } from "./PaymentConfirm.ts";
import type { Input, Intent, Output, Rejection } from "./PaymentModel.ts";
import type { Result } from "./PaymentMoves.ts";
import { beginVoid, reissue } from "./PaymentReissue.ts";
import { close, recordReturn, refund, undo } from "./PaymentReturn.ts";

export * from "./PaymentModel.ts";

export const machine: Machine<string, Intent, Input, Output, Rejection> = {
  name: "payment",
  keys: ({ reference }) => [reference],
  creates: ({ _tag, reference }) => (_tag === "Open" ? [reference] : []),
  decide: (view, { at, input }): Result => {
    const known = view.get(input.reference);
    switch (input._tag) {
      case "Open":
        return open(known, input, at);
      case "BeginConfirm":
        return beginConfirm(known, input, at);
      case "Record":
        return record(known, input, at);
      case "Reissue":
        return reissue(known, input, at);
      case "BeginVoid":
        return beginVoid(known, input);
      case "Close":
        return close(known, input);
      case "Refund":
        return refund(known, input, at);
      case "Void":
        return undo(known, input, at);
      case "RecordReturn":
        return recordReturn(known, input, at);
    }
  },
};
