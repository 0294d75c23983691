/**
 * What travels: CloudEvents 1.0 attributes in binary mode, with the extensions that sagas and audits need.
 *
 * `id` is identity and inbox key. Order is neither `id` nor `time` but the outbox `position`; `sequence` lets an audit
 * prove that order per (source, key).
 */
import * as Schema from "effect/Schema";

export const Envelope = Schema.Struct({
  id: Schema.String,
  /** The service that said it, such as `destiny/stock`. */
  source: Schema.String,
  /** Name and version of the message definition, such as `stock.hold.v1`. */
  type: Schema.String,
  topic: Schema.String,
  /** The aggregate; records of one key keep their order. */
  key: Schema.String,
  /** UTC epoch milliseconds. */
  time: Schema.Finite,
  /** Aggregate version and ordinal of the emitting decision: see {@link sequenceOf}. */
  sequence: Schema.optionalKey(Schema.Finite),
  subject: Schema.optionalKey(Schema.String),
  correlationId: Schema.optionalKey(Schema.String),
  causationId: Schema.optionalKey(Schema.String),
  sagaId: Schema.optionalKey(Schema.String),
  /** Saga, step, and do or undo. Stays the same when a command is retried under a new id. */
  operationId: Schema.optionalKey(Schema.String),
  /** The topic that awaits the answer to a command. */
  replyTo: Schema.optionalKey(Schema.String),
  /** W3C trace context of the work that caused this message. */
  traceparent: Schema.optionalKey(Schema.String),
  data: Schema.Unknown,
});
export type Envelope = typeof Envelope.Type;

/** An outgoing message before the commit gives it identity, source, time and sequence. */
export type Draft = Omit<Envelope, "id" | "source" | "time" | "sequence" | "causationId"> & {
  /** The state whose version orders this message; absent for messages that no aggregate orders. */
  readonly orderedBy?: string;
};

/** How many messages one decision may emit for one state. */
export const maxOrdinal = 1000;

/** One number that grows with (version, ordinal), because CloudEvents and the inbox both sort single values. */
export const sequenceOf = (version: number, ordinal: number): number => version * maxOrdinal + ordinal;

const attributes = [
  ["id", "ce_id"],
  ["source", "ce_source"],
  ["type", "ce_type"],
  ["subject", "ce_subject"],
  ["correlationId", "ce_correlationid"],
  ["causationId", "ce_causationid"],
  ["sagaId", "ce_sagaid"],
  ["operationId", "ce_operationid"],
  ["replyTo", "ce_replyto"],
  ["traceparent", "traceparent"],
] as const;

/** Binary-mode headers, for buses that carry headers as text. */
export const toHeaders = (envelope: Envelope): Record<string, string> => {
  const headers: Record<string, string> = {
    ce_specversion: "1.0",
    ce_time: new Date(envelope.time).toISOString(),
    "content-type": "application/json",
  };
  for (const [field, header] of attributes) {
    const value = envelope[field];
    if (value !== undefined) headers[header] = value;
  }
  if (envelope.sequence !== undefined) headers["ce_sequence"] = String(envelope.sequence);
  return headers;
};

/** Reads an envelope back; undefined when a required attribute is missing or malformed, which makes it poison. */
export const fromHeaders = (
  headers: Readonly<Record<string, string | undefined>>,
  record: { readonly topic: string; readonly key: string; readonly data: unknown },
): Envelope | undefined => {
  const time = Date.parse(headers["ce_time"] ?? "");
  const { ce_id: id, ce_source: source, ce_type: type } = headers;
  if (id === undefined || source === undefined || type === undefined || Number.isNaN(time)) return undefined;
  const optional: Record<string, string | number> = {};
  for (const [field, header] of attributes) {
    const value = headers[header];
    if (value !== undefined) optional[field] = value;
  }
  const sequence = Number(headers["ce_sequence"]);
  if (headers["ce_sequence"] !== undefined && Number.isSafeInteger(sequence)) optional["sequence"] = sequence;
  return { ...optional, id, source, type, time, topic: record.topic, key: record.key, data: record.data };
};
