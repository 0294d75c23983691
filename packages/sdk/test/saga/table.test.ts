import { assert, describe, it } from "@effect/vitest";
import { kindOf } from "../../src/saga/SagaMachine.ts";
import { isTerminal, type SagaInput, type Situation, situations, statusOf } from "../../src/saga/SagaState.ts";
import { type Handler, type Kind, type Row, table, toMarkdown } from "../../src/saga/SagaTable.ts";
import { cancel, type Expected, operate, reply, start, type Story, type When } from "./SagaTest.ts";
import * as Shop from "./Shop.ts";
import { awaited, closing, input, refusal, settledEvent, stuckForward, to } from "./Stories.ts";

const valueOf: Partial<Record<Situation, unknown>> = {
  "running.before": { payUntil: 2_000_000 },
  "closing.asked": { state: "closed" },
  "stuck.closing": { state: "closed" },
};

/** An input of each kind, for a saga that stands in the situation. */
const inputOf = ({ kind, situation }: Row): When => {
  const at = situation as Situation;
  switch (kind) {
    case "Start":
      return start(Shop.PlaceOrder, input);
    case "Done":
      return reply(awaited[at] ?? "", { _tag: "Done", value: valueOf[at] ?? {} });
    case "Refused":
      return reply(awaited[at] ?? "", refusal);
    case "LateReply":
      return reply("validate products/do", { _tag: "Done", value: { total: 1 } });
    case "Event":
    case "EarlyEvent":
      return settledEvent;
    case "ForeignEvent":
      return { _tag: "Event", type: "somebody.else.v1", payload: {} };
    case "Due":
    case "NotDue":
      return { _tag: "Due" };
    case "Cancel":
      return cancel();
    case "GiveUp":
      return operate("Compensate");
    default:
      return operate(kind);
  }
};

type Check = (before: Story, after: Story, row: Row) => void;
const expecting =
  (expected: Expected): Check =>
  (_, after) =>
    void after.expect(expected);
const unchanged: Check = (before, after) => assert.strictEqual(after.state, before.state);
const remembers: Check = (before, after) => {
  assert.deepInclude(after.state?.cancelled, { reason: "CHANGED_MIND" });
  assert.strictEqual(after.state?.situation, before.state?.situation);
};

/** What each handler must lead to, whichever row names it. */
const checks: Readonly<Record<Handler, Check>> = {
  begin: expecting({ situation: "running.before", step: "validate products", sends: ["product.validate.v1"] }),
  proceed: (before, after) => {
    const step = before.state?.step;
    assert.strictEqual(after.state?.steps.find(({ name }) => name === step)?.state, "done");
    assert.notStrictEqual(after.state?.step, step);
    assert.isNull(after.state?.stuck);
  },
  turnBack: expecting({ situation: "compensating.undoing", step: "use coupon", sends: ["coupon.return.v1"] }),
  takePathOrStick: expecting({ situation: "stuck.after", step: "claim stock", outputs: ["Stuck"] }),
  settle: expecting({ situation: "running.after", step: "claim stock", data: { attemptId: "a1" } }),
  keep: (_, after) => {
    after.expect({ situation: "running.before", sends: [] });
    assert.lengthOf(after.state?.early ?? [], 1);
  },
  repeatOrGiveUp: (before, after) => {
    assert.strictEqual(after.state?.attempts, (before.state?.attempts ?? 0) + 1);
    assert.strictEqual(after.state?.situation, before.state?.situation);
    assert.strictEqual(after.drafts[0]?.operationId, `place-order/o1/${awaited[before.state?.situation as Situation]}`);
  },
  close: expecting({ situation: "closing.asked", sends: ["payment.close.v1"] }),
  takeClosing: expecting({ situation: "compensating.undoing", step: "open payment", sends: ["payment.void.v1"] }),
  askAgain: (_, after) => {
    after.expect({ situation: "closing.asked", sends: ["payment.close.v1"] });
    assert.strictEqual(after.drafts[0]?.operationId, "place-order/o1/collect payment/close/1");
  },
  repeatLater: (before, after) => {
    after.expect({ sends: [] });
    assert.strictEqual(after.state?.situation, before.state?.situation);
    assert.strictEqual(after.state?.wakeAt, before.state?.wakeAt);
  },
  undone: expecting({ situation: "compensating.undoing", step: "hold stock", sends: ["stock.release.v1"] }),
  end: expecting({ situation: "compensated", step: null, outputs: ["Ended"] }),
  cancelNow: expecting({ situation: "compensating.undoing", step: "open payment", sends: ["payment.void.v1"] }),
  cancelAtPivot: expecting({ situation: "closing.asked", sends: ["payment.close.v1"] }),
  cancelLate: (before, after, row) => {
    remembers(before, after, row);
    after.expect({ outputs: ["CancelAfterPivot"] });
  },
  rememberCancel: (before, after, row) => {
    remembers(before, after, row);
    after.expect({ outputs: [] });
  },
  retry: (before, after) => {
    assert.strictEqual(after.state?.attempts, 1);
    assert.strictEqual(statusOf(before.state?.situation ?? "completed"), "stuck");
    assert.strictEqual(after.drafts[0]?.operationId, `place-order/o1/${awaited[before.state?.situation as Situation]}`);
    assert.isNull(after.state?.stuck);
    assert.isNumber(after.state?.wakeAt);
  },
  skipStep: (_, after) => {
    after.expect({ situation: "running.after", step: "complete order" });
    assert.strictEqual(after.state?.steps.find(({ name }) => name === "claim stock")?.state, "skipped");
  },
  abandon: (_, after) => {
    after.expect({
      situation: "compensating.failing",
      sends: ["order.fail.v1"],
      failure: { reason: "given up by kim: seen", step: "refund payment", cancelled: false },
    });
    assert.strictEqual(after.state?.steps.find(({ name }) => name === "refund payment")?.state, "abandoned");
  },
  skipUndo: (_, after) => {
    after.expect({ situation: "compensating.undoing", step: "hold stock" });
    assert.strictEqual(after.state?.steps.find(({ name }) => name === "use coupon")?.state, "abandoned");
  },
  declareClosed: expecting({ situation: "compensating.undoing", step: "open payment" }),
  ignore: (before, after) => {
    assert.deepStrictEqual(after.state, { ...before.state, ignored: (before.state?.ignored ?? 0) + 1 });
    after.expect({ outputs: [] });
  },
  rest: unchanged,
  known: expecting({ rejected: "AlreadyStarted" }),
  unknown: expecting({ rejected: "UnknownSaga" }),
  unfit: (before, after, row) => {
    after.expect({ rejected: "NotApplicable" });
    unchanged(before, after, row);
  },
};

const invariants = ({ state }: Story): void => {
  if (state === undefined) return;
  const status = statusOf(state.situation);
  assert.strictEqual(state.stuck !== null, status === "stuck", "stuck says why, and nothing else does");
  assert.strictEqual(state.wakeAt !== null, !isTerminal(status) && status !== "stuck", "who is not done has a wake-up");
  assert.strictEqual(state.endedAt !== null, isTerminal(status));
};

describe("the transition table", () => {
  for (const row of table) {
    it(`${row.situation} × ${row.kind} -> ${row.handler}`, () => {
      const story = row.kind === "GiveUp" ? stuckForward() : to[row.situation]();
      const before = row.kind === "Due" ? story.after((story.state?.wakeAt ?? 0) - story.at) : story;
      before.expect({ situation: row.situation });
      const when = inputOf(row);
      const made = { ...(typeof when === "function" ? when(before) : when), sagaId: before.sagaId } as SagaInput;
      const identified = { id: "i", at: before.at, input: made };
      assert.strictEqual(kindOf(before.options.registry, before.state, identified), row.kind);
      const after = before.when(when);
      checks[row.handler](before, after, row);
      invariants(after);
      if (after.state !== undefined) after.expectReplay();
    });
  }

  it("lists every situation, every kind and every handler", () => {
    const listed = (pick: (row: Row) => string) => [...new Set(table.map(pick))].sort();
    assert.deepStrictEqual(
      listed((row) => row.situation),
      ["absent", ...situations].sort(),
    );
    assert.deepStrictEqual(
      listed((row) => row.handler),
      (Object.keys(checks) as Array<Handler>).sort(),
    );
    const kinds: ReadonlyArray<Kind> = [
      "Start",
      "Done",
      "Refused",
      "LateReply",
      "Event",
      "EarlyEvent",
      "ForeignEvent",
      "Due",
      "NotDue",
      "Cancel",
      "Retry",
      "Skip",
      "Compensate",
      "GiveUp",
    ];
    assert.deepStrictEqual(
      listed((row) => row.kind),
      [...kinds].sort(),
    );
  });

  it("a pending arbiter is asked again under a new operation, at most `maxRounds` times", () => {
    to["closing.pending"]()
      .expect({ sends: ["stock.extend.v1"] })
      .due()
      .when(closing(1, "pending"))
      .due()
      .when(closing(2, "pending"))
      .expect({ situation: "stuck.closing", outputs: ["Stuck"] });
  });

  it("renders itself for the docs", () => {
    assert.lengthOf(toMarkdown().split("\n"), table.length + 2);
  });
});
