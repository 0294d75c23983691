import { assert, describe, it } from "@effect/vitest";
import { PaymentMachine } from "@destiny/sdk/payment";
import * as Effect from "effect/Effect";
import * as Schema from "effect/Schema";
import {
  approved,
  asker,
  begin,
  beginVoid,
  close,
  declined,
  desk,
  type Input,
  open,
  record,
  reissue,
  returned,
  unknown,
} from "./IntentDesk.ts";

describe("PaymentMachine", () => {
  it("an attempt is written before its gateway is called, and settles once", () => {
    const payment = desk();
    assert.strictEqual(payment.apply(open), "Opened");
    assert.strictEqual(payment.apply(begin("k1")), "Begun");
    assert.strictEqual(payment.intent()?.attempts[0]?.status, "confirming");
    assert.strictEqual(payment.apply(record(1, approved)), "Settled");
    assert.strictEqual(payment.apply(record(1, approved, "inquiry")), "Noted");
    assert.strictEqual(payment.outputs.filter(({ _tag }) => _tag === "Settled").length, 1);
  });

  it("a second click gets the first outcome; another key does not pay twice", () => {
    const payment = desk();
    payment.apply(open);
    payment.apply(begin("k1"));
    assert.strictEqual(payment.apply(begin("k1")), "AlreadyConfirming");
    assert.strictEqual(payment.apply(begin("k2")), "AlreadyConfirming");
    payment.apply(record(1, approved));
    assert.strictEqual(payment.apply(begin("k1")), "AlreadyCaptured");
    assert.strictEqual(payment.apply(begin("k2")), "AlreadyPaid");
  });

  it("amount, owner, gateway and window are compared before any call", () => {
    const payment = desk();
    assert.strictEqual(payment.apply(begin("k")), "NotFound");
    payment.apply(open);
    assert.strictEqual(payment.apply(begin("k", { owner: "x" })), "NotFound");
    assert.strictEqual(payment.apply(begin("k", { amount: 999 })), "AmountMismatch");
    assert.strictEqual(payment.apply(begin("k", { provider: "x" })), "WrongProvider");
    assert.strictEqual(payment.apply(begin("k"), 100), "PaymentClosed");
    assert.deepStrictEqual(payment.intent()?.attempts, []);
  });

  it("a declined or unsent attempt leaves the intent open for another", () => {
    const payment = desk();
    payment.apply(open);
    payment.apply(begin("k1"));
    payment.apply(record(1, declined));
    payment.apply(begin("k2"));
    payment.apply(record(2, { _tag: "NotSent", reason: "connect" }));
    assert.strictEqual(payment.intent()?.status, "open");
    assert.strictEqual(payment.apply(begin("k3")), "Begun");
  });

  it("attempts are bounded", () => {
    const payment = desk();
    payment.apply(open);
    for (let no = 1; no <= PaymentMachine.maxAttempts; no++) {
      payment.apply(begin(`k${no}`));
      payment.apply(record(no, declined));
    }
    assert.strictEqual(payment.apply(begin("one more")), "TooManyAttempts");
  });

  it("unknown is not failed: no other attempt begins, and an unreachable gateway at the inquiry changes nothing", () => {
    const payment = desk();
    payment.apply(open);
    payment.apply(begin("k1"));
    payment.apply(record(1, unknown));
    payment.apply(record(1, { _tag: "NotSent", reason: "connect" }, "inquiry"));
    payment.apply(record(1, { _tag: "NotSent", reason: "rate-limited" }, "resend"));
    assert.strictEqual(payment.intent()?.attempts[0]?.status, "unknown");
    assert.strictEqual(payment.apply(begin("k2")), "AlreadyConfirming");
  });

  it("closing an absent intent leaves a tombstone: a late open is refused", () => {
    const payment = desk();
    assert.strictEqual(payment.apply(close(false)), "Closed");
    assert.strictEqual(payment.apply(open), "PaymentClosed");
  });

  it("a confirm that was accepted before the deadline wins over it", () => {
    const payment = desk();
    payment.apply(open);
    payment.apply(begin("k1"));
    assert.strictEqual(payment.apply(close(false)), "StillPending");
    assert.strictEqual(payment.apply(record(1, approved)), "Settled");
    assert.strictEqual(payment.apply(close(false)), "SettledBefore");
  });

  it("an approval after a cancellation is voided before anybody is told that it is closed", () => {
    const payment = desk();
    payment.apply(open);
    payment.apply(begin("k1"));
    payment.apply(close(true));
    assert.strictEqual(payment.apply(record(1, approved)), "Noted");
    assert.strictEqual(payment.apply(close(true)), "StillPending");
    payment.apply(returned(1));
    assert.strictEqual(payment.apply(close(true)), "Closed");
    assert.strictEqual(payment.intent()?.attempts[0]?.status, "voided");
  });

  it("while cancelled money is on its way back nobody may pay: closed means that no attempt is out", () => {
    const payment = desk();
    payment.apply(open);
    payment.apply(begin("k1"));
    payment.apply(close(true));
    payment.apply(record(1, approved));
    assert.strictEqual(payment.apply(begin("k2")), "PaymentClosed");
    payment.apply(returned(1));
    assert.strictEqual(payment.intent()?.status, "closed");
    assert.strictEqual(payment.intent()?.attempts.length, 1);
  });

  it("a decline while the end is awaited closes the intent", () => {
    const payment = desk();
    payment.apply(open);
    payment.apply(begin("k1"));
    payment.apply(close(false));
    payment.apply(record(1, declined));
    assert.strictEqual(payment.apply(close(false)), "Closed");
    assert.strictEqual(payment.apply(begin("k2")), "PaymentClosed");
  });

  it("undo answers only when no money is here: at once, after a void, or after a refund", () => {
    const undo: Input = { _tag: "Void", reference: "o", reason: "r", askedBy: asker };
    const fresh = desk();
    assert.strictEqual(fresh.apply(undo), "Voided");

    const waiting = desk();
    waiting.apply(open);
    waiting.apply(begin("k1"));
    assert.strictEqual(waiting.apply(undo), "Noted");
    waiting.apply(record(1, approved));
    assert.strictEqual(waiting.apply(returned(1)), "Voided");

    const paid = desk();
    paid.apply(open);
    paid.apply(begin("k1"));
    paid.apply(record(1, approved));
    assert.strictEqual(paid.apply(undo), "Noted");
    assert.strictEqual(paid.apply(returned(1)), "Refunded");
    assert.strictEqual(paid.apply(undo), "Voided");
  });

  it("an approval of another amount is given back, and the intent ends closed", () => {
    const payment = desk();
    payment.apply(open);
    payment.apply(begin("k1"));
    payment.apply(record(1, { ...approved, amount: 1 }));
    assert.strictEqual(payment.intent()?.attempts[0]?.status, "voiding");
    payment.apply(returned(1));
    assert.strictEqual(payment.intent()?.status, "closed");
  });

  it("a refund that is asked while a confirm is out is answered when its outcome is known", () => {
    const payment = desk();
    payment.apply(open);
    payment.apply(begin("k1"));
    assert.strictEqual(payment.apply({ _tag: "Refund", reference: "o", reason: "r", askedBy: asker }), "Noted");
    assert.strictEqual(payment.apply(record(1, declined)), "Voided");
  });

  it("a refused refund is told once to each who asks, and tried on", () => {
    const payment = desk();
    payment.apply(open);
    payment.apply(begin("k1"));
    payment.apply(record(1, approved));
    const refund: Input = { _tag: "Refund", reference: "o", reason: "r", askedBy: asker };
    payment.apply(refund);
    const refused: Input = {
      _tag: "RecordReturn",
      reference: "o",
      no: 1,
      outcome: { _tag: "Refused", code: "EXCEED_MAX_REFUND_DUE" },
      nextActionAt: 1_000_000,
    };
    assert.strictEqual(payment.apply(refused), "RefundRefused");
    assert.strictEqual(payment.apply(refused), "Noted");
    assert.strictEqual(payment.apply(refund), "Noted");
    assert.isBelow(payment.intent()?.attempts[0]?.nextActionAt ?? Infinity, 1_000_000, "tried again at once");
    assert.strictEqual(payment.apply(refused), "RefundRefused", "an operator's retry is answered, too");
    assert.strictEqual(payment.apply(returned(1)), "Refunded");
  });

  const Step = Schema.Struct({
    kind: Schema.Literals([
      "Open",
      "Begin",
      "Approved",
      "Declined",
      "Unknown",
      "NotSent",
      "Close",
      "Cancel",
      "Void",
      "Refund",
      "Returned",
      "Reissue",
      "Asked",
      "NotThere",
      "BeginVoid",
    ]),
    gateway: Schema.Literals(["toss", "portone", "bootpay"]),
    key: Schema.Literals(["k1", "k2", "k3"]),
    no: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 4 })),
    at: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 150 })),
  });

  const inputOf = ({ gateway, key, kind, no }: typeof Step.Type): Input => {
    switch (kind) {
      case "Open":
        return open;
      case "Begin":
        return begin(key, { provider: gateway });
      case "Approved":
        return record(no, approved, "inquiry");
      case "Declined":
        return record(no, declined);
      case "Unknown":
        return record(no, unknown);
      case "NotSent":
        return record(no, { _tag: "NotSent", reason: "connect" });
      case "Close":
        return close(false);
      case "Cancel":
        return close(true);
      case "Void":
        return { _tag: "Void", reference: "o", reason: "r", askedBy: asker };
      case "Refund":
        return { _tag: "Refund", reference: "o", reason: "r", askedBy: asker };
      case "Returned":
        return returned(no);
      case "Reissue":
        return reissue(gateway === "toss" ? "toss" : "portone", gateway === "toss" ? "portone" : "bootpay");
      case "Asked":
        return record(no, unknown, "inquiry");
      case "NotThere":
        return record(no, { _tag: "Pending" }, "inquiry");
      case "BeginVoid":
        return beginVoid(no);
    }
  };

  it.effect.prop(
    "in any order of inputs at most one attempt is or may become captured, and a closed intent keeps no money",
    [Schema.Array(Step)],
    ([steps]) =>
      Effect.sync(() => {
        const payment = desk();
        payment.apply(open);
        for (const step of steps) {
          try {
            payment.apply(inputOf(step), step.at);
          } catch (defect) {
            // A record about an attempt that never was is a bug of the sender.
            assert.match(String(defect), /no attempt/);
          }
          const intent = payment.intent();
          const live =
            intent?.attempts.filter(({ status }) => ["confirming", "unknown", "captured"].includes(status)) ?? [];
          assert.isAtMost(live.length, 1);
          const captured = live.filter(({ status }) => status === "captured").length;
          assert.strictEqual(captured, intent?.status === "captured" ? 1 : 0);
          if (intent?.status === "closed" || intent?.status === "open" || intent?.status === "refunded") {
            assert.strictEqual(live.length, 0);
          }
        }
        assert.isAtMost(payment.outputs.filter(({ _tag }) => _tag === "Settled").length, 1);
      }),
    { arbitrary: { runs: 400 } },
  );
});
