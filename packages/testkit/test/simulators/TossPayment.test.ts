import { assert, describe, it } from "@effect/vitest";
import * as Effect from "effect/Effect";
import * as Result from "effect/Result";
import * as Schema from "effect/Schema";
import * as TossPayment from "../../src/simulators/toss/TossPayment.ts";

const Step = Schema.Struct({
  command: Schema.Literals(["Authenticate", "Confirm", "Abort", "Deposit", "Cancel", "Cancel", "Confirm"]),
  /** Parts of the total, so that partial, exact and excessive cancels all occur. */
  part: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 12 })),
  whole: Schema.Boolean,
  minutes: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 12 })),
});
const Steps = Schema.Array(Step).check(Schema.isMaxLength(30));

const total = 10_000;

const commandOf = (step: typeof Step.Type, index: number): TossPayment.Command => {
  const transactionKey = `t${index}`;
  switch (step.command) {
    case "Authenticate":
      return { _tag: "Authenticate" };
    case "Abort":
      return { _tag: "Abort", code: "REJECT_CARD_PAYMENT" };
    case "Deposit":
      return { _tag: "Deposit", transactionKey };
    case "Confirm":
      return { _tag: "Confirm", orderId: "order-1", amount: total, transactionKey, orderTaken: false };
    default:
      return {
        _tag: "Cancel",
        reason: "changed my mind",
        amount: step.whole ? undefined : step.part * 1_000,
        refundableAmount: undefined,
        currency: undefined,
        hasRefundAccount: true,
        transactionKey,
        minIntervalMillis: 0,
      };
  }
};

const allowed: Readonly<Record<string, ReadonlyArray<string>>> = {
  READY: ["IN_PROGRESS", "ABORTED"],
  IN_PROGRESS: ["DONE", "WAITING_FOR_DEPOSIT", "ABORTED"],
  WAITING_FOR_DEPOSIT: ["DONE", "CANCELED"],
  DONE: ["CANCELED", "PARTIAL_CANCELED"],
  PARTIAL_CANCELED: ["PARTIAL_CANCELED"],
  CANCELED: [],
  ABORTED: [],
  EXPIRED: [],
};

describe("a payment, whatever is asked of it", () => {
  it.effect.prop(
    "keeps balance = captured - canceled, never below zero, and moves only along the vendor's transitions",
    [Schema.Literals(["카드", "가상계좌"]), Steps],
    ([method, steps]) =>
      Effect.sync(() => {
        let at = 0;
        let payment = TossPayment.create({
          paymentKey: "k",
          orderId: "order-1",
          orderName: "n",
          amount: total,
          method,
          currency: "KRW",
          at,
        });
        let captured = 0;
        let canceled = 0;
        for (const [index, step] of [
          { command: "Authenticate", part: 1, whole: false, minutes: 0 } as const,
          ...steps,
        ].entries()) {
          at += step.minutes * 60_000;
          const before = TossPayment.asOf(payment, at);
          const decided = TossPayment.decide(payment, commandOf(step, index), at);
          if (Result.isFailure(decided)) continue;
          payment = decided.success;
          assert.include(allowed[before.status] ?? [], payment.status);
          if (payment.approvedAt !== null && before.approvedAt === null) captured += payment.totalAmount;
          if (payment.approvedAt !== null) canceled += before.balanceAmount - payment.balanceAmount;
          assert.isAtLeast(payment.balanceAmount, 0);
          assert.strictEqual(payment.totalAmount, total);
          if (payment.approvedAt !== null) assert.strictEqual(captured - canceled, payment.balanceAmount);
          else assert.strictEqual(captured, 0);
          assert.strictEqual(
            payment.cancels.reduce((sum, one) => sum + one.amount, 0),
            payment.totalAmount - payment.balanceAmount,
          );
        }
        assert.isAtMost(captured, total);
      }),
    { arbitrary: { runs: 300 } },
  );
});
