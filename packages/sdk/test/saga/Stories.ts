/** Ways to every situation of the transition table, for the shop's saga. */
import type { Situation } from "../../src/saga/SagaState.ts";
import * as Shop from "./Shop.ts";
import { absent, cancel, done, event, given, refused, reply, type Story, undone } from "./SagaTest.ts";

export const input: Shop.OrderPlaced = { orderId: "o1", couponId: "c1" };

export const opened = (): Story =>
  given(Shop.PlaceOrder, input)
    .when(done("validate products", { total: 500 }))
    .when(done("hold stock"))
    .when(done("use coupon"));

export const awaiting = (): Story => {
  const story = opened();
  return story.when(done("open payment", { payUntil: story.at + Shop.payMillis })).when(done("order awaits payment"));
};

export const settledEvent = event(Shop.Settled, { orderId: "o1", attemptId: "a1" });
export const settled = (): Story => awaiting().when(settledEvent);

export const closing = (round: number, state: "closed" | "settled" | "pending") =>
  reply(`collect payment/close/${round}`, {
    _tag: "Done",
    value: state === "settled" ? { state, attemptId: "a1" } : { state },
  });

export const refusal = { _tag: "Refused", reason: { reason: "no" } } as const;

/** Sweeps until the saga waits for nothing any more. */
export const exhausted = (story: Story): Story => {
  const { situation } = story.state ?? {};
  return situation === story.due().state?.situation ? exhausted(story.due()) : story.due();
};

/** A saga without a way back, whose first step is refused. */
export const stuckForward = (): Story => given(Shop.CancelOrder, { orderId: "o1" }).when(refused("refund payment"));

export const undoing = (): Story => opened().when(refused("open payment"));

export const failing = (): Story => undoing().when(undone("use coupon")).when(undone("hold stock"));

export const to: Readonly<Record<Situation | "absent", () => Story>> = {
  absent: () => absent(Shop.PlaceOrder, "o1"),
  "running.before": opened,
  "running.after": settled,
  awaiting,
  "closing.asked": () => awaiting().when(cancel()),
  "closing.pending": () => awaiting().when(cancel()).when(closing(0, "pending")),
  "compensating.undoing": undoing,
  "compensating.failing": failing,
  "stuck.after": () => exhausted(settled()),
  "stuck.closing": () => exhausted(awaiting().when(cancel())),
  "stuck.undoing": () => exhausted(undoing()),
  "stuck.failing": () => exhausted(failing()),
  completed: () => settled().when(done("claim stock")).when(done("complete order")),
  compensated: () => failing().when(reply("failed", { _tag: "Done", value: {} })),
};

/** The operation whose answer a situation awaits. */
export const awaited: Partial<Readonly<Record<Situation, string>>> = {
  "running.before": "open payment/do",
  "running.after": "claim stock/do",
  "closing.asked": "collect payment/close/0",
  "compensating.undoing": "use coupon/undo",
  "compensating.failing": "failed",
  "stuck.after": "claim stock/do",
  "stuck.closing": "collect payment/close/0",
  "stuck.undoing": "use coupon/undo",
  "stuck.failing": "failed",
};
