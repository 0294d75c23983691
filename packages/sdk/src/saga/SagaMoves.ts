/**
 * The moves of a saga: to the next step, past the pivot, and back.
 *
 * Undo before do: a step that was sent counts as done until its refusal is recorded, so a step in doubt is undone as well.
 * Undoing goes in reverse order, one step at a time, each awaited.
 */
import type { Pivot, Step } from "./Step.ts";
import {
  announce,
  awaitsOf,
  contextOf,
  currentRecord,
  dataOf,
  decode,
  enter,
  finish,
  leave,
  question,
  save,
  stepNamed,
  type Turn,
} from "./Turn.ts";

/** Goes to the next step of the line that the saga is on, passing over what its `when` declines. */
export const advance = (turn: Turn): void => {
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

export const settleWith = (turn: Turn, pivot: Pivot, type: string, payload: unknown): "stays" | "goes on" => {
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
export const turnBack = (turn: Turn, reason: string): void => {
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
export const endUndo = (turn: Turn, state: "undone" | "abandoned"): void => {
  const record = currentRecord(turn);
  record.state = state;
  if (record.undo !== null) record.undo = { ...record.undo, attempts: turn.state.attempts, endedAt: turn.at };
  turn.state.stuck = null;
  undoNext(turn);
};
