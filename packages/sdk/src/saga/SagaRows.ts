/** The shape of a store of sagas, apart from the service so that both implementations can name it. */
import type * as Effect from "effect/Effect";
import type { SqlError } from "effect/sql/SqlError";
import type { Finding } from "../machine/Audit.ts";
import type { Group, MachineStore } from "../machine/MachineStore.ts";
import { hashOf, type JournalEntry } from "./SagaJournal.ts";
import type { DefinitionUse } from "./SagaRegistry.ts";
import type { SagaInput, SagaOutput, SagaRejected, SagaState, Status } from "./SagaState.ts";

export interface SagaRow {
  readonly id: string;
  readonly version: number;
  readonly state: SagaState;
}

/** A saga whose wake-up has come, and what it takes to wake it. */
export interface Due extends DefinitionUse {
  readonly id: string;
}

/** A place in the list of sagas, newest first. */
export interface Position {
  readonly startedAt: number;
  readonly id: string;
}

export interface Filter {
  readonly definition?: string | undefined;
  readonly status?: Status | undefined;
  readonly key?: string | undefined;
  /** Only what lies behind it. */
  readonly after?: Position | undefined;
  readonly limit?: number | undefined;
}

export const defaultListLimit = 50;

export type SagaGroup = Group<string, SagaState, SagaInput, SagaOutput, SagaRejected>;

export interface Store {
  readonly states: MachineStore<string, SagaState, SagaInput, SagaOutput, SagaRejected>;
  /** Sagas whose wake-up has come, the longest overdue first. Takes no locks. */
  readonly due: (now: number, limit: number) => Effect.Effect<ReadonlyArray<Due>, SqlError>;
  /** Definitions and versions of all sagas that have not ended. */
  readonly live: Effect.Effect<ReadonlyArray<DefinitionUse>, SqlError>;
  readonly find: (id: string) => Effect.Effect<SagaRow | undefined, SqlError>;
  readonly list: (filter: Filter) => Effect.Effect<ReadonlyArray<SagaRow>, SqlError>;
  /** Whole journals, each in order. */
  readonly journals: (
    ids: ReadonlyArray<string>,
  ) => Effect.Effect<ReadonlyMap<string, ReadonlyArray<JournalEntry>>, SqlError>;
  /** I7: ended, or with a wake-up that is not before `overdueBefore` (UTC epoch milliseconds), and not stuck. */
  readonly audit: (overdueBefore: number) => Effect.Effect<Finding, SqlError>;
}

/** The journal rows of a group: one per input and saga that it changed. */
export const entriesOf = (group: SagaGroup): ReadonlyArray<JournalEntry> =>
  group.applied.flatMap(({ changed, emitted, input, verdict }) =>
    [...changed].map(([sagaId, after]) => ({
      sagaId,
      version: after.version,
      inputId: input.id,
      input: input.input,
      at: input.at,
      outputsHash: hashOf(verdict._tag === "Accepted" ? verdict.outputs : []),
      emitted,
    })),
  );
