/**
 * What a group commit needs besides states: what it has seen, and what it says.
 *
 * The runtime assembles both into the group's transaction, so no store author writes that SQL again. The outbox room
 * implements them for PostgreSQL and for memory; here they are only shapes, because arrows point at the machine.
 */
import * as Context from "effect/Context";
import type * as Effect from "effect/Effect";
import type { Fragment } from "effect/sql/Statement";
import type { Envelope } from "../message/Envelope.ts";
import type { Identified } from "./Machine.ts";
import type { Read, Write } from "./MachineStore.ts";

/** What is known about an input before it is decided. */
export type Seen =
  /** Its answer is stored; `outcome` is what `submit` stored, null for inputs that nobody waits for. */
  | { readonly _tag: "Answered"; readonly fingerprint: string | null; readonly outcome: unknown }
  /** Its key has a dead letter in front of it: it must wait behind. */
  | { readonly _tag: "Parked" };

/** The row that makes an input happen once. */
export interface InputRow {
  readonly input: Identified<unknown>;
  /** Encoded answer of a submitted input; null when nobody waits for one. */
  readonly outcome: unknown;
  readonly rejected: boolean;
  /** Ids of the messages that this input caused: the evidence that each was published. */
  readonly emitted: ReadonlyArray<string>;
}

/** A message that was taken from the bus but not applied. */
export interface SetAside {
  readonly envelope: Envelope;
  /** What is wrong with it; null for an innocent message behind a poisoned one of its key. */
  readonly reason: string | null;
}

/** A message with its body, serialised once: for the size check and for the row. */
export interface Outgoing {
  readonly envelope: Envelope;
  readonly body: string;
}

/** Remembers inputs per consumer. */
export class InputLog extends Context.Service<
  InputLog,
  {
    /** Inputs that are neither seen nor parked are absent from the answer. */
    readonly look: (consumer: string, inputs: ReadonlyArray<Identified<unknown>>) => Read<ReadonlyMap<string, Seen>>;
    /** True in SQL while no key of these inputs is parked; undefined for a log that is not in a database. */
    readonly unparked?: (consumer: string, inputs: ReadonlyArray<Identified<unknown>>) => Fragment;
    readonly record: (consumer: string, rows: ReadonlyArray<InputRow>) => ReadonlyArray<Write>;
    /**
     * Sets messages aside, in order: poison with its reason, which parks its key, and what must wait behind it. Both
     * kinds count as taken, so the bus may move on.
     */
    readonly setAside: (consumer: string, rows: ReadonlyArray<SetAside>) => ReadonlyArray<Write>;
  }
>()("@destiny/sdk/machine/InputLog") {}

/** Carries messages out, if and only if their group commits. */
export class OutputLog extends Context.Service<
  OutputLog,
  {
    /** Attribute `source` of everything that this database emits. */
    readonly source: string;
    readonly append: (messages: ReadonlyArray<Outgoing>) => ReadonlyArray<Write>;
    /**
     * Called after the commit, outside of it: a `NOTIFY` inside would serialise all commits. `positions` are what the write
     * of `messages` answered; a log in memory has none.
     */
    readonly committed: (messages: ReadonlyArray<Outgoing>, positions: ReadonlyArray<bigint>) => Effect.Effect<void>;
  }
>()("@destiny/sdk/machine/OutputLog") {}
