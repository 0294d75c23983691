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
  guardUntil,
  open,
  record,
  reissue,
  returned,
  settleMillis,
  unknown,
} from "./IntentDesk.ts";

const pending = { _tag: "Pending" } as const;
const notSent = { _tag: "NotSent", reason: "connect" } as const;

/** An attempt at toss whose outcome nobody knows, asked about in vain. */
const inDoubt = () => {
  const payment = desk();
  payment.apply(open);
  payment.apply(begin("k1"), 1);
  payment.apply(record(1, unknown), 5);
  payment.apply(record(1, unknown, "inquiry"), 10);
  return payment;
};

const givenUp = () => {
  const payment = inDoubt();
  assert.strictEqual(payment.apply(reissue("toss", "portone"), 30), "Reissued");
  return payment;
};

const statuses = (payment: ReturnType<typeof desk>) => payment.intent()?.attempts.map(({ status }) => status);

describe("Reissue", () => {
  it("what was not sent switches at once, and the route says why", () => {
    const payment = desk();
    payment.apply(open);
    payment.apply(begin("k1"));
    payment.apply(record(1, notSent));
    assert.strictEqual(payment.apply(reissue("toss", "portone"), 3), "Reissued");
    assert.strictEqual(payment.intent()?.provider, "portone");
    assert.deepStrictEqual(
      payment.intent()?.routes.map(({ at, provider, why }) => [provider, at, why]),
      [
        ["toss", 0, "opened"],
        ["portone", 3, "not sent"],
      ],
    );
    assert.strictEqual(payment.apply(begin("k1")), "WrongProvider");
    assert.strictEqual(payment.apply(begin("k2", { provider: "portone" })), "Begun");
  });

  it("a refused card is no reason to leave a gateway that is well", () => {
    const payment = desk();
    payment.apply(open);
    assert.strictEqual(payment.apply(reissue("toss", "portone")), "GatewayUsable");
    payment.apply(begin("k1"));
    payment.apply(record(1, declined));
    assert.strictEqual(payment.apply(reissue("toss", "portone")), "GatewayUsable");
    assert.strictEqual(payment.apply(reissue("toss", "portone", { unusable: true })), "Reissued");
  });

  it("an unknown attempt is asked about first, and given its settle window", () => {
    const payment = desk();
    payment.apply(open);
    payment.apply(begin("k1"), 1);
    assert.strictEqual(payment.apply(reissue("toss", "portone", { unusable: true }), 50), "AlreadyConfirming");
    payment.apply(record(1, unknown), 5);
    assert.strictEqual(payment.apply(reissue("toss", "portone", { unusable: true }), 50), "NotSettled");
    payment.apply(record(1, unknown, "inquiry"), 10);
    assert.strictEqual(payment.apply(reissue("toss", "portone"), settleMillis), "NotSettled");
    assert.strictEqual(payment.apply(reissue("toss", "portone"), 1 + settleMillis), "Reissued");
  });

  it("an attempt is given up with its guard armed, and is no obstacle to the next", () => {
    const payment = givenUp();
    const [left] = payment.intent()?.attempts ?? [];
    assert.deepStrictEqual(
      [left?.status, left?.abandonedAt, left?.guardUntil, left?.nextActionAt],
      ["abandoned", 30, guardUntil, 50],
    );
    assert.strictEqual(payment.apply(begin("k2", { provider: "portone" }), 40), "Begun");
  });

  it("its late approval is voided, and the order stays paid where it was paid", () => {
    const payment = givenUp();
    payment.apply(begin("k2", { provider: "portone" }), 40);
    payment.apply(record(2, approved), 41);
    payment.apply(record(1, approved, "inquiry"), 50);
    assert.deepStrictEqual(statuses(payment), ["late_captured", "captured"]);
    assert.strictEqual(payment.intent()?.attempts[0]?.nextActionAt, 50, "given back at once");
    payment.apply(beginVoid(1), 51);
    assert.deepStrictEqual(statuses(payment), ["voiding", "captured"]);
    payment.apply(returned(1), 60);
    assert.deepStrictEqual(statuses(payment), ["voided", "captured"]);
    const [late] = payment.intent()?.attempts ?? [];
    assert.deepStrictEqual([late?.observedAt, late?.settledAt], [50, 60]);
    assert.strictEqual(payment.intent()?.status, "captured");
    assert.strictEqual(payment.outputs.filter(({ _tag }) => _tag === "Settled").length, 1);
  });

  it("also when the order was closed meanwhile, or never paid elsewhere", () => {
    for (const meanwhile of [close(false), close(true), undefined]) {
      const payment = givenUp();
      if (meanwhile !== undefined) payment.apply(meanwhile);
      const { status } = payment.intent() ?? {};
      payment.apply(record(1, approved, "confirm"), 50);
      payment.apply(beginVoid(1), 51);
      payment.apply(returned(1), 60);
      assert.deepStrictEqual([statuses(payment), payment.intent()?.status], [["voided"], status]);
    }
  });

  it("a refused void of a late approval is tried on, and is nobody's refused refund", () => {
    const payment = givenUp();
    payment.apply(begin("k2", { provider: "portone" }), 40);
    payment.apply(record(2, approved), 41);
    payment.apply({ _tag: "Refund", reference: "o", reason: "r", askedBy: asker }, 42);
    payment.apply(record(1, approved, "inquiry"), 50);
    payment.apply(beginVoid(1), 51);
    const refused = { _tag: "Refused", code: "NO" } as const;
    const told = payment.apply({ _tag: "RecordReturn", reference: "o", no: 1, outcome: refused, nextActionAt: 70 }, 52);
    assert.strictEqual(told, "Noted");
    assert.strictEqual(payment.intent()?.attempts[0]?.nextActionAt, 70);
    assert.strictEqual(payment.apply(returned(1), 71), "Noted");
    assert.strictEqual(payment.apply(returned(2), 72), "Refunded");
  });

  it("the guard ends with an answer: a refusal at once, a wait when the gateway can approve no more, silence never", () => {
    const refused = givenUp();
    refused.apply(record(1, declined, "inquiry"), 40);
    assert.deepStrictEqual(statuses(refused), ["declined"]);
    assert.isNull(refused.intent()?.attempts[0]?.nextActionAt);

    const waiting = givenUp();
    waiting.apply(record(1, pending, "inquiry"), guardUntil - 1);
    assert.isNumber(waiting.intent()?.attempts[0]?.nextActionAt);
    waiting.apply(record(1, unknown, "inquiry"), guardUntil + 5);
    waiting.apply(record(1, notSent), guardUntil + 6);
    assert.isNumber(waiting.intent()?.attempts[0]?.nextActionAt);
    waiting.apply(record(1, pending, "inquiry"), guardUntil + 7);
    assert.isNull(waiting.intent()?.attempts[0]?.nextActionAt);
    assert.deepStrictEqual(statuses(waiting), ["abandoned"]);
  });

  it("a buyer is never sent where the order was before, nor away from what is paid or closed", () => {
    const payment = givenUp();
    assert.strictEqual(payment.apply(reissue("portone", "toss", { unusable: true }), 31), "NoOtherGateway");
    assert.strictEqual(payment.apply(reissue("portone", null, { unusable: true }), 31), "NoOtherGateway");
    assert.strictEqual(payment.apply(reissue("toss", "bootpay"), 31), "Reissued", "another was quicker");
    assert.strictEqual(payment.intent()?.provider, "portone");
    assert.strictEqual(payment.apply(reissue("portone", "bootpay", { owner: "x" })), "NotFound");
    payment.apply(begin("k2", { provider: "portone" }), 40);
    payment.apply(record(2, approved), 41);
    assert.strictEqual(payment.apply(reissue("portone", "bootpay", { unusable: true })), "AlreadyPaid");

    const closed = inDoubt();
    closed.apply(close(false), 20);
    assert.strictEqual(closed.apply(reissue("toss", "portone"), 30), "PaymentClosed");
    const late = inDoubt();
    assert.strictEqual(late.apply(reissue("toss", "portone"), 100), "PaymentClosed");
  });

  /** What the gateway does with a confirm: takes the money or not, and is heard or not. */
  const Fate = Schema.Literals([
    "approved",
    "approved, unheard",
    "on its way",
    "never arrives",
    "declined",
    "not sent",
  ]);
  const Step = Schema.Struct({
    kind: Schema.Literals(["Confirm", "Confirm", "Ask", "Reissue", "Reissue", "Arrive", "Close", "Cancel", "Refund"]),
    fate: Fate,
    heard: Schema.Boolean,
    which: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 3 })),
    passes: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 12 })),
  });

  /** Gateways that take money by rules of their own, and a sweeper that asks them. */
  const world = () => {
    const payment = desk();
    const money = new Map<number, "on its way" | "taken" | "back" | "none">();
    let now = 0;
    payment.apply(open, now);
    const attempts = () => payment.intent()?.attempts ?? [];
    /** That is what a guard's end means: by then the gateway has taken the money, or never will. */
    const arriveInTime = () => {
      if (now < guardUntil) return;
      for (const [no, where] of money) if (where === "on its way") money.set(no, "taken");
    };
    const ask = (no: number, heard: boolean) => {
      const attempt = attempts().find((one) => one.no === no);
      if (attempt === undefined) return;
      if (attempt.status === "late_captured") payment.apply(beginVoid(no), now);
      if (["voiding", "refunding"].includes(attempts()[no - 1]?.status ?? "")) {
        money.set(no, "back");
        if (heard) payment.apply(returned(no), now);
      } else if (["unknown", "abandoned"].includes(attempt.status)) {
        const outcome = money.get(no) === "taken" ? approved : pending;
        payment.apply(record(no, heard ? outcome : unknown, "inquiry"), now);
      }
    };
    const confirm = (fate: (typeof Step.Type)["fate"]) => {
      const provider = payment.intent()?.provider ?? "";
      const no = attempts().length + 1;
      if (payment.apply(begin(`k${no}`, { provider }), now) !== "Begun") return;
      money.set(no, fate.startsWith("approved") ? "taken" : fate === "on its way" ? fate : "none");
      arriveInTime();
      const outcome = { approved, declined, "not sent": notSent }[fate as string] ?? unknown;
      payment.apply(record(no, outcome), now);
    };
    return {
      payment,
      money,
      pass: (millis: number) => {
        now += millis;
        arriveInTime();
      },
      step: ({ fate, heard, kind, which }: typeof Step.Type) => {
        switch (kind) {
          case "Confirm":
            return confirm(fate);
          case "Ask":
            return ask(which, heard);
          case "Reissue": {
            const from = payment.intent()?.provider ?? "";
            const next = ["toss", "portone", "bootpay", "mobile"];
            return payment.apply(reissue(from, next[next.indexOf(from) + 1] ?? null), now);
          }
          case "Arrive":
            return money.get(which) === "on its way" ? money.set(which, "taken") : undefined;
          case "Close":
            return payment.apply(close(false), now);
          case "Cancel":
            return payment.apply(close(true), now);
          case "Refund":
            return payment.apply({ _tag: "Refund", reference: "o", reason: "r", askedBy: asker }, now);
        }
      },
      /** The guards' time: what is on its way arrives before they end, and every gateway is heard again. */
      drain: () => {
        now = Math.max(now, guardUntil);
        arriveInTime();
        for (let round = 0; round < 6; round++) {
          now += guardUntil;
          for (const { nextActionAt, no } of attempts()) if (nextActionAt !== null) ask(no, true);
        }
      },
    };
  };

  let abandonments = 0;
  let lateVoids = 0;
  it.effect.prop(
    "whatever gateways and buyers do: one live attempt at most, and every given-up attempt that took money gave it back",
    [Schema.Literals(["approved, unheard", "on its way", "never arrives"]), Schema.Boolean, Schema.Array(Step)],
    ([fate, leaves, steps]) =>
      Effect.sync(() => {
        const { drain, money, pass, payment, step } = world();
        if (leaves) {
          // Random steps alone hardly ever get an attempt given up.
          const first = { fate, heard: false, which: 1 } as const;
          step({ ...first, kind: "Confirm", passes: 0 });
          step({ ...first, kind: "Ask", passes: 0 });
          pass(settleMillis);
          step({ ...first, kind: "Reissue", passes: 0 });
        }
        for (const one of steps) {
          pass(one.passes);
          step(one);
          const live = payment.intent()?.attempts.filter((attempt) => PaymentMachine.liveStatuses.has(attempt.status));
          assert.isAtMost(live?.length ?? 0, 1);
        }
        drain();
        const intent = payment.intent();
        for (const { abandonedAt, nextActionAt, no, status } of intent?.attempts ?? []) {
          if (abandonedAt !== null) abandonments += 1;
          if (abandonedAt !== null && status === "voided") lateVoids += 1;
          if (abandonedAt !== null) assert.notStrictEqual(money.get(no), "taken", `${no} is ${status}`);
          // What waits for a resend is not what this test is about.
          if (status !== "unknown") assert.isNull(nextActionAt, `${no} is ${status}`);
        }
        const kept = [...money.values()].filter((where) => where === "taken").length;
        assert.strictEqual(kept, intent?.status === "captured" ? 1 : 0);
      }),
    { arbitrary: { runs: 1000 } },
  );

  it("and the property saw attempts that were given up, and late approvals", () => {
    assert.isAbove(abandonments, 10);
    assert.isAbove(lateVoids, 3);
  });
});
