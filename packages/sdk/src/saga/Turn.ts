/**
 * One decision about one saga while it is being made: a draft of the next state, and what will be said.
 *
 * A draft is changed in place and never leaves the decision. Rejected: rebuilding an immutable state at every move, which
 * reads worse and copies more.
 */
import * as Schema from "effect/Schema";
import * as Message from "../message/Message.ts";
import type { AnyDefinition } from "./Saga.ts";
import { isTerminal, type SagaOutput, type SagaState, type Situation, type StepRecord, statusOf } from "./SagaState.ts";
import {
  type AnyAsk,
  type AnyCommand,
  type AnyEvent,
  type Awaits,
  type Context,
  type Emit,
  type Patience,
  type Pivot,
  type Step,
  waitMillis,
} from "./Step.ts";

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

export interface Turn {
  readonly definition: AnyDefinition;
  readonly sagaId: string;
  readonly at: number;
  readonly replyTo: string;
  /** Sent along where the input itself brings no trace: a sweep. */
  readonly traceparent: string | undefined;
  readonly state: Mutable<Omit<SagaState, "steps">> & { steps: Array<Mutable<StepRecord>> };
  readonly outputs: Array<SagaOutput>;
}

/** An operation whose answer the saga awaits. */
export interface Operation {
  readonly ask: AnyAsk;
  readonly operationId: string;
  readonly patience: Patience;
}

type Decoder = (data: unknown) => unknown;
const decoders = new WeakMap<object, Decoder>();

/** @throws when the data breaks its schema: the message that brought it is poison. */
export const decode = (schema: Message.Data<unknown>, data: unknown): unknown => {
  const decoder = decoders.get(schema) ?? Schema.decodeUnknownSync(Schema.toCodecJson(schema));
  decoders.set(schema, decoder);
  return decoder(data);
};

const replySchemas = new WeakMap<AnyCommand, Message.Data<unknown>>();

/** @throws as {@link decode} does. */
export const decodeReply = (command: AnyCommand, reply: unknown): Message.Reply<unknown, unknown> => {
  const schema = replySchemas.get(command) ?? Message.replySchema<unknown, unknown>(command);
  replySchemas.set(command, schema);
  return decode(schema, reply) as Message.Reply<unknown, unknown>;
};

export const dataOf = (turn: Turn): unknown => decode(turn.definition.data, turn.state.data);

export const save = (turn: Turn, data: unknown): void => {
  turn.state.data = Message.encode(turn.definition.data, data);
};

export const contextOf = ({ sagaId, state }: Turn): Context => ({
  sagaId,
  key: state.key,
  startedAt: state.startedAt,
  enteredAt: state.enteredAt,
  cancelled: state.cancelled !== null,
  failure: state.failure,
});

/** @throws when a stored saga names a step that its definition does not have: the version was changed in place. */
export const stepNamed = (definition: AnyDefinition, name: string | null): Step => {
  const step = definition.steps.find((one) => one.name === name);
  if (step === undefined) throw new Error(`${definition.name} version ${definition.version} has no step "${name}"`);
  return step;
};

export const currentStep = (turn: Turn): Step => stepNamed(turn.definition, turn.state.step);

export const currentPivot = (turn: Turn): Pivot => {
  const step = currentStep(turn);
  if (step.kind !== "pivot") throw new Error(`"${step.name}" is not the pivot`);
  return step;
};

/** The last record of the current step. */
export const currentRecord = (turn: Turn): Mutable<StepRecord> => {
  const record = turn.state.steps.find((one) => one.name === turn.state.step);
  if (record === undefined) throw new Error(`step "${turn.state.step}" was never entered`);
  return record;
};

/** What the situation awaits an answer to; undefined where no answer is awaited. */
export const operationOf = (
  definition: AnyDefinition,
  sagaId: string,
  state: Pick<SagaState, "situation" | "step" | "round">,
): Operation | undefined => {
  const id = (what: string): string => `${sagaId}/${state.step}/${what}`;
  switch (state.situation) {
    case "running.before":
    case "running.after":
    case "stuck.after": {
      const step = stepNamed(definition, state.step);
      return "ask" in step ? { ask: step.ask, operationId: id("do"), patience: step.patience } : undefined;
    }
    case "closing.asked":
    case "stuck.closing": {
      const step = stepNamed(definition, state.step);
      if (step.kind !== "pivot") return undefined;
      return { ask: step.close, operationId: id(`close/${state.round}`), patience: step.patience };
    }
    case "compensating.undoing":
    case "stuck.undoing": {
      const step = stepNamed(definition, state.step);
      if (step.kind !== "compensable" || step.undo === undefined) return undefined;
      return { ask: step.undo, operationId: id("undo"), patience: step.undoPatience };
    }
    case "compensating.failing":
    case "stuck.failing": {
      const { closing } = definition;
      return closing && { ask: closing.ask, operationId: `${sagaId}/failed`, patience: closing.patience };
    }
    default:
      return undefined;
  }
};

const say = (
  turn: Turn,
  message: AnyCommand | AnyEvent,
  payload: unknown,
  extras: { readonly operationId?: string; readonly replyTo?: string },
): void => {
  const draft = Message.draft(message as AnyCommand, payload, {
    ...extras,
    sagaId: turn.sagaId,
    correlationId: turn.state.correlationId,
    ...(turn.traceparent === undefined ? {} : { traceparent: turn.traceparent }),
  });
  // The saga's version orders what is said under the saga's own key; under another key it would collide with other sagas.
  turn.outputs.push({
    _tag: "Send",
    draft: draft.key === turn.state.key ? { ...draft, orderedBy: turn.sagaId } : draft,
  });
};

/** Sends a command under its operation id and sets the deadline of the answer. */
export const question = (turn: Turn, situation: Situation, attempts: number): void => {
  turn.state.situation = situation;
  turn.state.attempts = attempts;
  const operation = operationOf(turn.definition, turn.sagaId, turn.state);
  if (operation === undefined) throw new Error(`nothing to ask in "${situation}"`);
  const { ask, operationId, patience } = operation;
  say(turn, ask.command, ask.payload(dataOf(turn), contextOf(turn)), { operationId, replyTo: turn.replyTo });
  turn.state.wakeAt = turn.at + waitMillis(patience, attempts);
};

/** Sends a command whose answer nobody reads. */
export const mention = (turn: Turn, ask: AnyAsk, operationId: string): void =>
  say(turn, ask.command, ask.payload(dataOf(turn), contextOf(turn)), { operationId });

export const announce = (turn: Turn, emit: Emit<unknown>): void =>
  say(turn, emit.event, emit.payload(dataOf(turn), contextOf(turn)), {});

export const enter = (turn: Turn, step: Step, state: StepRecord["state"]): void => {
  turn.state.step = step.name;
  turn.state.enteredAt = turn.at;
  const ended = state === "asked" || state === "awaited" ? null : turn.at;
  turn.state.steps.push({ name: step.name, state, attempts: 0, enteredAt: turn.at, endedAt: ended, undo: null });
};

export const leave = (turn: Turn, state: StepRecord["state"]): void => {
  const record = currentRecord(turn);
  record.state = state;
  record.attempts = Math.max(record.attempts, turn.state.attempts);
  record.endedAt = turn.at;
};

export const finish = (turn: Turn, situation: "completed" | "compensated"): void => {
  turn.state.situation = situation;
  turn.state.step = null;
  turn.state.wakeAt = null;
  turn.state.attempts = 0;
  turn.state.early = [];
  turn.state.endedAt = turn.at;
  turn.outputs.push({ _tag: "Ended", status: situation });
};

export const stick = (turn: Turn, situation: Situation & `stuck.${string}`, reason: string): void => {
  turn.state.situation = situation;
  turn.state.stuck = { reason, since: turn.at };
  turn.state.wakeAt = null;
  turn.outputs.push({ _tag: "Stuck", reason });
};

/** The event that a step of this definition may still await, given where the saga stands. */
export const awaitedBy = (
  definition: AnyDefinition,
  state: Pick<SagaState, "situation" | "step">,
  type: string,
): "now" | "later" | undefined => {
  const of = (step: Step): boolean => step.kind === "pivot" && step.awaits.some((one) => one.event.type === type);
  if (state.step === null || isTerminal(statusOf(state.situation))) return undefined;
  switch (state.situation) {
    case "awaiting":
    case "closing.asked":
    case "closing.pending":
    case "stuck.closing":
      return of(stepNamed(definition, state.step)) ? "now" : undefined;
    case "running.before": {
      const index = definition.steps.findIndex((step) => step.name === state.step);
      return definition.steps.slice(index + 1).some(of) ? "later" : undefined;
    }
    default:
      return undefined;
  }
};

export const awaitsOf = (pivot: Pivot, type: string): Awaits<unknown> => {
  const found = pivot.awaits.find((one) => one.event.type === type);
  if (found === undefined) throw new Error(`"${pivot.name}" does not await ${type}`);
  return found;
};
