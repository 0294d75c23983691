/**
 * The journal of a saga, and its replay: the same inputs through the current code must say the same again.
 *
 * A row's hash covers what was decided, never when or under which message id it was sent, so it is equal on every replay.
 */
import { createHash } from "node:crypto";
import type { Identified, View } from "../machine/Machine.ts";
import * as SagaMachine from "./SagaMachine.ts";
import type { SagaInput, SagaOutput, SagaState } from "./SagaState.ts";

export interface JournalEntry {
  readonly sagaId: string;
  /** Version of the saga after the input: 1, 2, … without gaps. */
  readonly version: number;
  readonly inputId: string;
  readonly input: SagaInput;
  /** UTC epoch milliseconds. */
  readonly at: number;
  readonly outputsHash: string;
  /** Ids of the messages that the input caused. */
  readonly emitted: ReadonlyArray<string>;
}

/** The same text for equal JSON, whatever the order of its keys: the database does not keep it. */
export const canonical = (value: unknown): string =>
  JSON.stringify(value, (_, part: unknown) =>
    typeof part === "object" && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );

export const hashOf = (outputs: ReadonlyArray<SagaOutput>): string =>
  createHash("sha256").update(canonical(outputs)).digest("hex").slice(0, 32);

export type Replayed =
  | { readonly _tag: "Same"; readonly entries: number }
  /** The first row whose replay differs from what was recorded. */
  | { readonly _tag: "Differs"; readonly version: number; readonly what: string };

/** Decides a journal again, from nothing, and compares every row and the state at its end. */
export const replay = (
  options: SagaMachine.Options,
  entries: ReadonlyArray<JournalEntry>,
  recorded: SagaState,
): Replayed => {
  const machine = SagaMachine.make(options);
  let state: SagaState | undefined;
  let version = 0;
  const view: View<string, SagaState> = { get: () => state, version: () => version };
  for (const entry of entries) {
    const differs = (what: string): Replayed => ({ _tag: "Differs", version: entry.version, what });
    if (entry.version !== version + 1) return differs(`version ${version} is followed by ${entry.version}`);
    const input: Identified<SagaInput> = { id: entry.inputId, at: entry.at, input: entry.input };
    try {
      const verdict = machine.decide(view, input);
      const hash = hashOf(verdict._tag === "Accepted" ? verdict.outputs : []);
      if (hash !== entry.outputsHash) return differs(`${entry.input._tag} now says something else`);
      const after = verdict.changes.get(entry.sagaId);
      if (after === undefined) return differs(`${entry.input._tag} no longer changes the saga`);
      state = after;
      version = entry.version;
    } catch (defect) {
      return differs(`${entry.input._tag} is no longer possible: ${String(defect)}`);
    }
  }
  if (state === undefined || canonical(state) !== canonical(recorded))
    return { _tag: "Differs", version, what: "the state at the end is not the recorded one" };
  return { _tag: "Same", entries: entries.length };
};
