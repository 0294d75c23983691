/**
 * The saga's whole world on one virtual clock: participants, a shopper, a sweeper, an operator, and a network that loses,
 * doubles and reorders. One seed, one history.
 */
import type { Draft } from "../../src/message/Envelope.ts";
import * as Message from "../../src/message/Message.ts";
import { isTerminal, statusOf } from "../../src/saga/SagaState.ts";
import { cancel, given, operate, type Story, type When } from "./SagaTest.ts";
import * as Shop from "./Shop.ts";

type Answer = Message.Reply<unknown, unknown>;
const yes = (value: unknown = {}): Answer => ({ _tag: "Done", value });
const no = (reason: string): Answer => ({ _tag: "Refused", reason: { reason } });

/** mulberry32 */
const generator = (seed: number) => {
  let state = seed >>> 0;
  return (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
};

export interface Left {
  stock: "none" | "held" | "released" | "claimed";
  coupon: "none" | "used" | "returned";
  payment: "none" | "open" | "confirming" | "captured" | "declined" | "closed" | "voided" | "refunded";
  order: "pending" | "waiting" | "completed" | "failed" | "cancelled";
}

export interface End {
  readonly story: Story;
  readonly left: Left;
  /** Everything that was seen on the way, to prove that a run explores what it claims to. */
  readonly seen: ReadonlySet<string>;
}

const maxEvents = 20_000;

export const live = (seed: number): End => {
  const random = generator(seed);
  const chance = (probability: number): boolean => random() < probability;
  const upTo = (millis: number): number => Math.floor(random() * millis);
  const loss = [0, 0.05, 0.3, 0.6][upTo(4)] ?? 0;
  const refusals = chance(0.5) ? 0.1 : 0;
  const seen = new Set<string>();
  const left: Left = { stock: "none", coupon: "none", payment: "none", order: "pending" };

  const orderId = "o1";
  let story = given(Shop.PlaceOrder, chance(0.5) ? { orderId, couponId: "c1" } : { orderId });
  let now = story.at;
  const queue: Array<{ readonly at: number; readonly order: number; readonly run: () => void }> = [];
  let order = 0;
  const later = (millis: number, run: () => void): void => void queue.push({ at: now + millis, order: order++, run });

  /** Lost, once, or twice; sooner or later. */
  const carry = (run: () => void): void => {
    if (chance(loss)) return;
    const delay = () => (chance(0.1) ? upTo(90_000) : upTo(3000));
    later(delay(), run);
    if (chance(0.2)) later(delay(), run);
  };

  const tell = (when: When): void => {
    story = story.after(now - story.at).when(when);
    const { situation, wakeAt } = story.state ?? {};
    if (situation !== undefined) seen.add(situation);
    for (const draft of story.drafts) carry(() => receive(draft));
    if (wakeAt !== undefined && wakeAt !== null)
      later(Math.max(0, wakeAt - now) + upTo(1000), () => tell({ _tag: "Due" }));
    if (story.outputs.some((output) => output._tag === "Stuck")) later(30_000, () => tell(operate("Retry")));
  };

  /** The inbox of the saga takes each message once. */
  const tellOnce = (when: When): (() => void) => {
    let told = false;
    return () => {
      if (told) return;
      told = true;
      tell(when);
    };
  };

  const recorded = new Map<string, Answer>();
  const receive = ({ operationId = "", replyTo, type }: Draft): void => {
    const known = recorded.get(operationId);
    const answer = known ?? decide(type);
    if (answer === undefined) return;
    // Busy is no decision: it is not recorded, and the next attempt is decided anew.
    if (!(answer._tag === "Refused" && (answer.reason as { readonly reason: string }).reason === "busy"))
      recorded.set(operationId, answer);
    if (replyTo !== undefined) carry(tellOnce({ _tag: "Reply", operationId, reply: answer }));
  };

  const shopper = (): void => {
    if (left.payment !== "open") return;
    left.payment = "confirming";
    later(upTo(30_000), () => {
      const declined = chance(0.2);
      left.payment = declined ? "declined" : "captured";
      const event = declined
        ? { type: Shop.Declined.type, payload: { orderId, reason: "limit" } }
        : { type: Shop.Settled.type, payload: { orderId, attemptId: "a1" } };
      carry(tellOnce({ _tag: "Event", ...event }));
    });
  };

  const decide = (type: string): Answer | undefined => {
    switch (type) {
      case Shop.Validate.type:
        return chance(refusals) ? no("INVALID") : yes({ total: 500 });
      case Shop.Hold.type:
        if (left.stock !== "none" || chance(refusals)) return no("sold out, or undone before");
        left.stock = "held";
        return yes();
      case Shop.Extend.type:
        return yes();
      case Shop.Release.type:
        if (chance(0.1)) return no("busy");
        left.stock = "released";
        return yes();
      case Shop.Claim.type:
        left.stock = chance(refusals) ? "none" : "claimed";
        return left.stock === "claimed" ? yes() : no("short");
      case Shop.Use.type:
        if (left.coupon !== "none" || chance(refusals)) return no("used, or undone before");
        left.coupon = "used";
        return yes();
      case Shop.Return.type:
        left.coupon = "returned";
        return yes();
      case Shop.Open.type:
        if (left.payment !== "none" || chance(refusals)) return no("closed before");
        left.payment = "open";
        later(upTo(Shop.payMillis * 1.1), shopper);
        return yes({ payUntil: now + Shop.payMillis });
      case Shop.Close.type:
        if (left.payment === "confirming") return yes({ state: "pending" });
        if (left.payment === "captured") return yes({ state: "settled", attemptId: "a1" });
        left.payment = "closed";
        return yes({ state: "closed" });
      case Shop.Void.type:
        if (left.payment === "confirming") return no("busy");
        left.payment = left.payment === "captured" ? "voided" : "closed";
        return yes();
      case Shop.Refund.type:
        left.payment = "refunded";
        return yes();
      case Shop.AwaitPayment.type:
        if (left.order !== "pending") return no("over");
        left.order = "waiting";
        return yes();
      case Shop.Complete.type:
        left.order = "completed";
        return yes();
      case Shop.Fail.type:
        left.order = story.state?.failure?.cancelled === true ? "cancelled" : "failed";
        return yes();
      default:
        return undefined;
    }
  };

  for (const draft of story.drafts) carry(() => receive(draft));
  later((story.state?.wakeAt ?? 0) - now + upTo(1000), () => tell({ _tag: "Due" }));
  if (chance(0.3)) later(upTo(chance(0.5) ? 10_000 : Shop.payMillis * 1.2), tellOnce(cancel()));

  for (let events = 0; queue.length > 0; events++) {
    if (events > maxEvents) throw new Error(`seed ${seed}: no end after ${maxEvents} events`);
    let first = 0;
    for (let index = 1; index < queue.length; index++) {
      const [a, b] = [queue[index], queue[first]];
      if (a !== undefined && b !== undefined && (a.at < b.at || (a.at === b.at && a.order < b.order))) first = index;
    }
    const [next] = queue.splice(first, 1);
    if (next === undefined) break;
    now = next.at;
    next.run();
  }
  const { state } = story;
  if (state !== undefined && isTerminal(statusOf(state.situation)))
    seen.add(
      `${state.situation}: ${state.path || (state.failure?.cancelled === true ? "cancelled" : (state.failure?.reason ?? ""))}`,
    );
  return { story, left, seen };
};
