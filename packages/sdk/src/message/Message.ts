/**
 * A message is defined once, as a schema: the sender cannot say what the receiver does not expect.
 *
 * Unknown fields are ignored on reading; a version never gains a required field (that is a new version). A command names
 * its success and its refusal, so that a saga step is typed from question to answer. Both travel on the asking side's
 * topic under the same key, so their order holds.
 */
import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import * as Schema from "effect/Schema";
import type { Draft, Envelope } from "./Envelope.ts";
import type { Topic } from "./Topic.ts";

/** A schema whose encoded side is JSON. */
// oxlint-disable-next-line typescript/no-explicit-any -- the encoded side differs per message and is never looked at
export type Data<A> = Schema.Codec<A, any>;

interface Definition<Type extends string, Payload> {
  readonly type: Type;
  readonly topic: Topic;
  readonly payload: Data<Payload>;
  /** The aggregate that orders messages of this kind. */
  readonly key: (payload: Payload) => string;
}

export interface Event<Type extends string, Payload> extends Definition<Type, Payload> {
  readonly kind: "event";
}

export interface Command<Type extends string, Payload, Success, Refusal> extends Definition<Type, Payload> {
  readonly kind: "command";
  /** What the participant answers when it did what was asked. */
  readonly success: Data<Success>;
  /** What it answers when it will not: a business outcome, never an error. */
  readonly refusal: Data<Refusal>;
}

// oxlint-disable-next-line typescript/no-explicit-any -- stands for a command of any types
export type AnyCommand = Command<string, any, any, any>;
// oxlint-disable-next-line typescript/no-explicit-any -- stands for an event of any payload
export type AnyEvent = Event<string, any>;

/** The answer to a command. */
export type Reply<Success, Refusal> =
  | { readonly _tag: "Done"; readonly value: Success }
  | { readonly _tag: "Refused"; readonly reason: Refusal };

export const event = <const Type extends string, Payload>(
  type: Type,
  options: Omit<Event<Type, Payload>, "kind" | "type">,
): Event<Type, Payload> => ({ kind: "event", type, ...options });

export const command = <const Type extends string, Payload, Success, Refusal>(
  type: Type,
  options: Omit<Command<Type, Payload, Success, Refusal>, "kind" | "type">,
): Command<Type, Payload, Success, Refusal> => ({ kind: "command", type, ...options });

/** Replies of a command carry its type with this suffix. */
export const replySuffix = ".reply";

const replySchemas = new WeakMap<object, Data<unknown>>();

/** `{ _tag: "Done", value } | { _tag: "Refused", reason }` over a command's own schemas: one schema a command. */
export const replySchema = <Success, Refusal>(
  definition: Command<string, never, Success, Refusal> | AnyCommand,
): Data<Reply<Success, Refusal>> => {
  const known = replySchemas.get(definition);
  if (known !== undefined) return known as Data<Reply<Success, Refusal>>;
  const schema = Schema.Union([
    Schema.TaggedStruct("Done", { value: definition.success }),
    Schema.TaggedStruct("Refused", { reason: definition.refusal }),
  ]) as Data<Reply<Success, Refusal>>;
  replySchemas.set(definition, schema);
  return schema;
};

const codecs = new WeakMap<object, Data<unknown>>();

/** JSON codecs are derived once per schema: deriving walks the whole schema. */
const json = <A>(schema: Data<A>): Data<A> => {
  const known = codecs.get(schema);
  if (known !== undefined) return known as Data<A>;
  const codec = Schema.toCodecJson(schema) as Data<A>;
  codecs.set(schema, codec);
  return codec;
};

/** Encodes to JSON. @throws when the value breaks its own schema: a defect of the sender. */
export const encode = <A>(schema: Data<A>, value: A): unknown => Schema.encodeSync(json(schema))(value);

export const decode = <A>(schema: Data<A>, data: unknown): Effect.Effect<A, Schema.SchemaError> =>
  Schema.decodeUnknownEffect(json(schema))(data);

export const decodeOption = <A>(schema: Data<A>, data: unknown): Option.Option<A> =>
  Schema.decodeUnknownOption(json(schema))(data);

type Extras = Partial<
  Pick<Draft, "orderedBy" | "correlationId" | "sagaId" | "operationId" | "replyTo" | "subject" | "traceparent">
>;

/** An event or a command, ready to be emitted by a group commit. */
export const draft = <Payload>(
  definition: Event<string, Payload> | Command<string, Payload, never, never> | AnyCommand,
  payload: Payload,
  extras: Extras = {},
): Draft => ({
  ...extras,
  type: definition.type,
  topic: definition.topic.name,
  key: definition.key(payload),
  data: encode(definition.payload as Data<Payload>, payload),
});

/** What an answer needs of the command that it answers; kept by whoever cannot answer at once. */
export type Asker = Pick<Envelope, "key" | "replyTo" | "correlationId" | "sagaId" | "operationId" | "traceparent">;

/** The answer to a received command: same key, same operation, on the topic that the asker named. */
export const reply = <Success, Refusal>(
  definition: Command<string, never, Success, Refusal> | AnyCommand,
  to: Asker,
  answer: Reply<Success, Refusal>,
  extras: Pick<Extras, "orderedBy"> = {},
): ReadonlyArray<Draft> =>
  to.replyTo === undefined
    ? []
    : [
        {
          ...extras,
          type: `${definition.type}${replySuffix}`,
          topic: to.replyTo,
          key: to.key,
          data: encode(replySchema<Success, Refusal>(definition), answer),
          ...(to.correlationId === undefined ? {} : { correlationId: to.correlationId }),
          ...(to.sagaId === undefined ? {} : { sagaId: to.sagaId }),
          ...(to.operationId === undefined ? {} : { operationId: to.operationId }),
          ...(to.traceparent === undefined ? {} : { traceparent: to.traceparent }),
        },
      ];
