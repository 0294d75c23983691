/**
 * What the handlers of the transition table do.
 *
 * At the awaited pivot a deadline or a cancellation only asks the arbiter to close; the saga turns back when that answers
 * `closed`, and not before.
 */
import { advance, endUndo, settleWith, turnBack } from "./SagaMoves.ts";
import type { SagaInput } from "./SagaState.ts";
import type { Handler } from "./SagaTable.ts";
import type { Retriable } from "./Step.ts";
import {
  awaitsOf,
  currentPivot,
  currentRecord,
  currentStep,
  dataOf,
  decode,
  decodeReply,
  finish,
  leave,
  mention,
  operationOf,
  question,
  save,
  stick,
  type Turn,
} from "./Turn.ts";

type Answer =
  | { readonly _tag: "Done"; readonly value: unknown }
  | { readonly _tag: "Refused"; readonly reason: unknown };

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

export type Run = (turn: Turn, input: SagaInput) => void;

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
      if (state.round >= pivot.maxRounds)
        return stick(turn, "stuck.closing", `still pending after ${state.round} rounds`);
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

export const handlers: Readonly<Record<Exclude<Handler, "begin" | "rest" | "known" | "unknown" | "unfit">, Run>> = {
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
  abandon: (turn, input) => {
    turn.state.stuck = null;
    leave(turn, "abandoned");
    turnBack(turn, input._tag === "Compensate" ? `given up by ${input.actor}: ${input.note}` : "given up");
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
