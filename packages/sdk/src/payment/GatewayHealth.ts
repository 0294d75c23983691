/**
 * Which gateways are well: a breaker for each gateway and operation, around the adapters' calls.
 *
 * Guarantee: a call that a breaker holds back is answered `NotSent("breaker")`, or `Unknown` for a question, and has not been
 * made. Only technical failures count: a refusal of the buyer's card is a gateway at work, and so is whatever else a buyer
 * can bring about.
 *
 * Limits: those of `GatewayBreaker`. Health is what this process has seen; it is not shared and is lost with the process,
 * because a breaker that another process opened would have to be trusted while the database is what is slow.
 */
import * as Clock from "effect/Clock";
import * as Context from "effect/Context";
import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import * as Layer from "effect/Layer";
import * as Schema from "effect/Schema";
import * as GatewayBreaker from "./GatewayBreaker.ts";
import {
  type CancelOutcome,
  type ConfirmOutcome,
  type InquiryOutcome,
  notSent,
  type PaymentGateway,
  unknown,
} from "./PaymentGateway.ts";

export const Operation = Schema.Literals(["confirm", "inquire", "cancel"]);
export type Operation = typeof Operation.Type;

export const Condition = Schema.Struct({
  state: Schema.Literals(["closed", "open", "half-open"]),
  /** In the current window, for a closed breaker. */
  calls: Schema.Int,
  failed: Schema.Int,
  /** When an open one lets the first probe through, UTC epoch milliseconds. */
  until: Schema.optionalKey(Schema.Finite),
});
export type Condition = typeof Condition.Type;

/** By provider, then by operation. Who is not in it has not been called, and counts as well. */
export const Snapshot = Schema.Record(
  Schema.String,
  Schema.Struct({
    confirm: Schema.optionalKey(Condition),
    inquire: Schema.optionalKey(Condition),
    cancel: Schema.optionalKey(Condition),
  }),
);
export type Snapshot = typeof Snapshot.Type;

/** Whether an outcome says that the gateway, the way to it, or our access to it is not well. */
export const isTechnical = (outcome: ConfirmOutcome | InquiryOutcome | CancelOutcome): boolean => {
  switch (outcome._tag) {
    case "NotSent":
      return outcome.reason !== "breaker";
    case "Unknown":
      return outcome.technical ?? !outcome.answered;
    default:
      return false;
  }
};

const conditionOf = (breaker: GatewayBreaker.Breaker): Condition => {
  switch (breaker._tag) {
    case "Closed": {
      const { before, half } = breaker;
      return { state: "closed", calls: before.calls + half.calls, failed: before.failed + half.failed };
    }
    case "Open":
      return { state: "open", calls: 0, failed: 0, until: breaker.until };
    case "HalfOpen":
      return { state: "half-open", calls: breaker.through, failed: 0 };
  }
};

const make = (options: Partial<GatewayBreaker.Limits>) => {
  const limits: GatewayBreaker.Limits = { ...GatewayBreaker.defaultLimits, ...options };
  const breakers = new Map<string, Map<Operation, GatewayBreaker.Breaker>>();

  const breakerOf = (provider: string, operation: Operation, at: number): GatewayBreaker.Breaker =>
    breakers.get(provider)?.get(operation) ?? GatewayBreaker.initial(at);

  const put = (provider: string, operation: Operation, breaker: GatewayBreaker.Breaker): void => {
    const known = breakers.get(provider) ?? new Map<Operation, GatewayBreaker.Breaker>();
    breakers.set(provider, known.set(operation, breaker));
  };

  const guarded = Effect.fnUntraced(function* <Outcome extends ConfirmOutcome | InquiryOutcome | CancelOutcome>(
    provider: string,
    operation: Operation,
    call: Effect.Effect<Outcome>,
    heldBack: Outcome,
  ) {
    const at = yield* Clock.currentTimeMillis;
    const { breaker, permit } = GatewayBreaker.ask(breakerOf(provider, operation, at), limits, at);
    put(provider, operation, breaker);
    if (permit === undefined) return heldBack;
    return yield* Effect.onExit(call, (exit) =>
      Effect.map(Clock.currentTimeMillis, (now) => {
        const verdict = Exit.isFailure(exit) ? "abandoned" : isTechnical(exit.value) ? "failed" : "well";
        const told = GatewayBreaker.tell(breakerOf(provider, operation, now), permit, verdict, limits, now);
        put(provider, operation, told);
      }),
    );
  });

  const snapshotAt = (at: number): Snapshot => {
    const rows = Array.from(breakers, ([provider, byOperation]): [string, Snapshot[string]] => [
      provider,
      Object.fromEntries(
        Array.from(byOperation, ([operation, breaker]) => [
          operation,
          conditionOf(GatewayBreaker.seen(breaker, limits, at)),
        ]),
      ),
    ]);
    return Object.fromEntries(rows);
  };

  return {
    /** The gateway behind its breakers. */
    guard: (gateway: PaymentGateway): PaymentGateway => {
      const { name } = gateway;
      return {
        name,
        confirm: (request) => guarded(name, "confirm", gateway.confirm(request), notSent("breaker")),
        inquire: (request) => guarded(name, "inquire", gateway.inquire(request), unknown("breaker")),
        cancel: (request) => guarded(name, "cancel", gateway.cancel(request), notSent("breaker")),
      };
    },
    snapshot: Effect.map(Clock.currentTimeMillis, snapshotAt),
    snapshotAt,
  };
};

export class GatewayHealth extends Context.Service<GatewayHealth, ReturnType<typeof make>>()(
  "@destiny/sdk/payment/GatewayHealth",
) {
  static readonly layer = (limits: Partial<GatewayBreaker.Limits> = {}): Layer.Layer<GatewayHealth> =>
    Layer.sync(GatewayHealth, () => GatewayHealth.of(make(limits)));
}
