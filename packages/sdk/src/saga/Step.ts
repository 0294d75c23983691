/**
 * The parts of a saga definition: what a step asks, awaits or tells, and how patient it is.
 *
 * All functions here are pure: they are called again when a journal is replayed, and must then answer the same. Time comes
 * in with the {@link Context}.
 */
import type { AnyCommand, AnyEvent, Command, Event } from "../message/Message.ts";

/** Why a saga turned back. */
export interface Failure {
  /** A code for whoever reads it, such as `SOLD_OUT`. */
  readonly reason: string;
  /** The step that was refused, gave up or was overtaken by a cancellation. */
  readonly step: string;
  readonly cancelled: boolean;
}

/** What a payload may depend on besides the saga's data. It stays the same when a command is sent again. */
export interface Context {
  readonly sagaId: string;
  readonly key: string;
  /** UTC epoch milliseconds. */
  readonly startedAt: number;
  /** When the step was entered, UTC epoch milliseconds. */
  readonly enteredAt: number;
  /** Somebody asked to cancel, whether or not the saga could turn back already. */
  readonly cancelled: boolean;
  /** Set once the saga has turned back. */
  readonly failure: Failure | null;
}

/** How long an answer is awaited and how often the question is repeated. */
export interface Patience {
  /** Wait for the first answer. Each further wait is `backoffFactor` times longer, up to `maxDeadlineMillis`. */
  readonly deadlineMillis: number;
  readonly backoffFactor: number;
  readonly maxDeadlineMillis: number;
  /** Questions in all. After the last one before the point of no return the saga turns back; elsewhere it gets stuck. */
  readonly maxAttempts: number;
}

/** About two minutes in all. */
export const defaultPatience: Patience = {
  deadlineMillis: 10_000,
  backoffFactor: 2,
  maxDeadlineMillis: 60_000,
  maxAttempts: 4,
};

/** For what must not be given up lightly: undoing, closing, and everything after the pivot. About eight minutes in all. */
export const defaultPersistence: Patience = { ...defaultPatience, maxAttempts: 10 };

/** The wait for the answer to a question that was asked `attempts` times. */
export const waitMillis = (patience: Patience, attempts: number): number =>
  Math.min(patience.deadlineMillis * patience.backoffFactor ** (attempts - 1), patience.maxDeadlineMillis);

/** A command and what becomes of its answer. `Success` and `Refusal` are the command's own. */
export interface Ask<Data, Success, Refusal> {
  readonly _tag: "Ask";
  // oxlint-disable-next-line typescript/no-explicit-any -- the payload meets its schema inside `ask`
  readonly command: Command<string, any, Success, Refusal>;
  readonly payload: (data: Data, context: Context) => unknown;
  readonly save: (data: Data, answer: Success) => Data;
}

/** Asks with a command; `save` puts the answer into the saga's data. Default: the answer is not kept. */
export const ask = <Data, Payload, Success, Refusal>(
  command: Command<string, Payload, Success, Refusal>,
  payload: (data: Data, context: Context) => NoInfer<Payload>,
  save: (data: Data, answer: NoInfer<Success>) => Data = (data) => data,
): Ask<Data, Success, Refusal> => ({ _tag: "Ask", command, payload, save });

/** An event of somebody else that lets the saga go on, or makes it turn back. */
export interface Awaits<Data> {
  readonly _tag: "Awaits";
  readonly event: AnyEvent;
  // oxlint-disable-next-line typescript/no-explicit-any -- the payload meets its schema inside `awaits`
  readonly save: (data: Data, payload: any) => Data;
  /** The reason to turn back; undefined to go on. */
  // oxlint-disable-next-line typescript/no-explicit-any -- as above
  readonly fails: (payload: any) => string | undefined;
}

/** Awaits an event whose key is the saga's key. `fails` makes it an end of the way, with the reason that it answers. */
export const awaits = <Data, Payload>(
  event: Event<string, Payload>,
  options: {
    readonly save?: ((data: Data, payload: NoInfer<Payload>) => Data) | undefined;
    readonly fails?: ((payload: NoInfer<Payload>) => string | undefined) | undefined;
  } = {},
): Awaits<Data> => ({
  _tag: "Awaits",
  event,
  save: options.save ?? ((data) => data),
  fails: options.fails ?? (() => undefined),
});

export interface Emit<Data> {
  readonly _tag: "Emit";
  readonly event: AnyEvent;
  readonly payload: (data: Data, context: Context) => unknown;
}

/** Tells everybody; no answer is awaited. */
export const emit = <Data, Payload>(
  event: Event<string, Payload>,
  payload: (data: Data, context: Context) => NoInfer<Payload>,
): Emit<Data> => ({ _tag: "Emit", event, payload });

/** What the arbiter of the pivot says when it is asked to close. */
export type Closing =
  /** The awaited event can no longer happen. */
  | { readonly _tag: "Closed" }
  /** It already happened: counts as the event itself. */
  | { readonly _tag: "Settled"; readonly event: AnyEvent; readonly payload: unknown }
  /** Nobody knows yet: the saga keeps waiting and asks again. */
  | { readonly _tag: "Pending" };

export const closed: Closing = { _tag: "Closed" };
export const pending: Closing = { _tag: "Pending" };
export const settled = <Payload>(event: Event<string, Payload>, payload: NoInfer<Payload>): Closing => ({
  _tag: "Settled",
  event,
  payload,
});

// oxlint-disable-next-line typescript/no-explicit-any -- stands for a question of any types
export type AnyAsk = Ask<any, any, any>;

interface Common {
  readonly name: string;
  /** The forward path that the step belongs to; empty on the main line. */
  readonly path: string;
  readonly when: ((data: unknown) => boolean) | undefined;
}

/** A question before the point of no return; with an `undo` it is compensable. */
export interface Question extends Common {
  readonly kind: "check" | "compensable";
  readonly ask: AnyAsk;
  readonly patience: Patience;
  readonly refused: (refusal: unknown) => string;
  readonly undo: AnyAsk | undefined;
  readonly undoPatience: Patience;
}

export interface Pivot extends Common {
  readonly kind: "pivot";
  // oxlint-disable-next-line typescript/no-explicit-any -- a step does not know the saga's data
  readonly awaits: ReadonlyArray<Awaits<any>>;
  readonly until: (data: unknown, context: Context) => number;
  readonly close: AnyAsk;
  readonly answer: (answer: unknown) => Closing;
  readonly extend: AnyAsk | undefined;
  readonly expired: string;
  readonly patience: Patience;
  readonly againMillis: number;
  readonly maxRounds: number;
}

export interface Retriable extends Common {
  readonly kind: "retriable";
  readonly ask: AnyAsk;
  readonly patience: Patience;
  /** The forward path of a permanent refusal; without one the saga gets stuck. */
  readonly refused: (refusal: unknown) => string | undefined;
}

export interface Tell extends Common {
  readonly kind: "tell";
  // oxlint-disable-next-line typescript/no-explicit-any -- a step does not know the saga's data
  readonly emit: Emit<any>;
}

export type Step = Question | Pivot | Retriable | Tell;

/** How the failure path ends. */
export interface FailedStep {
  readonly ask: AnyAsk;
  readonly patience: Patience;
}

export type { AnyCommand, AnyEvent };
