/**
 * The pure machine of all sagas: looks the handler up in the transition table and runs it on a draft of the state.
 *
 * Undo before do: a step that was sent counts as done until its refusal is recorded, so a step in doubt is undone as well.
 * Undoing goes in reverse order, one step at a time, each awaited. At the awaited pivot a deadline or a cancellation only
 * asks the arbiter to close; the saga turns back when that answers `closed`, and not before.
 */
import { accept, type Identified, type Machine, reject, type Verdict } from "../machine/Machine.ts";
import type { SagaRegistry } from "./SagaRegistry.ts";
import {
  AlreadyStarted,
  NotApplicable,
  type SagaInput,
  type SagaOutput,
  SagaRejected,
  type SagaState,
  UnknownSaga,
} from "./SagaState.ts";
import { type Handler, handlerOf, type Kind } from "./SagaTable.ts";
import type { Pivot, Retriable, Step } from "./Step.ts";
import {
  announce,
  awaitedBy,
  awaitsOf,
  contextOf,
  currentPivot,
  currentRecord,
  currentStep,
  dataOf,
  decode,
  decodeReply,
  enter,
  finish,
  leave,
  mention,
  operationOf,
  question,
  save,
  stepNamed,
  stick,
  type Turn,
} from "./Turn.ts";

export interface Options {
  readonly registry: SagaRegistry;
  /** Name of the topic where answers to the sagas' commands arrive. */
  readonly replyTo: string;
}

type Decision = Verdict<string, SagaState, SagaOutput, SagaRejected>;
type Answer = { readonly _tag: "Done"; readonly value: unknown } | { readonly _tag: "Refused"; readonly reason: unknown };

/** What the input is to a saga that stands as `state` says. */
export const kindOf = (
  registry: SagaRegistry,
  state: SagaState | undefined,
  { at, input }: Identified<SagaInput>,
): Kind => {
  switch (input._tag) {
    case "Reply": {
      if (state === undefined) return "LateReply";
      const operation = operationOf(known(registry, state), input.sagaId, state);
      if (operation?.operationId !== input.operationId) return "LateReply";
      return decodeReply(operation.ask.command, input.reply)._tag;
    }
    case "Event": {
      const when = state && awaitedBy(known(registry, state), state, input.type);
      return when === undefined ? "ForeignEvent" : when === "now" ? "Event" : "EarlyEvent";
    }
    case "Due":
      return state !== undefined && state.wakeAt !== null && state.wakeAt <= at ? "Due" : "NotDue";
    default:
      return input._tag;
  }
};

const known = (registry: SagaRegistry, state: SagaState) => {
  const definition = registry.find(state.definition, state.definitionVersion);
  if (definition === undefined) throw new Error(`${state.definition} version ${state.definitionVersion} is unknown`);
  return definition;
};

/** Goes to the next step of the line that the saga is on, passing over what its `when` declines. */
const advance = (turn: Turn): void => {
  const { state } = turn;
  const { steps } = turn.definition;
  const from = state.step === null ? -1 : steps.findIndex((step) => step.name === state.step);
  for (const step of steps.slice(from + 1)) {
    if (step.path !== state.path) continue;
    if (visit(turn, step) === "stays") return;
  }
  finish(turn, "completed");
};

const visit = (turn: Turn, step: Step): "stays" | "goes on" => {
  if (step.when !== undefined && !step.when(dataOf(turn))) {
    enter(turn, step, "skipped");
    return "goes on";
  }
  switch (step.kind) {
    case "tell":
      enter(turn, step, "done");
      announce(turn, step.emit);
      return "goes on";
    case "pivot":
      return waitAt(turn, step);
    case "retriable":
      enter(turn, step, "asked");
      question(turn, "running.after", 1);
      return "stays";
    default:
      enter(turn, step, "asked");
      question(turn, "running.before", 1);
      return "stays";
  }
};

const waitAt = (turn: Turn, pivot: Pivot): "stays" | "goes on" => {
  const { state } = turn;
  enter(turn, pivot, "awaited");
  state.situation = "awaiting";
  state.attempts = 0;
  state.round = 0;
  const [early] = state.early;
  state.early = [];
  if (early !== undefined) {
    const awaited = awaitsOf(pivot, early.type);
    return settleWith(turn, pivot, early.type, decode(awaited.event.payload, early.payload));
  }
  state.wakeAt = Math.max(turn.at, pivot.until(dataOf(turn), contextOf(turn)));
  return "stays";
};

const settleWith = (turn: Turn, pivot: Pivot, type: string, payload: unknown): "stays" | "goes on" => {
  const { state } = turn;
  const awaited = awaitsOf(pivot, type);
  save(turn, awaited.save(dataOf(turn), payload));
  state.stuck = null;
  const failed = awaited.fails(payload);
  leave(turn, failed === undefined ? "done" : "refused");
  if (failed !== undefined) {
    turnBack(turn, failed);
    return "stays";
  }
  if (state.cancelled !== null) turn.outputs.push({ _tag: "CancelAfterPivot", reason: state.cancelled.reason });
  return "goes on";
};

/** Begins to undo. A cancellation, once asked for, is the reason that is given. */
const turnBack = (turn: Turn, reason: string): void => {
  const { cancelled } = turn.state;
  turn.state.failure = {
    reason: cancelled?.reason ?? reason,
    step: turn.state.step ?? "",
    cancelled: cancelled !== null,
  };
  turn.state.early = [];
  undoNext(turn);
};

const undoNext = (turn: Turn): void => {
  const { state } = turn;
  const record = state.steps.findLast(
    ({ name, state }) =>
      (state === "asked" || state === "done") && stepNamed(turn.definition, name).kind === "compensable",
  );
  state.enteredAt = turn.at;
  if (record !== undefined) {
    record.state = "undoing";
    record.undo = { attempts: 0, enteredAt: turn.at, endedAt: null };
    state.step = record.name;
    question(turn, "compensating.undoing", 1);
    return;
  }
  state.step = null;
  if (turn.definition.closing === undefined) finish(turn, "compensated");
  else question(turn, "compensating.failing", 1);
};

/** Ends the undoing of the current step. */
const endUndo = (turn: Turn, state: "undone" | "abandoned"): void => {
  const record = currentRecord(turn);
  record.state = state;
  if (record.undo !== null) record.undo = { ...record.undo, attempts: turn.state.attempts, endedAt: turn.at };
  turn.state.stuck = null;
  undoNext(turn);
};

/** Where a saga gets stuck that gave up asking. Before the point of no return it turns back instead. */
const stuckIn = {
  "running.after": "stuck.after",
  "closing.asked": "stuck.closing",
  "compensating.undoing": "stuck.undoing",
  "compensating.failing": "stuck.failing",
} as const;
const unstuck = {
  "stuck.after": "running.after",
  "stuck.closing": "closing.asked",
  "stuck.undoing": "compensating.undoing",
  "stuck.failing": "compensating.failing",
} as const;

const giveUp = (turn: Turn, why: string): void => {
  const { situation } = turn.state;
  if (situation in stuckIn) stick(turn, stuckIn[situation as keyof typeof stuckIn], why);
  else {
    currentRecord(turn).attempts = turn.state.attempts;
    turnBack(turn, "NO_ANSWER");
  }
};

const maxAttempts = (turn: Turn): number =>
  operationOf(turn.definition, turn.sagaId, turn.state)?.patience.maxAttempts ?? 0;

type Run = (turn: Turn, input: SagaInput) => void;

const answerOf = (turn: Turn, input: SagaInput): Answer => {
  const operation = operationOf(turn.definition, turn.sagaId, turn.state);
  if (input._tag !== "Reply" || operation === undefined) throw new Error(`${input._tag} is no answer`);
  return decodeReply(operation.ask.command, input.reply);
};

const valueOf = (turn: Turn, input: SagaInput): unknown => {
  const answer = answerOf(turn, input);
  return answer._tag === "Done" ? answer.value : undefined;
};

const refusalOf = (turn: Turn, input: SagaInput): unknown => {
  const answer = answerOf(turn, input);
  return answer._tag === "Refused" ? answer.reason : undefined;
};

/** The arbiter's word at the pivot. */
const takeClosing: Run = (turn, input) => {
  const pivot = currentPivot(turn);
  const { state } = turn;
  const value = valueOf(turn, input);
  const answer = pivot.answer(value);
  save(turn, pivot.close.save(dataOf(turn), value));
  state.stuck = null;
  switch (answer._tag) {
    case "Closed":
      leave(turn, "closed");
      return turnBack(turn, pivot.expired);
    case "Settled":
      return settleWith(turn, pivot, answer.event.type, answer.payload) === "goes on" ? advance(turn) : undefined;
    case "Pending": {
      state.round += 1;
      if (state.round >= pivot.maxRounds) return stick(turn, "stuck.closing", `still pending after ${state.round} rounds`);
      if (pivot.extend !== undefined) mention(turn, pivot.extend, `${turn.sagaId}/${pivot.name}/extend/${state.round}`);
      state.situation = "closing.pending";
      state.wakeAt = turn.at + pivot.againMillis;
    }
  }
};

const startClosing = (turn: Turn): void => {
  turn.state.enteredAt = turn.at;
  question(turn, "closing.asked", 1);
};

const remember: Run = (turn, input) => {
  if (input._tag === "Cancel") turn.state.cancelled ??= { reason: input.reason, at: turn.at };
};

const handlers: Readonly<Record<Exclude<Handler, "begin" | "rest" | "known" | "unknown" | "unfit">, Run>> = {
  proceed: (turn, input) => {
    const step = currentStep(turn);
    if ("ask" in step) save(turn, step.ask.save(dataOf(turn), valueOf(turn, input)));
    turn.state.stuck = null;
    leave(turn, "done");
    advance(turn);
  },
  turnBack: (turn, input) => {
    const step = currentStep(turn);
    const reason = "undo" in step ? step.refused(refusalOf(turn, input)) : step.name;
    leave(turn, "refused");
    turnBack(turn, reason);
  },
  takePathOrStick: (turn, input) => {
    const refusal = refusalOf(turn, input);
    const path = (currentStep(turn) as Retriable).refused(refusal);
    if (path === undefined) return stick(turn, "stuck.after", `refused: ${JSON.stringify(refusal)}`);
    turn.state.stuck = null;
    leave(turn, "refused");
    turn.state.path = path;
    advance(turn);
  },
  settle: (turn, input) => {
    if (input._tag !== "Event") return;
    const pivot = currentPivot(turn);
    const payload = decode(awaitsOf(pivot, input.type).event.payload, input.payload);
    if (settleWith(turn, pivot, input.type, payload) === "goes on") advance(turn);
  },
  keep: (turn, input) => {
    if (input._tag !== "Event") return;
    turn.state.early = [...turn.state.early, { type: input.type, payload: input.payload }];
  },
  repeatOrGiveUp: (turn) => {
    const { attempts, situation } = turn.state;
    if (attempts < maxAttempts(turn)) question(turn, situation, attempts + 1);
    else giveUp(turn, `no answer after ${attempts} attempts`);
  },
  close: startClosing,
  takeClosing,
  askAgain: startClosing,
  repeatLater: (turn, input) => {
    // The deadline of the refused attempt stays: it is the pause before the next one.
    if (turn.state.attempts >= maxAttempts(turn)) giveUp(turn, `refused: ${JSON.stringify(refusalOf(turn, input))}`);
  },
  undone: (turn, input) => {
    const step = currentStep(turn);
    if (step.kind === "compensable" && step.undo !== undefined)
      save(turn, step.undo.save(dataOf(turn), valueOf(turn, input)));
    endUndo(turn, "undone");
  },
  end: (turn) => {
    turn.state.stuck = null;
    finish(turn, "compensated");
  },
  cancelNow: (turn, input) => {
    remember(turn, input);
    // What was settled already is past the pivot, even if its step was not entered yet.
    if (turn.state.early.length > 0) return;
    currentRecord(turn).attempts = turn.state.attempts;
    turnBack(turn, "CANCELLED");
  },
  cancelAtPivot: (turn, input) => {
    remember(turn, input);
    startClosing(turn);
  },
  cancelLate: (turn, input) => {
    if (turn.state.cancelled === null && input._tag === "Cancel")
      turn.outputs.push({ _tag: "CancelAfterPivot", reason: input.reason });
    remember(turn, input);
  },
  rememberCancel: remember,
  retry: (turn) => {
    turn.state.stuck = null;
    question(turn, unstuck[turn.state.situation as keyof typeof unstuck], 1);
  },
  skipStep: (turn) => {
    turn.state.stuck = null;
    leave(turn, "skipped");
    advance(turn);
  },
  skipUndo: (turn) => endUndo(turn, "abandoned"),
  declareClosed: (turn) => {
    turn.state.stuck = null;
    leave(turn, "closed");
    turnBack(turn, currentPivot(turn).expired);
  },
  ignore: (turn) => {
    turn.state.ignored += 1;
  },
};

const begin = (options: Options, { at, input }: Identified<SagaInput>): Decision => {
  if (input._tag !== "Start") throw new Error(`${input._tag} does not start a saga`);
  const definition = options.registry.find(input.definition, input.version);
  if (definition === undefined) throw new Error(`${input.definition} version ${input.version} is unknown`);
  const turn: Turn = {
    definition,
    sagaId: input.sagaId,
    at,
    replyTo: options.replyTo,
    traceparent: undefined,
    outputs: [],
    state: {
      definition: definition.name,
      definitionVersion: definition.version,
      key: input.key,
      situation: "running.before",
      step: null,
      path: "",
      data: null,
      steps: [],
      early: [],
      attempts: 0,
      enteredAt: at,
      round: 0,
      wakeAt: null,
      cancelled: null,
      failure: null,
      stuck: null,
      ignored: 0,
      correlationId: input.correlationId ?? input.sagaId,
      traceparent: input.traceparent,
      startedAt: at,
      endedAt: null,
    },
  };
  save(turn, definition.begin(decode(definition.input, input.input)));
  advance(turn);
  return accept([[input.sagaId, turn.state]], turn.outputs);
};

const run = (options: Options, state: SagaState, identified: Identified<SagaInput>, handler: Run): Decision => {
  const { at, input } = identified;
  const turn: Turn = {
    definition: known(options.registry, state),
    sagaId: input.sagaId,
    at,
    replyTo: options.replyTo,
    traceparent: input._tag === "Due" ? (state.traceparent ?? undefined) : undefined,
    outputs: [],
    state: { ...state, steps: state.steps.map((record) => ({ ...record })) },
  };
  handler(turn, input);
  return accept([[input.sagaId, turn.state]], turn.outputs);
};

export const make = (options: Options): Machine<string, SagaState, SagaInput, SagaOutput, SagaRejected> => ({
  name: "saga",
  keys: (input) => [input.sagaId],
  decide: (view, identified): Decision => {
    const { input } = identified;
    const { sagaId } = input;
    const state = view.get(sagaId);
    const situation = state?.situation ?? "absent";
    const kind = kindOf(options.registry, state, identified);
    const handler = handlerOf(situation, kind);
    switch (handler) {
      case undefined:
        throw new Error(`${kind} cannot happen while a saga is ${situation}`);
      case "begin":
        return begin(options, identified);
      case "rest":
        return accept<string, SagaState, SagaOutput>([], []);
      case "unknown":
        return reject(new SagaRejected({ reason: new UnknownSaga({ sagaId }) }));
      case "known":
        return reject(new SagaRejected({ reason: new AlreadyStarted({ sagaId }) }));
      case "unfit":
        return reject(new SagaRejected({ reason: new NotApplicable({ sagaId, action: input._tag, situation }) }));
      default:
        if (state === undefined) throw new Error(`${handler} needs a saga`);
        return run(options, state, identified, handlers[handler]);
    }
  },
});
