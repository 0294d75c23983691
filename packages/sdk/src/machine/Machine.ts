/**
 * The pure part of everything stateful: `decide(view, input) -> accepted | rejected`.
 *
 * A machine is total and synchronous: no I/O, no clock, no randomness. Time and identity come in with the input. It is
 * the only place that may move its state, so it can be property-tested, replayed and simulated without a database.
 *
 * A machine names the states that it touches by string keys. One that touches several kinds prefixes the kind
 * (`order/…`, `sku/…`) and makes its state a tagged union. Strings, because keys are compared, sorted (locks are taken in
 * key order) and sent to the database all the time.
 */
import type { Envelope } from "../message/Envelope.ts";

/** An input with its identity. The id is the inbox key: whoever sends the same id again gets the first answer again. */
export interface Identified<Input> {
  /** A message id, or an idempotency key scoped to user and route. */
  readonly id: string;
  /** When it was made, UTC epoch milliseconds. A machine never sees time run backwards: see `GroupCommit`. */
  readonly at: number;
  readonly input: Input;
  /** Hash of an HTTP request: the same id with another fingerprint is a client error, not a repetition. */
  readonly fingerprint?: string | undefined;
  /** The message that carried the input, when one did. */
  readonly envelope?: Envelope | undefined;
  /** W3C trace context of an input that came over HTTP. */
  readonly traceparent?: string | undefined;
}

export interface Versioned<State> {
  /** 1 when first written; grows by one with each decision that changes the state. 0: not there yet. */
  readonly version: number;
  readonly state: State;
}

/** The states that a decision may read: what the store loaded, as changed by earlier inputs of the same group. */
export interface View<Key extends string, State> {
  readonly get: (key: Key) => State | undefined;
  /** 0 when the state does not exist. */
  readonly version: (key: Key) => number;
}

export type Verdict<Key extends string, State, Output, Rejection> =
  | {
      readonly _tag: "Accepted";
      readonly changes: ReadonlyMap<Key, State>;
      readonly outputs: ReadonlyArray<Output>;
    }
  | {
      /** A value, not a failure: stored with its input, and never an obstacle to the other inputs of the group. */
      readonly _tag: "Rejected";
      readonly rejection: Rejection;
      /** What must be remembered of the refusal itself, such as a tombstone that refuses a late repetition. */
      readonly changes: ReadonlyMap<Key, State>;
    };

export interface Machine<Key extends string, State, Input, Output, Rejection> {
  readonly name: string;
  /** The states that the input touches, as far as the input alone tells. */
  readonly keys: (input: Input) => ReadonlyArray<Key>;
  /** Further states that only the first ones name (`release(order)` reads the reservation, which names its SKUs). */
  readonly more?: (view: View<Key, State>, input: Input) => ReadonlyArray<Key>;
  /**
   * Those of `keys` that this input is expected to create. A hint for speed alone: the commit checks that they were absent,
   * so a wrong one costs a second try and nothing else.
   */
  readonly creates?: (input: Input) => ReadonlyArray<Key>;
  readonly decide: (view: View<Key, State>, input: Identified<Input>) => Verdict<Key, State, Output, Rejection>;
}

export const accept = <Key extends string, State, Output>(
  changes: Iterable<readonly [Key, State]>,
  outputs: ReadonlyArray<Output>,
): Verdict<Key, State, Output, never> => ({ _tag: "Accepted", changes: new Map(changes), outputs });

export const reject = <Rejection, Key extends string = never, State = never>(
  rejection: Rejection,
  changes?: Iterable<readonly [Key, State]>,
): Verdict<Key, State, never, Rejection> => ({
  _tag: "Rejected",
  rejection,
  changes: new Map(changes ?? []),
});
