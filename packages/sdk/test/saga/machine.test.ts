import { assert, describe, it } from "@effect/vitest";
import { Saga } from "../../src/saga/index.ts";
import { cancel, done, event, given, operate, refused, reply, undone } from "./SagaTest.ts";
import * as Shop from "./Shop.ts";
import {
  awaiting,
  closing,
  exhausted,
  failing,
  input,
  opened,
  settled,
  settledEvent,
  stuckForward,
  to,
} from "./Stories.ts";

const failed = reply("failed", { _tag: "Done", value: {} });
const undoAll = ["open payment", "use coupon", "hold stock"] as const;

describe("the way forward", () => {
  it("asks step by step, gathers answers and ends completed", () => {
    given(Shop.PlaceOrder, input)
      .expect({ sends: ["product.validate.v1"] })
      .when(done("validate products", { total: 500 }))
      .expect({ sends: ["stock.hold.v1"], data: { total: 500 } })
      .when(done("hold stock"))
      .expect({ sends: ["coupon.use.v1"] })
      .when(done("use coupon"))
      .expect({ sends: ["payment.open.v1"] })
      .when(done("open payment", { payUntil: 1_600_000 }))
      .expect({ sends: ["order.await-payment.v1"] })
      .when(done("order awaits payment"))
      .expect({ situation: "awaiting", sends: [] })
      .when(settledEvent)
      .expect({ sends: ["stock.claim.v1"], data: { attemptId: "a1" } })
      .when(done("claim stock"))
      .expect({ sends: ["order.complete.v1"] })
      .when(done("complete order"))
      .expect({ situation: "completed", sends: ["order.completed.v1"], outputs: ["Send", "Ended"] })
      .expectReplay();
  });

  it("passes over a step whose condition says no, and never undoes it", () => {
    const story = given(Shop.PlaceOrder, { orderId: "o1" })
      .when(done("validate products", { total: 500 }))
      .when(done("hold stock"))
      .expect({ step: "open payment", sends: ["payment.open.v1"] })
      .when(refused("open payment"))
      .expect({ step: "hold stock", sends: ["stock.release.v1"] });
    assert.strictEqual(story.state?.steps.find(({ name }) => name === "use coupon")?.state, "skipped");
  });

  it("addresses every command so that its answer finds back", () => {
    const [draft] = given(Shop.PlaceOrder, input).drafts;
    assert.deepInclude(draft, {
      type: "product.validate.v1",
      topic: "product.commands",
      key: "o1",
      sagaId: "place-order/o1",
      operationId: "place-order/o1/validate products/do",
      replyTo: "saga.replies",
      correlationId: "c1",
      orderedBy: "place-order/o1",
    });
  });

  it("a sweep carries on the trace that started the saga", () => {
    const story = given(Shop.PlaceOrder, input);
    assert.isUndefined(story.drafts[0]?.traceparent, "the input brings its own");
    assert.strictEqual(story.due().drafts[0]?.traceparent, story.state?.traceparent);
  });

  it("keeps an event that comes before its step and consumes it there", () => {
    opened()
      .when(settledEvent)
      .expect({ situation: "running.before", sends: [] })
      .when(done("open payment", { payUntil: 1_600_000 }))
      .expect({ sends: ["order.await-payment.v1"] })
      .when(done("order awaits payment"))
      .expect({ situation: "running.after", sends: ["stock.claim.v1"], data: { attemptId: "a1" } })
      .expectReplay();
  });

  it("takes the forward path of a permanent refusal and completes there", () => {
    settled()
      .when(refused("claim stock", "short"))
      .expect({ sends: ["payment.refund.v1"] })
      .when(done("refund payment"))
      .expect({ step: "return coupon", sends: ["coupon.return.v1"] })
      .when(done("return coupon"))
      .expect({ step: "order is gone", sends: ["order.fail.v1"] })
      .when(done("order is gone"))
      .expect({ situation: "completed", outputs: ["Ended"] })
      .expectReplay();
  });

  it("is over at once when every step is passed over", () => {
    const nothing = Saga.define("nothing", {
      version: 1,
      input: Shop.OrderPlaced,
      key: ({ orderId }) => orderId,
    }).check(
      "never",
      Saga.ask(Shop.Validate, ({ orderId }) => ({ orderId })),
      { when: () => false },
    );
    given(nothing, input).expect({ situation: "completed", outputs: ["Ended"] });
  });
});

describe("the way back", () => {
  it("undoes in reverse order, one at a time, then says the last word and ends compensated", () => {
    opened()
      .when(refused("open payment"))
      .expect({
        sends: ["coupon.return.v1"],
        failure: { reason: "open payment", step: "open payment", cancelled: false },
      })
      .when(undone("use coupon"))
      .expect({ sends: ["stock.release.v1"] })
      .when(undone("hold stock"))
      .expect({ situation: "compensating.failing", sends: ["order.fail.v1"] })
      .when(failed)
      .expect({ situation: "compensated", sends: [], outputs: ["Ended"] })
      .expectReplay();
  });

  it("gives the reason of the refused step to the last word", () => {
    const story = given(Shop.PlaceOrder, input)
      .when(done("validate products", { total: 500 }))
      .when(refused("hold stock"))
      .expect({ situation: "compensating.failing", sends: ["order.fail.v1"] });
    assert.deepStrictEqual(story.drafts[0]?.data, { orderId: "o1", reason: "SOLD_OUT", cancelled: false });
  });

  it("undoes a step in doubt: sent, never answered", () => {
    const asked = opened();
    const resent = asked.due().expect({ situation: "running.before", sends: ["payment.open.v1"] });
    assert.strictEqual(resent.drafts[0]?.operationId, asked.drafts[0]?.operationId);
    exhausted(resent)
      .expect({
        situation: "compensating.undoing",
        step: "open payment",
        sends: ["payment.void.v1"],
        failure: { reason: "NO_ANSWER", step: "open payment", cancelled: false },
      })
      .when(done("open payment", { payUntil: 1 }))
      .expect({ situation: "compensating.undoing", sends: [] })
      .when(undone("open payment"))
      .expect({ step: "use coupon" })
      .expectReplay();
  });

  it("repeats a refused undo after a pause and gets stuck at last", () => {
    const refusal = reply("use coupon/undo", { _tag: "Refused", reason: { reason: "busy" } });
    let story = to["compensating.undoing"]();
    for (let attempt = 1; attempt < 10; attempt++)
      story = story
        .when(refusal)
        .expect({ sends: [] })
        .due()
        .expect({ sends: ["coupon.return.v1"] });
    story
      .when(refusal)
      .expect({ situation: "stuck.undoing", outputs: ["Stuck"] })
      .when(operate("Retry"))
      .expect({ situation: "compensating.undoing", sends: ["coupon.return.v1"] })
      .when(undone("use coupon"))
      .expect({ step: "hold stock" })
      .expectReplay();
  });

  it("waits longer from attempt to attempt, up to a bound", () => {
    const waits: Array<number> = [];
    let story = to["compensating.undoing"]();
    while (story.state?.wakeAt !== null) {
      waits.push((story.state?.wakeAt ?? 0) - story.at);
      story = story.due();
    }
    assert.deepStrictEqual(waits.slice(0, 4), [10_000, 20_000, 40_000, 60_000]);
    assert.lengthOf(waits, 10);
  });
});

describe("settlement against deadline and cancellation", () => {
  const expired = () =>
    awaiting()
      .due()
      .expect({ situation: "closing.asked", sends: ["payment.close.v1"] });
  const cancelled = () =>
    awaiting()
      .when(cancel())
      .expect({ situation: "closing.asked", sends: ["payment.close.v1"] });

  it("before the deadline nothing is closed", () => {
    awaiting()
      .after(Shop.payMillis - 1)
      .when({ _tag: "Due" })
      .expect({ situation: "awaiting", sends: [] });
  });

  it("deadline, closed: compensates with the reason of the pivot", () => {
    let story = expired().when(closing(0, "closed"));
    for (const step of undoAll) story = story.expect({ step }).when(undone(step));
    story
      .expect({ failure: { reason: "PAYMENT_EXPIRED", step: "collect payment", cancelled: false } })
      .when(failed)
      .expect({ situation: "compensated" })
      .expectReplay();
  });

  it("cancellation, closed: compensates as cancelled", () => {
    cancelled()
      .when(closing(0, "closed"))
      .expect({ failure: { reason: "CHANGED_MIND", step: "collect payment", cancelled: true } });
  });

  for (const [what, asked] of [
    ["deadline", expired],
    ["cancellation", cancelled],
  ] as const) {
    it(`${what}, already settled: goes forward`, () => {
      asked()
        .when(closing(0, "settled"))
        .expect({ situation: "running.after", step: "claim stock", data: { attemptId: "a1" } })
        .when(settledEvent)
        .expect({ situation: "running.after", sends: [] })
        .expectReplay();
    });

    it(`${what}, then the event before the answer: goes forward, and the answer changes nothing`, () => {
      asked()
        .when(settledEvent)
        .expect({ situation: "running.after", step: "claim stock" })
        .when(closing(0, "settled"))
        .expect({ situation: "running.after", sends: [] })
        .expectReplay();
    });

    it(`${what}, pending: prolongs, waits, and asks again`, () => {
      asked()
        .when(closing(0, "pending"))
        .expect({ situation: "closing.pending", sends: ["stock.extend.v1"] })
        .due()
        .expect({ situation: "closing.asked", sends: ["payment.close.v1"] })
        .when(closing(0, "pending"))
        .expect({ situation: "closing.asked", sends: [] })
        .when(closing(1, "closed"))
        .expect({ situation: "compensating.undoing" })
        .expectReplay();
    });
  }

  it("the event first, then the deadline: the deadline is not due any more", () => {
    const story = awaiting()
      .after(Shop.payMillis + 1)
      .when(settledEvent)
      .expect({ situation: "running.after" });
    story.when({ _tag: "Due" }).expect({ situation: "running.after", sends: [] });
  });

  it("an event that fails the pivot turns back with its reason", () => {
    awaiting()
      .when(event(Shop.Declined, { orderId: "o1", reason: "limit" }))
      .expect({
        situation: "compensating.undoing",
        sends: ["payment.void.v1"],
        failure: { reason: "DECLINED", step: "collect payment", cancelled: false },
      });
  });

  it("an arbiter that never answers leaves the saga stuck, and an operator closes or asks again", () => {
    const stuck = exhausted(cancelled()).expect({ situation: "stuck.closing", outputs: ["Stuck"] });
    stuck.when(operate("Retry")).expect({ situation: "closing.asked", sends: ["payment.close.v1"] });
    stuck.when(operate("Compensate")).expect({ situation: "compensating.undoing" }).expectReplay();
    stuck.when(settledEvent).expect({ situation: "running.after" });
  });
});

describe("cancellation", () => {
  it("before the pivot turns back at once", () => {
    opened()
      .when(cancel())
      .expect({
        situation: "compensating.undoing",
        step: "open payment",
        failure: { reason: "CHANGED_MIND", step: "open payment", cancelled: true },
      });
  });

  it("after an early settlement is too late: it is remembered and surfaces past the pivot", () => {
    opened()
      .when(settledEvent)
      .when(cancel())
      .expect({ situation: "running.before", sends: [] })
      .when(done("open payment", { payUntil: 1_600_000 }))
      .when(done("order awaits payment"))
      .expect({ situation: "running.after", outputs: ["CancelAfterPivot", "Send"] })
      .expectReplay();
  });

  it("past the pivot is recorded once and surfaces", () => {
    settled()
      .when(cancel("FIRST"))
      .expect({ situation: "running.after", outputs: ["CancelAfterPivot"] })
      .when(cancel("SECOND"))
      .expect({ outputs: [] })
      .when(done("claim stock"))
      .when(done("complete order"))
      .expect({ situation: "completed" });
  });

  it("while turning back changes neither the reason nor the way", () => {
    failing()
      .when(cancel())
      .expect({
        situation: "compensating.failing",
        failure: { reason: "open payment", step: "open payment", cancelled: false },
      });
  });
});

describe("stuck after the pivot", () => {
  const stuck = () =>
    exhausted(settled()).expect({ situation: "stuck.after", step: "claim stock", outputs: ["Stuck"] });

  it("retry asks again under the same operation", () => {
    const retried = stuck()
      .when(operate("Retry"))
      .expect({ situation: "running.after", sends: ["stock.claim.v1"] });
    assert.strictEqual(retried.drafts[0]?.operationId, "place-order/o1/claim stock/do");
    retried.when(done("claim stock")).expect({ step: "complete order" }).expectReplay();
  });

  it("skip goes on without the answer", () => {
    stuck().when(operate("Skip")).expect({ situation: "running.after", step: "complete order" }).expectReplay();
  });

  it("the answer that comes at last sets it free", () => {
    stuck().when(done("claim stock")).expect({ situation: "running.after", step: "complete order" });
  });

  it("a saga that only goes forward can be given up: nothing more is asked, and its last word is awaited", () => {
    stuckForward()
      .when(operate("Compensate"))
      .expect({ situation: "compensating.failing", sends: ["order.fail.v1"] })
      .when(done("refund payment"))
      .expect({ situation: "compensating.failing", sends: [] })
      .when(failed)
      .expect({ situation: "compensated", outputs: ["Ended"] })
      .expectReplay();
  });

  it("what is not stuck is not given up", () => {
    given(Shop.CancelOrder, { orderId: "o1" }).when(operate("Compensate")).expect({ rejected: "NotApplicable" });
  });

  it("nothing can be compensated any more", () => {
    stuck().when(operate("Compensate")).expect({ situation: "stuck.after", rejected: "NotApplicable" });
  });
});

describe("replay", () => {
  it("finds the first row that the current code decides otherwise", () => {
    const changed = Saga.define("place-order", { version: 1, input: Shop.OrderPlaced, key: ({ orderId }) => orderId })
      .check(
        "validate products",
        Saga.ask(Shop.Validate, ({ orderId }) => ({ orderId })),
      )
      .check(
        "hold stock",
        Saga.ask(Shop.Extend, ({ orderId }) => ({ orderId })),
      );
    const story = settled();
    assert.throws(() => story.expectReplay([changed]), /version: 2/);
  });

  it("a message that breaks its schema throws and leaves the saga as it was", () => {
    assert.throws(() => opened().when(reply("open payment/do", { _tag: "Done", value: { payUntil: "soon" } })));
    assert.throws(() => awaiting().when({ _tag: "Event", type: Shop.Settled.type, payload: {} }));
  });
});
