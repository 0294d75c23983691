/**
 * The payments of a simulated Toss Payments account, the answers bound to idempotency keys, and what was captured.
 *
 * Guarantee: a change is in the captures file before it is in memory, and both are the same after a restart.
 * Limits: `maxPayments` payments, `maxIdempotencyKeys` answers kept for 15 days.
 */
import * as Result from "effect/Result";
import * as Schema from "effect/Schema";
import type { Capture, Captures } from "../Captures.ts";
import * as IdempotentAnswers from "../IdempotentAnswers.ts";
import type { TossError } from "./TossErrors.ts";
import * as TossPayment from "./TossPayment.ts";
import type { NewPayment } from "./TossRequests.ts";

export const idempotencyLifeMillis = 15 * 86_400_000;

/** What is appended with every change; an answer without an error is the payment beside it. */
export const State = Schema.Struct({
  payment: Schema.optionalKey(TossPayment.Payment),
  answer: Schema.optionalKey(
    Schema.Struct({
      identity: Schema.String,
      at: Schema.Int,
      status: Schema.Int,
      error: Schema.optionalKey(Schema.Struct({ code: Schema.String, message: Schema.String })),
    }),
  ),
});
export type State = typeof State.Type;

/** An answer as it is kept: the payment's state is shared with the table, its bytes are made again when needed. */
export type Kept =
  | { readonly status: number; readonly payment: TossPayment.Payment }
  | { readonly status: number; readonly error: TossError };

/** A payment that moved, and the money that moved with it. */
export interface Move {
  readonly payment: TossPayment.Payment;
  readonly capture?: Omit<Capture, "sequence">;
}

export interface LedgerSettings {
  readonly maxPayments: number;
  readonly maxIdempotencyKeys: number;
  readonly now: () => number;
}

export type TossLedger = ReturnType<typeof make>;

export const make = (settings: LedgerSettings) => {
  const { now } = settings;
  const payments = new Map<string, TossPayment.Payment>();
  const orders = new Map<string, Array<string>>();
  const keys = IdempotentAnswers.make<Kept>({
    lifeMillis: idempotencyLifeMillis,
    maxKeys: settings.maxIdempotencyKeys,
    now,
  });
  let captures: Captures<State> | undefined;

  const put = (payment: TossPayment.Payment) => {
    if (!payments.has(payment.paymentKey)) {
      const known = orders.get(payment.orderId);
      if (known === undefined) orders.set(payment.orderId, [payment.paymentKey]);
      else known.push(payment.paymentKey);
    }
    payments.set(payment.paymentKey, payment);
  };

  const paymentsOf = (orderId: string) => (orders.get(orderId) ?? []).map((key) => payments.get(key)!);
  const seen = (payment: TossPayment.Payment | undefined) =>
    payment === undefined ? undefined : TossPayment.asOf(payment, now());

  return {
    keys,
    find: (paymentKey: string) => seen(payments.get(paymentKey)),
    /** The payment that an order id stands for: the approved one, else the latest. */
    findByOrder: (orderId: string) => {
      const found = paymentsOf(orderId);
      return seen(found.find(TossPayment.takesOrder) ?? found.at(-1));
    },
    orderTakenByOther: (orderId: string, paymentKey: string): boolean =>
      paymentsOf(orderId).some((payment) => payment.paymentKey !== paymentKey && TossPayment.takesOrder(payment)),
    payments: (): ReadonlyArray<TossPayment.Payment> => {
      const at = now();
      return Array.from(payments.values(), (payment) => TossPayment.asOf(payment, at));
    },
    captures: (): ReadonlyArray<Capture> => captures?.entries() ?? [],

    /** What the command would do; nothing has changed until `commit`. */
    decide: (paymentKey: string, command: TossPayment.Command): Result.Result<Move, string> => {
      const before = payments.get(paymentKey);
      if (before === undefined) return Result.fail("NOT_FOUND_PAYMENT");
      const at = now();
      return Result.map(TossPayment.decide(before, command, at), (payment): Move => {
        if (!("transactionKey" in command) || payment.approvedAt === null) return { payment };
        const { orderId, currency } = payment;
        const { transactionKey } = command;
        const canceled = command._tag === "Cancel";
        const amount = canceled ? before.balanceAmount - payment.balanceAmount : payment.totalAmount;
        const kind = canceled ? "canceled" : "captured";
        return {
          payment,
          capture: { gateway: "toss", kind, paymentKey, orderId, transactionKey, amount, currency, at },
        };
      });
    },

    /** Writes, then remembers, so that a full disk leaves file and memory alike. Throws when it cannot write. */
    commit: (move: Move | undefined, identity?: string, answer?: Kept): void => {
      const bound = identity === undefined || answer === undefined ? undefined : { identity, answer };
      if (move !== undefined || bound !== undefined) {
        captures?.append(
          {
            ...(move === undefined ? {} : { payment: move.payment }),
            ...(bound === undefined
              ? {}
              : {
                  answer: {
                    identity: bound.identity,
                    at: keys.startedAt(bound.identity),
                    status: bound.answer.status,
                    ...("error" in bound.answer ? { error: bound.answer.error } : {}),
                  },
                }),
          },
          move?.capture,
        );
      }
      if (move !== undefined) put(move.payment);
      if (bound !== undefined) keys.complete(bound.identity, bound.answer);
    },

    /** What the browser step would have created; `undefined` when there are `maxPayments`. */
    create: (paymentKey: string, input: NewPayment): TossPayment.Payment | undefined => {
      if (payments.size >= settings.maxPayments) return undefined;
      const at = now();
      const { orderId, amount, orderName = "주문", method = "카드", currency = "KRW" } = input;
      const ready = TossPayment.create({ paymentKey, orderId, orderName, amount, method, currency, at });
      const payment: TossPayment.Payment =
        input.status === "READY" ? ready : { ...ready, status: "IN_PROGRESS", authenticatedAt: at };
      captures?.append({ payment });
      put(payment);
      return payment;
    },

    /** From here on changes are written. */
    attach: (opened: Captures<State>): void => {
      captures = opened;
    },
    restore: (state: State): void => {
      if (state.payment !== undefined) put(state.payment);
      if (state.answer === undefined) return;
      const { identity, at, status, error } = state.answer;
      if (error !== undefined) keys.restore(identity, at, { status, error });
      else if (state.payment !== undefined) keys.restore(identity, at, { status, payment: state.payment });
    },
    reset: (): void => {
      captures?.reset();
      payments.clear();
      orders.clear();
      keys.clear();
    },
  };
};
