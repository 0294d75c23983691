/**
 * The definitions that a process can run, and the messages that concern them.
 *
 * An event type belongs to one definition: a message is one input of one saga. All versions of a definition that may still
 * be live are registered; new instances start with the highest.
 */
import * as Schema from "effect/Schema";
import type { Topic } from "../message/Topic.ts";
import type { AnyDefinition } from "./Saga.ts";
import type { AnyEvent } from "./Step.ts";

/** What an event means to a definition. */
export interface Listening {
  readonly definition: AnyDefinition;
  readonly event: AnyEvent;
  readonly role: "starts" | "cancels" | "awaited";
}

export interface SagaRegistry {
  readonly definitions: ReadonlyArray<AnyDefinition>;
  readonly find: (name: string, version: number) => AnyDefinition | undefined;
  readonly latest: (name: string) => AnyDefinition | undefined;
  readonly listening: (eventType: string) => Listening | undefined;
  /** Topics of all events that start, cancel or settle a saga. */
  readonly eventTopics: ReadonlyArray<Topic>;
  /** Where live sagas have a definition that this process does not know. */
  readonly missing: (live: ReadonlyArray<DefinitionUse>) => ReadonlyArray<DefinitionUse>;
}

/** A definition as the rows of live sagas name it. */
export interface DefinitionUse {
  readonly definition: string;
  readonly version: number;
}

const eventsOf = (definition: AnyDefinition): ReadonlyArray<Listening> => {
  const listening = (event: AnyEvent, role: Listening["role"]): Listening => ({ definition, event, role });
  return [
    ...(definition.startedBy === undefined ? [] : [listening(definition.startedBy, "starts")]),
    ...(definition.cancelledBy === undefined ? [] : [listening(definition.cancelledBy.event, "cancels")]),
    ...definition.steps.flatMap((step) =>
      step.kind === "pivot" ? step.awaits.map((awaited) => listening(awaited.event, "awaited")) : [],
    ),
  ];
};

/** @throws when a version is registered twice or two definitions claim one event: a mistake in the code. */
export const make = (definitions: ReadonlyArray<AnyDefinition>): SagaRegistry => {
  const byVersion = new Map<string, AnyDefinition>();
  const latest = new Map<string, AnyDefinition>();
  const nameOf = (name: string, version: number): string => `${name}@${version}`;
  for (const definition of definitions) {
    const name = nameOf(definition.name, definition.version);
    if (byVersion.has(name)) throw new Error(`${name} is registered twice`);
    byVersion.set(name, definition);
    if ((latest.get(definition.name)?.version ?? 0) < definition.version) latest.set(definition.name, definition);
  }
  const events = new Map<string, Listening>();
  for (const one of definitions.flatMap(eventsOf)) {
    const known = events.get(one.event.type);
    if (known !== undefined && (known.definition.name !== one.definition.name || known.role !== one.role))
      throw new Error(`${one.event.type} concerns both ${known.definition.name} and ${one.definition.name}`);
    if (known === undefined || known.definition.version < one.definition.version) events.set(one.event.type, one);
  }
  const topics = new Map([...events.values()].map(({ event }) => [event.topic.name, event.topic]));
  return {
    definitions,
    find: (name, version) => byVersion.get(nameOf(name, version)),
    latest: (name) => latest.get(name),
    listening: (eventType) => events.get(eventType),
    eventTopics: [...topics.values()],
    missing: (live) => live.filter((use) => !byVersion.has(nameOf(use.definition, use.version))),
  };
};

/** Live sagas need definitions that this process does not have: it must not start. */
export class DefinitionsMissing extends Schema.TaggedError<DefinitionsMissing>()("DefinitionsMissing", {
  missing: Schema.Array(Schema.Struct({ definition: Schema.String, version: Schema.Int })),
}) {
  override get message(): string {
    return this.missing.map(({ definition, version }) => `${definition} version ${version}`).join(", ");
  }
}
