/** What the suite must know of a store: its machine, inputs that do certain things, and where its states are. */
import type { Database, Machine, MachineStore, Ports } from "@destiny/sdk/machine";
import type { Message } from "@destiny/sdk/message";
import type { Outbox } from "@destiny/sdk/outbox";
import type * as Context from "effect/Context";
import type * as Effect from "effect/Effect";
import type * as Layer from "effect/Layer";
import type * as Scope from "effect/Scope";

/** Where in a history a step happens. */
export interface Place {
  /** The name that one history gives to `local`: no other history has it. */
  readonly name: (local: string) => string;
  /** Different for every input of the process, and growing. */
  readonly serial: number;
  /** When the input is made; later than every input before it. UTC epoch milliseconds. */
  readonly at: number;
}

/** A machine, and inputs of it that are known to do certain things. */
export interface Cases<Key extends string, State, Input, Output, Rejection, Step> {
  readonly machine: Machine.Machine<Key, State, Input, Output, Rejection>;
  readonly output: Message.Data<Output>;
  readonly rejection: Message.Data<Rejection>;
  /**
   * Accepted one after the other when there is no state called `name`. They name one key and no other; the first one
   * writes it. Names hold characters that break careless SQL, arrays and JSON.
   */
  readonly creates: (name: string) => readonly [Input, ...Array<Input>];
  /** Two inputs that are accepted in either order by what `creates` has made. Both change it, and nothing else. */
  readonly changes: (name: string, which: 0 | 1) => Input;
  /** Rejected by what `creates` has made, without changing it. */
  readonly rejected: (name: string) => Input;
  /** Any step of any history, over few names, so that steps meet. Its texts may be {@link awkwardTexts}. */
  readonly step: Message.Data<Step>;
  /**
   * What the step is, here and now: `view` says what has come of the steps before it, for a step that wants to fit. It may
   * be impossible (the machine throws), but must not break a constraint of the database.
   */
  readonly input: (step: Step, place: Place, view: Machine.View<Key, State>) => Input;
  /**
   * Keys whose states have no row of their own: the store finds them among others, so they count no versions. They are
   * judged by the answers that follow from them. Default: none.
   */
  readonly derived?: ((key: Key) => boolean) | undefined;
}

/** One connection to the states, with what a group commit needs beside them. */
export interface Instance<Store> {
  readonly store: Store;
  readonly services: Context.Context<Standing>;
}

/** What stands beside the states in every database of a service. */
export type Standing = Database.Database | Ports.InputLog | Ports.OutputLog | Outbox.Outbox;

/** Where the states are. */
export interface Home<Store, R, E> {
  readonly layer: Layer.Layer<R, E>;
  /** A connection of its own to the same states, as a second process would have. */
  readonly instance: Effect.Effect<Instance<Store>, unknown, R | Scope.Scope>;
}

/** The types of a machine under one name: the parts of the suite pass them on. */
export interface Types {
  readonly key: string;
  readonly state: unknown;
  readonly input: unknown;
  readonly output: unknown;
  readonly rejection: unknown;
  readonly step: unknown;
}

export type StoreOf<T extends Types> = MachineStore.MachineStore<
  T["key"],
  T["state"],
  T["input"],
  T["output"],
  T["rejection"]
>;

export interface Subject<T extends Types, R>
  extends
    Cases<T["key"], T["state"], T["input"], T["output"], T["rejection"], T["step"]>,
    Home<StoreOf<T>, R, unknown> {}

/**
 * Texts that every store must give back unchanged. NUL and lone surrogates are not among them: PostgreSQL has no place for
 * either, so they are refused where a request is read.
 */
export const awkwardTexts = [
  "plain",
  "",
  " ",
  "it's",
  'a "quoted" word',
  "back\\slash",
  "{a,b}",
  "NULL",
  "null",
  "$1 %s ?",
  "두 줄\n한글",
  "😀\t\u0001",
] as const;

let serial = 0;

/** The next place in time; names of one `run` belong together. */
export const place = (run: string): Place => {
  serial++;
  return { name: (local) => `${run} ${local}`, serial, at: 1_700_000_000_000 + serial * 1000 };
};

/** A name that nothing else of this process has. */
export const unique = (what: string): string => `${what} {"한", 'b'\\} ${++serial}`;

/** An input with an identity of its own. */
export const stamped = <Input>(input: Input, at: Place = place("")): Machine.Identified<Input> => ({
  id: `suite:${at.serial}`,
  at: at.at,
  input,
});
