import { assert, describe, it } from "@effect/vitest";
import * as Schema from "effect/Schema";
import { awaited, closing, settledEvent, to } from "./Stories.ts";
import { cancel, done, operate, refused, reply, undone, type Story, type When } from "./SagaTest.ts";
import { live } from "./World.ts";

const Seed = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 2 ** 31 }));

/** What may be left behind at each end of an order. */
const expectNothingBehind = (seed: number): void => {
  const { left, story } = live(seed);
  const { state } = story;
  const coupon = state?.steps.some(({ name, state }) => name === "use coupon" && state === "done") ? "used" : "none";
  if (state?.situation === "completed" && state.path === "") {
    assert.deepStrictEqual(left, { stock: "claimed", coupon, payment: "captured", order: "completed" });
    return;
  }
  if (state?.situation === "completed") {
    assert.strictEqual(state.path, "refund and cancel");
    assert.strictEqual(left.payment, "refunded");
  } else {
    assert.strictEqual(state?.situation, "compensated");
    assert.include(["none", "closed", "voided", "declined"], left.payment);
  }
  assert.include(["none", "released"], left.stock);
  assert.include(["none", "returned"], left.coupon);
  assert.include(["failed", "cancelled"], left.order);
};

describe("whatever is lost, doubled, reordered or late", () => {
  it.prop(
    "every saga ends, and what did not complete leaves nothing behind",
    [Seed],
    ([seed]) => expectNothingBehind(seed),
    { arbitrary: { runs: 400 } },
  );

  it.prop("the journal replays to the same result", [Seed], ([seed]) => void live(seed).story.expectReplay(), {
    arbitrary: { runs: 100 },
  });

  it("the worlds that are tried reach every situation and every end", () => {
    const seen = new Set<string>();
    for (let seed = 1; seed <= 300; seed++) for (const one of live(seed).seen) seen.add(one);
    for (const wanted of [
      ...Object.keys(to).filter((situation) => situation !== "absent"),
      "completed: ",
      "completed: refund and cancel",
      "compensated: PAYMENT_EXPIRED",
      "compensated: DECLINED",
      "compensated: SOLD_OUT",
      "compensated: NO_ANSWER",
      "compensated: cancelled",
    ])
      assert.isTrue(seen.has(wanted), `never seen: ${wanted}; only ${[...seen].join(", ")}`);
  });
});

/** Inputs that fit somewhere, thrown at a saga without regard to whether they fit now. */
const anything: ReadonlyArray<When> = [
  { _tag: "Due" },
  cancel(),
  settledEvent,
  { _tag: "Event", type: "somebody.else.v1", payload: {} },
  operate("Retry"),
  operate("Skip"),
  operate("Compensate"),
  done("validate products", { total: 1 }),
  done("hold stock"),
  refused("hold stock"),
  done("use coupon"),
  done("open payment", { payUntil: 1_300_000 }),
  refused("open payment"),
  done("order awaits payment"),
  done("claim stock"),
  refused("claim stock"),
  refused("claim stock", "short"),
  done("refund payment"),
  done("complete order"),
  undone("hold stock"),
  undone("use coupon"),
  undone("open payment"),
  reply("use coupon/undo", { _tag: "Refused", reason: { reason: "no" } }),
  closing(0, "pending"),
  closing(1, "settled"),
  closing(0, "closed"),
  reply("failed", { _tag: "Done", value: {} }),
];

describe("whatever comes, in whatever order", () => {
  const Step = Schema.Struct({
    what: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: anything.length - 1 })),
    after: Schema.Literals([0, 1000, 30_000, 700_000]),
  });
  const situations = Object.keys(to) as Array<keyof typeof to>;
  const From = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: situations.length - 1 }));

  it.prop(
    "no input meets a hole in the table, and the state stays sound and replayable",
    [From, Schema.Array(Step).check(Schema.isMaxLength(40))],
    ([from, steps]) => {
      let story: Story = to[situations[from] ?? "absent"]();
      for (const { after, what } of steps) {
        const terminal = story.state?.endedAt !== null && story.state !== undefined;
        const before = story.state?.situation;
        story = story.after(after).when(anything[what] ?? { _tag: "Due" });
        if (terminal) assert.strictEqual(story.state?.situation, before, "an ended saga never moves again");
        if (story.state === undefined) continue;
        const { endedAt, situation, stuck, wakeAt } = story.state;
        assert.strictEqual(wakeAt !== null, endedAt === null && stuck === null, `${situation} has a next wake-up`);
        assert.strictEqual(situation in awaited || wakeAt !== null || endedAt !== null, true);
      }
      if (story.state !== undefined) story.expectReplay();
    },
    { arbitrary: { runs: 500 } },
  );
});
