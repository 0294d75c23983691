/** Sagas in this process; for tests and simulations. */
import * as Effect from "effect/Effect";
import { maxNamedViolations, type Violation } from "../machine/Audit.ts";
import type { Versioned } from "../machine/Machine.ts";
import * as MachineStore from "../machine/MachineStore.ts";
import type { JournalEntry } from "./SagaJournal.ts";
import { isTerminal, type SagaState, statusOf } from "./SagaState.ts";
import { defaultListLimit, entriesOf, type Filter, type SagaRow, type Store } from "./SagaRows.ts";

export const makeMemory = (): Store => {
  const sagas = new Map<string, Versioned<SagaState>>();
  const journal = new Map<string, Array<JournalEntry>>();
  const rows = (): ReadonlyArray<SagaRow> => [...sagas].map(([id, versioned]) => ({ id, ...versioned }));
  const status = (state: SagaState) => statusOf(state.situation);

  /** Newest first. */
  const before = (a: SagaRow, b: SagaRow): number =>
    b.state.startedAt - a.state.startedAt || (a.id < b.id ? 1 : a.id > b.id ? -1 : 0);
  const matches = (filter: Filter) => (row: SagaRow) =>
    (filter.definition === undefined || row.state.definition === filter.definition) &&
    (filter.status === undefined || status(row.state) === filter.status) &&
    (filter.key === undefined || row.state.key === filter.key) &&
    (filter.after === undefined ||
      row.state.startedAt < filter.after.startedAt ||
      (row.state.startedAt === filter.after.startedAt && row.id < filter.after.id));

  const wrong = ({ state }: SagaRow, overdueBefore: number): string | undefined => {
    if (isTerminal(status(state))) return undefined;
    if (state.stuck !== null) return `stuck: ${state.stuck.reason}`;
    if (state.wakeAt === null) return `${status(state)} without a next wake-up`;
    return state.wakeAt < overdueBefore ? `${status(state)} is overdue` : undefined;
  };

  return {
    states: {
      load: (keys) =>
        Effect.sync(() => {
          const found = new Map<string, Versioned<SagaState>>();
          for (const key of keys) {
            const saga = sagas.get(key);
            if (saga !== undefined) found.set(key, saga);
          }
          return found;
        }),
      write: (group) => [
        MachineStore.memory(() => {
          for (const [id, { after }] of group.changes) sagas.set(id, after);
          for (const entry of entriesOf(group)) {
            const entries = journal.get(entry.sagaId) ?? [];
            entries.push(entry);
            journal.set(entry.sagaId, entries);
          }
        }),
      ],
    },
    due: (now, limit) =>
      Effect.sync(() =>
        rows()
          .filter(({ state }) => state.wakeAt !== null && state.wakeAt <= now)
          .sort((a, b) => (a.state.wakeAt ?? 0) - (b.state.wakeAt ?? 0))
          .slice(0, limit)
          .map(({ id, state }) => ({ id, definition: state.definition, version: state.definitionVersion })),
      ),
    live: Effect.sync(() => {
      const live = rows().filter(({ state }) => state.endedAt === null);
      const uses = live.map(({ state }) => ({ definition: state.definition, version: state.definitionVersion }));
      return [...new Map(uses.map((use) => [`${use.definition}@${use.version}`, use])).values()];
    }),
    find: (id) => Effect.sync(() => rows().find((row) => row.id === id)),
    list: (filter) =>
      Effect.sync(() =>
        rows()
          .filter(matches(filter))
          .sort(before)
          .slice(0, filter.limit ?? defaultListLimit),
      ),
    journals: (ids) =>
      Effect.sync(() => new Map(ids.flatMap((id) => (journal.has(id) ? [[id, journal.get(id) ?? []] as const] : [])))),
    audit: (overdueBefore) =>
      Effect.sync(() => {
        const violations: Array<Violation> = [];
        for (const row of rows()) {
          const what = wrong(row, overdueBefore);
          if (what !== undefined) violations.push({ id: row.id, what });
        }
        return { id: "I7", checked: sagas.size, violations: violations.slice(0, maxNamedViolations) };
      }),
  };
};
