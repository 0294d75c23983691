/**
 * What happened to sagas: one in detail, many as a list, and whether a journal still replays to what was recorded.
 *
 * Reads only. `replayAll` is the evidence for "every finished saga's journal replays to the same result".
 */
import * as Effect from "effect/Effect";
import type { SqlError } from "effect/sql/SqlError";
import { type Finding, maxNamedViolations, type Violation } from "../machine/Audit.ts";
import { type JournalEntry, type Replayed, replay } from "./SagaJournal.ts";
import type { Options } from "./SagaMachine.ts";
import { type SagaState, type Status, statusOf, type StepRecord } from "./SagaState.ts";
import { defaultListLimit, type Filter, type Position, type SagaRow, SagaStore } from "./SagaStore.ts";

/** A saga in a list. Times are UTC epoch milliseconds. */
export interface Summary {
  readonly id: string;
  readonly definition: string;
  readonly definitionVersion: number;
  readonly key: string;
  /** What it was started with, and what it has learnt since. */
  readonly data: unknown;
  readonly status: Status;
  readonly step: string | null;
  readonly nextWakeAt: number | null;
  readonly startedAt: number;
  readonly endedAt: number | null;
  readonly failure: SagaState["failure"];
  readonly cancelled: SagaState["cancelled"];
  readonly stuck: SagaState["stuck"];
}

export interface StepHistory extends StepRecord {
  /** null while the step runs. */
  readonly durationMillis: number | null;
}

export interface History extends Summary {
  readonly version: number;
  /** The forward path that it took; empty on the main line. */
  readonly path: string;
  readonly ignored: number;
  readonly steps: ReadonlyArray<StepHistory>;
  readonly journal: ReadonlyArray<{
    readonly version: number;
    readonly inputId: string;
    readonly kind: string;
    readonly at: number;
    readonly emitted: ReadonlyArray<string>;
    /** The operator behind it, and what they noted. */
    readonly by: { readonly actor: string; readonly note: string } | null;
  }>;
}

const summaryOf = ({ id, state }: SagaRow): Summary => ({
  id,
  definition: state.definition,
  definitionVersion: state.definitionVersion,
  key: state.key,
  data: state.data,
  status: statusOf(state.situation),
  step: state.step,
  nextWakeAt: state.wakeAt,
  startedAt: state.startedAt,
  endedAt: state.endedAt,
  failure: state.failure,
  cancelled: state.cancelled,
  stuck: state.stuck,
});

const duration = (from: number, to: number | null): number | null => (to === null ? null : to - from);

/** One saga, its steps with their durations, and its journal; undefined when there is none of that id. */
export const history = Effect.fn("SagaHistory.history")(function* (
  id: string,
): Effect.fn.Return<History | undefined, SqlError, SagaStore> {
  const store = yield* SagaStore;
  const row = yield* store.find(id);
  if (row === undefined) return undefined;
  const entries = (yield* store.journals([id])).get(id) ?? [];
  return {
    ...summaryOf(row),
    version: row.version,
    path: row.state.path,
    ignored: row.state.ignored,
    steps: row.state.steps.map((step) => ({ ...step, durationMillis: duration(step.enteredAt, step.endedAt) })),
    journal: entries.map(({ at, emitted, input, inputId, version }) => ({
      version,
      inputId,
      kind: input._tag,
      at,
      emitted,
      by: "actor" in input ? { actor: input.actor, note: input.note } : null,
    })),
  };
});

export interface SagaList {
  readonly items: ReadonlyArray<Summary>;
  /** Where the next page begins; null on the last. */
  readonly next: Position | null;
}

/** Newest first, by a position that stays valid while sagas are added. */
export const list = Effect.fn("SagaHistory.list")(function* (
  filter: Filter = {},
): Effect.fn.Return<SagaList, SqlError, SagaStore> {
  const limit = filter.limit ?? defaultListLimit;
  const rows = yield* (yield* SagaStore).list({ ...filter, limit: limit + 1 });
  const items = rows.slice(0, limit).map(summaryOf);
  const last = items.at(-1);
  return {
    items,
    next: rows.length > limit && last !== undefined ? { startedAt: last.startedAt, id: last.id } : null,
  };
});

/** The journal was read after the row, so it may already be ahead of it. */
const replayRow = (options: Options, row: SagaRow, entries: ReadonlyArray<JournalEntry> = []): Replayed =>
  replay(
    options,
    entries.filter((entry) => entry.version <= row.version),
    row.state,
  );

/** Decides one journal again with the current code; undefined when there is no such saga. */
export const replayOne = Effect.fn("SagaHistory.replayOne")(function* (
  options: Options,
  id: string,
): Effect.fn.Return<Replayed | undefined, SqlError, SagaStore> {
  const store = yield* SagaStore;
  const row = yield* store.find(id);
  if (row === undefined) return undefined;
  return replayRow(options, row, (yield* store.journals([id])).get(id));
});

const pageSagas = 200;

/** I12. `which: "live"` checks running sagas against new code before a deploy instead. */
export const replayAll = Effect.fn("SagaHistory.replayAll")(function* (
  options: Options,
  which: "finished" | "live" = "finished",
): Effect.fn.Return<Finding, SqlError, SagaStore> {
  const store = yield* SagaStore;
  const violations: Array<Violation> = [];
  let checked = 0;
  let after: Position | undefined;
  for (;;) {
    const rows = yield* store.list({ after, limit: pageSagas });
    const wanted = rows.filter(({ state }) => (state.endedAt === null) === (which === "live"));
    const journals = yield* store.journals(wanted.map((row) => row.id));
    for (const row of wanted) {
      checked++;
      const result = replayRow(options, row, journals.get(row.id));
      if (result._tag !== "Differs" || violations.length >= maxNamedViolations) continue;
      // Its journal may be gone because it went meanwhile, kept long enough.
      if ((yield* store.find(row.id)) === undefined) continue;
      violations.push({ id: row.id, what: `version ${result.version}: ${result.what}` });
    }
    const last = rows.at(-1);
    if (last === undefined || rows.length < pageSagas) return { id: "I12", checked, violations };
    after = { startedAt: last.state.startedAt, id: last.id };
  }
});
