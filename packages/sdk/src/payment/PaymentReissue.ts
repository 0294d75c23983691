/** From one gateway to the next, and what becomes of the attempt that is left behind. */
import { reject } from "../machine/Machine.ts";
import { type Attempt, type Intent, liveAttempt, type Route } from "./PaymentModel.ts";
import { attemptOf, keep, type Of, replaced, type Result, to } from "./PaymentMoves.ts";

/** What an attempt is declined with that its gateway never got. */
export const notFoundCode = "NOT_FOUND";

/** The last confirm certainly did nothing, for a reason that lies with the gateway and not with the buyer. */
const turnedAway = ({ attempts, provider }: Intent): boolean => {
  const last = attempts.at(-1);
  if (last?.provider !== provider) return false;
  return last.status === "not_sent" || (last.status === "declined" && last.code === notFoundCode);
};

/** Why the buyer may leave the gateway, or what forbids it. */
const reasonOf = (
  intent: Intent,
  live: Attempt | undefined,
  input: Of<"Reissue">,
  at: number,
): Exclude<Route["why"], "opened"> | "AlreadyConfirming" | "NotSettled" | "GatewayUsable" => {
  if (live === undefined) return turnedAway(intent) ? "not sent" : input.unusable ? "unusable" : "GatewayUsable";
  if (live.status === "confirming") return "AlreadyConfirming";
  return live.inquiredAt === null || at - live.startedAt < input.settleMillis ? "NotSettled" : "unknown";
};

/**
 * An unknown attempt is given up only with its guard: from then on it is no obstacle, but is asked about until its gateway says
 * that it came to nothing, or can no longer approve it.
 */
export const reissue = (known: Intent | undefined, input: Of<"Reissue">, at: number): Result => {
  if (known === undefined || known.owner !== input.owner) return reject({ _tag: "NotFound" });
  const live = liveAttempt(known);
  if (known.status === "closed" || known.closing !== null) return reject({ _tag: "PaymentClosed" });
  if (known.status !== "open" && known.status !== "confirming") return reject({ _tag: "AlreadyPaid" });
  if (at >= known.until) return reject({ _tag: "PaymentClosed" });
  if (known.provider !== input.from) return keep({ _tag: "Reissued", provider: known.provider });
  const why = reasonOf(known, live, input, at);
  if (why === "AlreadyConfirming" || why === "NotSettled" || why === "GatewayUsable") return reject({ _tag: why });
  if (input.to === null || known.routes.some(({ provider }) => provider === input.to?.provider)) {
    return reject({ _tag: "NoOtherGateway" });
  }
  const { explanation, provider } = input.to;
  const left =
    live === undefined
      ? known
      : replaced(known, {
          ...live,
          status: "abandoned",
          abandonedAt: at,
          guardUntil: input.guardUntil,
          nextActionAt: input.inquireAt,
          tries: 0,
        });
  return to(
    { ...left, status: "open", provider, routes: [...known.routes, { provider, explanation, at, why }] },
    { _tag: "Reissued", provider },
  );
};

/**
 * An approval is late, whatever the intent does meanwhile. Without an answer the guard goes on beyond its end: silence does
 * not prove that nothing was taken.
 */
export const recordAbandoned = (intent: Intent, attempt: Attempt, input: Of<"Record">, at: number): Result => {
  const { outcome } = input;
  const seen = (changes: Partial<Attempt>): Result =>
    to(replaced(intent, { ...attempt, tries: attempt.tries + 1, inquiredAt: at, ...changes }), { _tag: "Noted" });
  switch (outcome._tag) {
    case "Approved": {
      const code = outcome.amount === intent.amount ? attempt.code : `captured ${outcome.amount}`;
      return seen({ status: "late_captured", observedAt: at, nextActionAt: at, tries: 0, code });
    }
    case "Declined":
      return seen({ status: "declined", code: outcome.code, nextActionAt: null });
    case "Pending":
      return seen({ nextActionAt: at >= (attempt.guardUntil ?? 0) ? null : input.nextActionAt });
    case "NotSent":
    case "Unknown":
      return seen({ nextActionAt: input.nextActionAt });
  }
};

export const beginVoid = (known: Intent | undefined, input: Of<"BeginVoid">): Result => {
  const { attempt, intent } = attemptOf(known, input);
  return attempt.status === "late_captured"
    ? to(replaced(intent, { ...attempt, status: "voiding", nextActionAt: input.nextActionAt }), { _tag: "Noted" })
    : keep({ _tag: "Noted" });
};
