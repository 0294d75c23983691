/**
 * The typed definition of a saga: an ordered list of steps whose wrong shapes do not compile.
 *
 * Guarantee: every started saga ends as completed or compensated, or stands still with a named owner and a named next
 * wake-up; each transition is journalled before its consequences are sent.
 *
 * `check` asks and leaves nothing behind; `compensable` names what undoes it; `pivot` (at most one) waits for an outside
 * event and is the point of no return; `retriable` only goes forward, and a permanent refusal takes a forward path of its
 * own; `tell` says something and waits for nobody; `failed` is the awaited last word of a saga that turned back, or of one that has only `retriable` steps
 * and was given up by an operator while it was stuck. A step is passed over when its `when` says no. All steps are remote: the answer to a command, however near, comes as a message.
 *
 * Limits: `maxSteps` steps. A running saga keeps the version it was started with, so an old version stays registered while
 * instances of it live.
 */
import type { Data, Event } from "../message/Message.ts";
import {
  type Ask,
  type Awaits,
  type AnyEvent,
  type Closing,
  type Context,
  defaultPatience,
  defaultPersistence,
  type Emit,
  type FailedStep,
  type Patience,
  type Step,
} from "./Step.ts";

export { ask, awaits, closed, emit, pending, settled } from "./Step.ts";
export type { Ask, Awaits, Closing, Context, Emit, Failure, Patience } from "./Step.ts";

export const maxSteps = 64;

/** A finished definition; what the registry, the machine and the history work with. */
export interface Definition<Input> {
  readonly name: string;
  readonly version: number;
  readonly input: Data<Input>;
  readonly data: Data<unknown>;
  readonly begin: (input: Input) => unknown;
  readonly key: (input: Input) => string;
  readonly startedBy: AnyEvent | undefined;
  readonly cancelledBy: { readonly event: AnyEvent; readonly reason: (payload: unknown) => string } | undefined;
  /** Main line first, forward paths behind it. */
  readonly steps: ReadonlyArray<Step>;
  readonly closing: FailedStep | undefined;
}

// oxlint-disable-next-line typescript/no-explicit-any -- stands for a definition of any input
export type AnyDefinition = Definition<any>;

// oxlint-disable-next-line typescript/no-explicit-any -- the types of the steps were checked where they were written
type Loose = any;

interface StepOptions<D> {
  /** Passed over when it answers no. Default: always taken. */
  readonly when?: ((data: D) => boolean) | undefined;
  readonly patience?: Partial<Patience> | undefined;
}

export interface CheckOptions<D, Refusal> extends StepOptions<D> {
  /** The reason that a refusal gives to the failure path. Default: the step's name. */
  readonly refused?: ((refusal: Refusal) => string) | undefined;
}

export interface CompensableOptions<D, Refusal> extends CheckOptions<D, Refusal> {
  /** Must succeed also when there is nothing to undo, and must refuse a later do of the same operation. */
  // oxlint-disable-next-line typescript/no-explicit-any -- any command may undo
  readonly undo: Ask<D, any, any>;
  readonly undoPatience?: Partial<Patience> | undefined;
}

export interface PivotOptions<D, Success> {
  readonly when?: ((data: D) => boolean) | undefined;
  /** When waiting ends, UTC epoch milliseconds. */
  readonly until: (data: D, context: Context) => number;
  /** Asks the arbiter to close. A later round is a new operation, so that `pending` is not repeated as its answer. */
  // oxlint-disable-next-line typescript/no-explicit-any -- its refusal is a failed attempt, whatever it says
  readonly close: Ask<D, Success, any>;
  readonly answer: (answer: Success) => Closing;
  /** Sent at every `pending`, without awaiting an answer: prolongs what the waiting depends on. */
  // oxlint-disable-next-line typescript/no-explicit-any -- nobody reads its answer
  readonly extend?: Ask<D, any, any> | undefined;
  /** The reason of a saga that waited in vain. */
  readonly expired: string;
  readonly patience?: Partial<Patience> | undefined;
  /** Pause after `pending`. Default 5,000. */
  readonly againMillis?: number | undefined;
  /** Rounds of `pending` before the saga is stuck. Default 720: an hour. */
  readonly maxRounds?: number | undefined;
}

export interface RetriableOptions<D, Refusal, Name extends string> extends StepOptions<D> {
  /** Chooses the forward path of a permanent refusal. Without one the saga gets stuck. */
  readonly refused?: ((refusal: Refusal) => NoInfer<Name> | undefined) | undefined;
  /** Each path replaces the rest of the main line. */
  readonly paths?: { readonly [N in Name]: (path: Path<D>) => Path<D> } | undefined;
}

/** Steps after the point of no return. */
export interface Path<D> {
  readonly retriable: <S, R>(
    name: string,
    ask: Ask<D, S, R>,
    options?: Omit<RetriableOptions<D, R, never>, "paths" | "refused">,
  ) => Path<D>;
  readonly tell: (name: string, emit: Emit<D>, options?: Pick<StepOptions<D>, "when">) => Path<D>;
}

/** Past the point of no return: forward only. */
export interface Forward<Input, D> extends Definition<Input> {
  readonly retriable: <S, R, Name extends string = never>(
    name: string,
    ask: Ask<D, S, R>,
    options?: RetriableOptions<D, R, Name>,
  ) => Forward<Input, D>;
  readonly tell: (name: string, emit: Emit<D>, options?: Pick<StepOptions<D>, "when">) => Forward<Input, D>;
  // oxlint-disable-next-line typescript/no-explicit-any -- any command may carry the last word
  readonly failed: (ask: Ask<D, any, any>, patience?: Partial<Patience>) => Forward<Input, D>;
}

/** Everything can still be undone. */
export interface Open<Input, D> extends Definition<Input> {
  readonly check: <S, R>(name: string, ask: Ask<D, S, R>, options?: CheckOptions<D, R>) => Open<Input, D>;
  readonly compensable: <S, R>(name: string, ask: Ask<D, S, R>, options: CompensableOptions<D, R>) => Open<Input, D>;
  /** The first retriable step is the point of no return of a saga without a pivot. */
  readonly pivot: <S>(
    name: string,
    awaits: Awaits<D> | ReadonlyArray<Awaits<D>>,
    options: PivotOptions<D, S>,
  ) => Forward<Input, D>;
  readonly retriable: Forward<Input, D>["retriable"];
  readonly tell: (name: string, emit: Emit<D>, options?: Pick<StepOptions<D>, "when">) => Open<Input, D>;
  // oxlint-disable-next-line typescript/no-explicit-any -- any command may carry the last word
  readonly failed: (ask: Ask<D, any, any>, patience?: Partial<Patience>) => Open<Input, D>;
}

interface Beginning<Input, Cancel> {
  readonly version: number;
  readonly input: Data<Input>;
  /** Who the saga is about. One instance per key; events that it awaits carry the same key. */
  readonly key: (input: Input) => string;
  /** Starts an instance. Its payload is the input. */
  readonly startedBy?: Event<string, Input> | undefined;
  /** Cancels the instance with the event's key. */
  readonly cancelledBy?:
    | { readonly event: Event<string, Cancel>; readonly reason: (payload: NoInfer<Cancel>) => string }
    | undefined;
}

/** Begins a definition whose data is what `begin` makes of the input, and gathers answers from there. */
export function define<Input, D, Cancel = never>(
  name: string,
  options: Beginning<Input, Cancel> & {
    readonly data: Data<D>;
    readonly begin: (input: NoInfer<Input>) => NoInfer<D>;
  },
): Open<Input, D>;
/** Begins a definition whose data is its input. @throws when a name is empty or has a `/`: a mistake in the code. */
export function define<Input, Cancel = never>(name: string, options: Beginning<Input, Cancel>): Open<Input, Input>;
export function define(
  name: string,
  options: Beginning<Loose, Loose> & { readonly data?: Data<Loose>; readonly begin?: (input: Loose) => Loose },
): Loose {
  checkName(name);
  return builder({
    name,
    version: options.version,
    input: options.input,
    data: options.data ?? options.input,
    begin: options.begin ?? ((input: Loose) => input),
    key: options.key,
    startedBy: options.startedBy,
    cancelledBy: options.cancelledBy,
    steps: [],
    closing: undefined,
  });
}

/** Operation ids are `<saga>/<key>/<step>/<do or undo>`, so names keep off the slash. */
const checkName = (name: string): void => {
  if (name === "" || name.includes("/")) throw new Error(`a saga or step cannot be named "${name}"`);
};

const retriable = (path: string, name: string, ask: Loose, options: Loose = {}): ReadonlyArray<Step> => [
  {
    kind: "retriable",
    name,
    path,
    when: options.when,
    ask,
    patience: { ...defaultPersistence, ...options.patience },
    refused: options.refused ?? (() => undefined),
  },
];

const tell = (path: string, name: string, emit: Loose, options: Loose = {}): ReadonlyArray<Step> => [
  { kind: "tell", name, path, when: options.when, emit },
];

const pathSteps = (path: string, build: (path: Path<Loose>) => Path<Loose>): ReadonlyArray<Step> => {
  const collected: Array<Step> = [];
  const collector: Path<Loose> = {
    retriable: (name, ask, options) => (collected.push(...retriable(path, name, ask, options)), collector),
    tell: (name, emit, options) => (collected.push(...tell(path, name, emit, options)), collector),
  };
  build(collector);
  return collected;
};

const builder = <Input>(definition: Definition<Input>): Open<Input, Loose> & Forward<Input, Loose> => {
  const add = (...added: ReadonlyArray<Step>): Loose => {
    const steps = [...definition.steps, ...added];
    for (const step of added) {
      checkName(step.name);
      if (steps.filter((other) => other.name === step.name).length > 1)
        throw new Error(`${definition.name} has two steps named "${step.name}"`);
      if (step.path !== "" && definition.steps.some((other) => other.path === step.path))
        throw new Error(`${definition.name} has two paths named "${step.path}"`);
    }
    if (steps.length > maxSteps) throw new Error(`${definition.name} has more than ${maxSteps} steps`);
    return builder({ ...definition, steps });
  };
  const question = (kind: "check" | "compensable", name: string, ask: Loose, options: Loose = {}): Step => ({
    kind,
    name,
    path: "",
    when: options.when,
    ask,
    patience: { ...defaultPatience, ...options.patience },
    refused: options.refused ?? (() => name),
    undo: options.undo,
    undoPatience: { ...defaultPersistence, ...options.undoPatience },
  });
  return {
    ...definition,
    check: (name, ask, options) => add(question("check", name, ask, options)),
    compensable: (name, ask, options) => add(question("compensable", name, ask, options)),
    pivot: (name, awaited, options: Loose) =>
      add({
        kind: "pivot",
        name,
        path: "",
        when: options.when,
        awaits: Array.isArray(awaited) ? awaited : [awaited],
        until: options.until,
        close: options.close,
        answer: options.answer,
        extend: options.extend,
        expired: options.expired,
        patience: { ...defaultPersistence, ...options.patience },
        againMillis: options.againMillis ?? 5000,
        maxRounds: options.maxRounds ?? 720,
      }),
    retriable: (name, ask, options: Loose) =>
      add(
        ...retriable("", name, ask, options),
        ...Object.entries<Loose>(options?.paths ?? {}).flatMap(([path, build]) => pathSteps(path, build)),
      ),
    tell: (name, emit, options) => add(...tell("", name, emit, options)),
    failed: (ask, patience) =>
      builder({ ...definition, closing: { ask, patience: { ...defaultPersistence, ...patience } } }),
  } as Open<Input, Loose> & Forward<Input, Loose>;
};
