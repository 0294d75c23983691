/**
 * The transition table of every saga: (situation, kind of input) -> handler.
 *
 * It is data, so that tests enumerate it and the docs show it. A pair that is not listed cannot happen: a reply, for
 * example, is `Done` or `Refused` only where its operation is the awaited one, and else a `LateReply`.
 */
import type { Situation } from "./SagaState.ts";

export type Kind =
  | "Start"
  /** The awaited operation was done. */
  | "Done"
  /** The awaited operation was refused. */
  | "Refused"
  /** The answer to an operation that is not awaited (now, or any more). */
  | "LateReply"
  /** The current step awaits it. */
  | "Event"
  /** A later step awaits it. */
  | "EarlyEvent"
  /** No remaining step awaits it. */
  | "ForeignEvent"
  | "Due"
  | "NotDue"
  | "Cancel"
  | "Retry"
  | "Skip"
  | "Compensate"
  /** `Compensate` of a saga that only goes forward: it is not taken back, but given up. */
  | "GiveUp";

/** `keep` journals an early event; `ignore` counts; `unknown`, `known` and `unfit` reject; `rest` changes nothing. */
export type Handler =
  | "begin"
  | "proceed"
  | "turnBack"
  | "takePathOrStick"
  | "settle"
  | "keep"
  | "repeatOrGiveUp"
  | "close"
  | "takeClosing"
  | "askAgain"
  | "repeatLater"
  | "undone"
  | "end"
  | "cancelNow"
  | "cancelAtPivot"
  | "cancelLate"
  | "rememberCancel"
  | "retry"
  | "skipStep"
  | "skipUndo"
  | "abandon"
  | "declareClosed"
  | "ignore"
  | "rest"
  | "known"
  | "unknown"
  | "unfit";

export interface Row {
  readonly situation: Situation | "absent";
  readonly kind: Kind;
  readonly handler: Handler;
}

type Cells = Partial<Record<Kind, Handler>>;

const unfit: Cells = { Retry: "unfit", Skip: "unfit", Compensate: "unfit" };
const stray: Cells = { Start: "known", LateReply: "ignore", ForeignEvent: "ignore", NotDue: "rest" };

const cells: Readonly<Record<Situation | "absent", Cells>> = {
  absent: {
    Start: "begin",
    LateReply: "unknown",
    ForeignEvent: "unknown",
    NotDue: "unknown",
    Cancel: "unknown",
    Retry: "unknown",
    Skip: "unknown",
    Compensate: "unknown",
  },
  "running.before": {
    ...stray,
    ...unfit,
    Done: "proceed",
    Refused: "turnBack",
    EarlyEvent: "keep",
    Due: "repeatOrGiveUp",
    Cancel: "cancelNow",
  },
  "running.after": {
    ...stray,
    ...unfit,
    Done: "proceed",
    Refused: "takePathOrStick",
    Due: "repeatOrGiveUp",
    Cancel: "cancelLate",
  },
  awaiting: { ...stray, ...unfit, Event: "settle", Due: "close", Cancel: "cancelAtPivot" },
  "closing.asked": {
    ...stray,
    ...unfit,
    Done: "takeClosing",
    Refused: "repeatLater",
    Event: "settle",
    Due: "repeatOrGiveUp",
    Cancel: "rememberCancel",
  },
  "closing.pending": { ...stray, ...unfit, Event: "settle", Due: "askAgain", Cancel: "rememberCancel" },
  "compensating.undoing": {
    ...stray,
    ...unfit,
    Done: "undone",
    Refused: "repeatLater",
    Due: "repeatOrGiveUp",
    Cancel: "rememberCancel",
  },
  "compensating.failing": {
    ...stray,
    ...unfit,
    Done: "end",
    Refused: "repeatLater",
    Due: "repeatOrGiveUp",
    Cancel: "rememberCancel",
  },
  // An answer that comes after the saga gave up on it is as good as ever: the saga goes on by itself.
  "stuck.after": {
    ...stray,
    Done: "proceed",
    Refused: "takePathOrStick",
    Cancel: "cancelLate",
    Retry: "retry",
    Skip: "skipStep",
    Compensate: "unfit",
    GiveUp: "abandon",
  },
  "stuck.closing": {
    ...stray,
    Done: "takeClosing",
    Refused: "ignore",
    Event: "settle",
    Cancel: "rememberCancel",
    Retry: "retry",
    Skip: "unfit",
    Compensate: "declareClosed",
  },
  "stuck.undoing": {
    ...stray,
    Done: "undone",
    Refused: "ignore",
    Cancel: "rememberCancel",
    Retry: "retry",
    Skip: "skipUndo",
    Compensate: "unfit",
  },
  "stuck.failing": {
    ...stray,
    Done: "end",
    Refused: "ignore",
    Cancel: "rememberCancel",
    Retry: "retry",
    Skip: "end",
    Compensate: "unfit",
  },
  completed: { ...stray, ...unfit, Cancel: "cancelLate" },
  compensated: { ...stray, ...unfit, Cancel: "rememberCancel" },
};

export const table: ReadonlyArray<Row> = (Object.keys(cells) as Array<Situation | "absent">).flatMap((situation) =>
  (Object.entries(cells[situation]) as Array<[Kind, Handler]>).map(([kind, handler]) => ({ situation, kind, handler })),
);

export const handlerOf = (situation: Situation | "absent", kind: Kind): Handler | undefined => cells[situation][kind];

/** The table in Markdown, for the docs. */
export const toMarkdown = (): string =>
  [
    "| situation | input | handler |",
    "|---|---|---|",
    ...table.map(({ handler, kind, situation }) => `| ${situation} | ${kind} | ${handler} |`),
  ].join("\n");
