/**
 * The payments of a simulated vendor's account, the answers bound to idempotency keys, and what was captured.
 *
 * Guarantee: a change is in the captures file before it is in memory, and both are the same after a restart.
 * Limits: `maxPayments` payments, `maxIdempotencyKeys` answers kept for `idempotencyLifeMillis`.
 */
import * as Result from "effect/Result";
import * as Schema from "effect/Schema";
import type { Capture, Captures } from "./Captures.ts";
import * as IdempotentAnswers from "./IdempotentAnswers.ts";

/** A vendor's payment as a pure machine, and what the ledger has to know about its states. */
export interface Rules<Payment, Command> {
  /** The vendor's name in captures. */
  readonly gateway: string;
  readonly payment: Schema.Codec<Payment, unknown>;
  /** By what the vendor is asked about a payment. */
  readonly keyOf: (payment: Payment) => string;
  /** By what a shop of ours knows the payment, and so its captures; absent: the same. */
  readonly shopKeyOf?: (payment: Payment) => string;
  readonly orderOf: (payment: Payment) => string;
  /** The payment as seen at a moment: expiry is a matter of looking. */
  readonly asOf: (payment: Payment, at: number) => Payment;
  /** The state after the command, or the vendor's code for why there is none. Total and pure. */
  readonly decide: (payment: Payment, command: Command, at: number) => Result.Result<Payment, string>;
  /** The money that moved with a command; undefined when none did. */
  readonly moved: (
    before: Payment,
    after: Payment,
    command: Command,
  ) => Pick<Capture, "kind" | "amount" | "currency" | "transactionKey"> | undefined;
  /** Whether an order was paid with it. */
  readonly takesOrder: (payment: Payment) => boolean;
  readonly notFound: string;
  readonly idempotencyLifeMillis: number;
}

/** An error's body as it is on the wire. */
export type ErrorBody = Readonly<Record<string, string>>;

/** What is appended with every change; an answer without an error is the payment beside it. */
export interface State<Payment> {
  readonly payment?: Payment;
  readonly answer?: {
    readonly identity: string;
    readonly at: number;
    readonly status: number;
    readonly error?: ErrorBody;
  };
}

const Answer = Schema.Struct({
  identity: Schema.String,
  at: Schema.Int,
  status: Schema.Int,
  error: Schema.optionalKey(Schema.Record(Schema.String, Schema.String)),
});

/** An answer as it is kept: the payment's state is shared with the table, its bytes are made again when needed. */
export type Kept<Payment> =
  | { readonly status: number; readonly payment: Payment }
  | { readonly status: number; readonly error: ErrorBody };

/** A payment that moved, and the money that moved with it. */
export interface Move<Payment> {
  readonly payment: Payment;
  readonly capture?: Omit<Capture, "sequence">;
}

export interface LedgerSettings {
  readonly maxPayments: number;
  readonly maxIdempotencyKeys: number;
  readonly now: () => number;
}

export interface PaymentLedger<Payment, Command> {
  readonly keys: IdempotentAnswers.IdempotentAnswers<Kept<Payment>>;
  readonly find: (paymentKey: string) => Payment | undefined;
  /** Every payment of an order, oldest first. */
  readonly allOf: (orderId: string) => ReadonlyArray<Payment>;
  /** The payment that an order id stands for: the one that paid it, else the latest. */
  readonly findByOrder: (orderId: string) => Payment | undefined;
  readonly orderTakenByOther: (orderId: string, paymentKey: string) => boolean;
  readonly payments: () => ReadonlyArray<Payment>;
  readonly captures: () => ReadonlyArray<Capture>;
  /** What the command would do; nothing has changed until `commit`. */
  readonly decide: (paymentKey: string, command: Command) => Result.Result<Move<Payment>, string>;
  /** Writes, then remembers, so that a full disk leaves file and memory alike. Throws when it cannot write. */
  readonly commit: (move: Move<Payment> | undefined, identity?: string, answer?: Kept<Payment>) => void;
  /** What the browser step has created; `undefined` when its key is taken or there are `maxPayments`. */
  readonly add: (payment: Payment) => Payment | undefined;
  /** From here on changes are written. */
  readonly attach: (captures: Captures<State<Payment>>) => void;
  /** Takes over a state as it was appended; throws on one that is none of its own. */
  readonly restore: (state: unknown) => void;
  readonly reset: () => void;
}

export const make = <Payment, Command>(
  rules: Rules<Payment, Command>,
  settings: LedgerSettings,
): PaymentLedger<Payment, Command> => {
  const { now } = settings;
  const payments = new Map<string, Payment>();
  const orders = new Map<string, Array<string>>();
  const keys = IdempotentAnswers.make<Kept<Payment>>({
    lifeMillis: rules.idempotencyLifeMillis,
    maxKeys: settings.maxIdempotencyKeys,
    now,
  });
  const decodeState = Schema.decodeUnknownSync(
    Schema.Struct({ payment: Schema.optionalKey(rules.payment), answer: Schema.optionalKey(Answer) }),
  );
  let captures: Captures<State<Payment>> | undefined;

  const put = (payment: Payment) => {
    const key = rules.keyOf(payment);
    if (!payments.has(key)) {
      const known = orders.get(rules.orderOf(payment));
      if (known === undefined) orders.set(rules.orderOf(payment), [key]);
      else known.push(key);
    }
    payments.set(key, payment);
  };

  const paymentsOf = (orderId: string) => (orders.get(orderId) ?? []).map((key) => payments.get(key)!);
  const seen = (payment: Payment | undefined) => (payment === undefined ? undefined : rules.asOf(payment, now()));

  return {
    keys,
    find: (paymentKey) => seen(payments.get(paymentKey)),
    allOf: (orderId) => paymentsOf(orderId).map((payment) => rules.asOf(payment, now())),
    findByOrder: (orderId) => {
      const found = paymentsOf(orderId);
      return seen(found.find(rules.takesOrder) ?? found.at(-1));
    },
    orderTakenByOther: (orderId, paymentKey) =>
      paymentsOf(orderId).some((payment) => rules.keyOf(payment) !== paymentKey && rules.takesOrder(payment)),
    payments: () => {
      const at = now();
      return Array.from(payments.values(), (payment) => rules.asOf(payment, at));
    },
    captures: () => captures?.entries() ?? [],
    decide: (paymentKey, command) => {
      const before = payments.get(paymentKey);
      if (before === undefined) return Result.fail(rules.notFound);
      const at = now();
      return Result.map(rules.decide(before, command, at), (payment): Move<Payment> => {
        const moved = rules.moved(before, payment, command);
        if (moved === undefined) return { payment };
        const { gateway, shopKeyOf = rules.keyOf } = rules;
        const named = { paymentKey: shopKeyOf(payment), orderId: rules.orderOf(payment) };
        return { payment, capture: { gateway, ...moved, ...named, at } };
      });
    },
    commit: (move, identity, answer) => {
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
    add: (payment) => {
      if (payments.size >= settings.maxPayments || payments.has(rules.keyOf(payment))) return undefined;
      captures?.append({ payment });
      put(payment);
      return payment;
    },
    attach: (opened) => {
      captures = opened;
    },
    restore: (input) => {
      const { answer, payment } = decodeState(input);
      if (payment !== undefined) put(payment);
      if (answer === undefined) return;
      const { at, error, identity, status } = answer;
      if (error !== undefined) keys.restore(identity, at, { status, error });
      else if (payment !== undefined) keys.restore(identity, at, { status, payment });
    },
    reset: () => {
      captures?.reset();
      payments.clear();
      orders.clear();
      keys.clear();
    },
  };
};
