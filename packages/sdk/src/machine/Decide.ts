/**
 * One pass of a group, pure: decides each input in order against the running view, and collects the writes.
 *
 * It keeps nothing: after a failed attempt the same inputs can be decided again from what the database then says. Where the
 * states come from is the business of `Ways`.
 */
import { type Draft, type Envelope, maxOrdinal, sequenceOf } from "../message/Envelope.ts";
import type { Ids } from "../message/Ids.ts";
import type { Identified, Machine, Verdict, Versioned, View } from "./Machine.ts";
import type { Applied, Change, MachineStore, Write } from "./MachineStore.ts";
import type { InputLog, InputRow, OutputLog, Outgoing, Seen, SetAside } from "./Ports.ts";

/** What became of one input. */
export type Fate<Output, Rejection> =
  | { readonly _tag: "Decided"; readonly outputs: ReadonlyArray<Output> }
  | { readonly _tag: "Refused"; readonly rejection: Rejection }
  /** Seen before: the stored answer, still encoded (null when it was never awaited). */
  | { readonly _tag: "Repeated"; readonly outcome: unknown }
  | { readonly _tag: "Reused" }
  | { readonly _tag: "Parked" }
  | { readonly _tag: "Poisoned"; readonly why: string };

export interface Entry<Input> {
  readonly input: Identified<Input>;
  /** Somebody waits for the answer, so it is stored with the input. */
  readonly awaited: boolean;
  /** Set when the message could not be read; it is poison without being decided. */
  readonly unreadable?: string | undefined;
  /** A dead letter that is tried again: its own parked key does not stop it. */
  readonly redrive?: true | undefined;
}

export interface Parts<Key extends string, State, Input, Output, Rejection> {
  readonly consumer: string;
  readonly machine: Machine<Key, State, Input, Output, Rejection>;
  readonly store: MachineStore<Key, State, Input, Output, Rejection>;
  readonly emit: (decided: Decided<Key, Input, Output, Rejection>) => ReadonlyArray<Draft>;
  readonly encode: (verdict: Verdict<never, never, Output, Rejection>) => unknown;
  readonly inputs: InputLog["Service"];
  readonly outputs: OutputLog["Service"];
  readonly ids: Ids;
  readonly maxMessageBytes: number;
}

/** What `emit` sees of a decision. */
export interface Decided<Key extends string, Input, Output, Rejection> {
  readonly input: Identified<Input>;
  readonly verdict: Verdict<Key, unknown, Output, Rejection>;
  /** Version of a key after this decision. */
  readonly version: (key: Key) => number;
}

const describe = (defect: unknown): string =>
  defect instanceof Error ? `${defect.name}: ${defect.message}` : String(defect);

export interface Decision<Key extends string, State, Output, Rejection> {
  readonly fates: ReadonlyArray<Fate<Output, Rejection>>;
  readonly writes: ReadonlyArray<Write>;
  readonly messages: ReadonlyArray<Outgoing>;
  /** What the group read and what it changed, as they stand when it is committed. */
  readonly states: ReadonlyMap<Key, Versioned<State>>;
  /** Some input is poison or waits behind poison. */
  readonly troubled: boolean;
}

/** A view of states, those that are there. */
export const viewOf = <Key extends string, State>(states: ReadonlyMap<Key, Versioned<State>>): View<Key, State> => ({
  get: (key) => states.get(key)?.state,
  version: (key) => states.get(key)?.version ?? 0,
});

export const decideGroup = <Key extends string, State, Input, Output, Rejection>(
  parts: Parts<Key, State, Input, Output, Rejection>,
  entries: ReadonlyArray<Entry<Input>>,
  before: ReadonlyMap<Key, Versioned<State>>,
  seen: ReadonlyMap<string, Seen>,
): Decision<Key, State, Output, Rejection> => {
  const { machine, store } = parts;
  const { more } = machine;
  const states = new Map(before);
  const view = viewOf(states);

  const applied: Array<Applied<Key, State, Input, Output, Rejection>> = [];
  const rows: Array<InputRow> = [];
  const outgoing: Array<Outgoing> = [];
  const aside: Array<SetAside> = [];
  const parked = new Set<string>();
  const changedKeys = new Set<Key>();
  const fates = new Map<string, Fate<Output, Rejection>>();

  const setAside = (input: Identified<Input>, reason: string | null): void => {
    if (input.envelope === undefined) return;
    aside.push({ envelope: input.envelope, reason });
    parked.add(input.envelope.key);
  };

  const decide = ({ awaited, input, redrive, unreadable }: Entry<Input>): Fate<Output, Rejection> => {
    const known = seen.get(input.id);
    if (known?._tag === "Answered") {
      const reused =
        known.fingerprint !== null && input.fingerprint !== undefined && known.fingerprint !== input.fingerprint;
      return reused ? { _tag: "Reused" } : { _tag: "Repeated", outcome: known.outcome };
    }
    const waits = redrive !== true && known?._tag === "Parked";
    if (waits || (input.envelope !== undefined && parked.has(input.envelope.key))) {
      setAside(input, null);
      return { _tag: "Parked" };
    }
    const poison = (why: string): Fate<Output, Rejection> => {
      setAside(input, why);
      return { _tag: "Poisoned", why };
    };
    if (unreadable !== undefined) return poison(unreadable);
    try {
      const verdict = machine.decide(view, input);
      const keys = [...machine.keys(input.input), ...(more === undefined ? [] : more(view, input.input))];
      const readAt = new Map(keys.map((key) => [key, view.version(key)] as const));
      const changed = new Map<Key, Versioned<State>>();
      for (const [key, state] of verdict.changes) changed.set(key, { version: view.version(key) + 1, state });
      const version = (key: Key): number => changed.get(key)?.version ?? view.version(key);
      const messages = address(parts, input, parts.emit({ input, verdict, version }), version);
      const outcome = awaited ? parts.encode(verdict as Verdict<never, never, Output, Rejection>) : null;

      // Nothing was moved so far: an input that throws leaves the view as it found it.
      for (const [key, state] of changed) {
        states.set(key, state);
        changedKeys.add(key);
      }
      outgoing.push(...messages);
      const emitted = messages.map((message) => message.envelope.id);
      applied.push({ input, verdict, readAt: (key) => readAt.get(key) ?? 0, changed, emitted });
      rows.push({ input, outcome, rejected: verdict._tag === "Rejected", emitted });
      return verdict._tag === "Accepted"
        ? { _tag: "Decided", outputs: verdict.outputs }
        : { _tag: "Refused", rejection: verdict.rejection };
    } catch (defect) {
      return poison(describe(defect));
    }
  };

  const answers = entries.map((entry) => {
    const twin = fates.get(entry.input.id);
    const fate = twin ?? decide(entry);
    if (twin === undefined) fates.set(entry.input.id, fate);
    return fate;
  });

  const changes = new Map<Key, Change<State>>();
  for (const key of [...changedKeys].sort()) {
    const after = states.get(key);
    if (after !== undefined) changes.set(key, { before: before.get(key), after });
  }
  const writes = [
    ...(applied.length === 0 ? [] : store.write({ changes, applied })),
    ...(rows.length === 0 ? [] : parts.inputs.record(parts.consumer, rows)),
    ...(aside.length === 0 ? [] : parts.inputs.setAside(parts.consumer, aside)),
    ...(outgoing.length === 0 ? [] : parts.outputs.append(outgoing)),
  ];
  const troubled = answers.some(({ _tag }) => _tag === "Poisoned" || _tag === "Parked");
  return { fates: answers, writes, messages: outgoing, states, troubled };
};

/** Gives drafts identity, source, time, order and causality. @throws when one is too large or there are too many. */
const address = <Key extends string, Input>(
  parts: Pick<Parts<Key, never, Input, never, never>, "ids" | "outputs" | "maxMessageBytes">,
  input: Identified<Input>,
  drafts: ReadonlyArray<Draft>,
  version: (key: Key) => number,
): ReadonlyArray<Outgoing> => {
  if (drafts.length >= maxOrdinal)
    throw new RangeError(`one input emitted ${drafts.length} messages, at most ${maxOrdinal - 1}`);
  const trace = input.envelope?.traceparent ?? input.traceparent;
  return drafts.map((draft, ordinal) => {
    const { orderedBy, ...message } = draft;
    const envelope: Envelope = {
      ...message,
      id: parts.ids.next(input.at),
      source: parts.outputs.source,
      time: input.at,
      correlationId: draft.correlationId ?? input.envelope?.correlationId ?? input.id,
      causationId: input.id,
      ...(orderedBy === undefined ? {} : { sequence: sequenceOf(version(orderedBy as Key), ordinal) }),
      ...(draft.traceparent === undefined && trace !== undefined ? { traceparent: trace } : {}),
    };
    const body = JSON.stringify(envelope.data);
    const bytes = Buffer.byteLength(body);
    if (bytes > parts.maxMessageBytes) {
      throw new RangeError(`${draft.type} has ${bytes} bytes, at most ${parts.maxMessageBytes} fit a message`);
    }
    return { envelope, body };
  });
};
