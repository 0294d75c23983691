/** Turns what lies on a bus into records, readable or not. */
import * as Envelope from "../message/Envelope.ts";
import type { BusRecord } from "./EventBus.ts";

export interface Stored {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly key: string;
  /** UTC epoch milliseconds. */
  readonly publishedAt: number;
  /** JSON object of text. */
  readonly headers: string;
  /** JSON. */
  readonly data: string;
}

/** `source` and `type` of a stand-in. */
export const standInSource = "destiny/bus";
export const standInType = "destiny.unreadable.v1";

const parse = (text: string): { readonly value: unknown } | undefined => {
  try {
    return { value: JSON.parse(text) };
  } catch {
    return undefined;
  }
};

const isHeaders = (value: unknown): value is Readonly<Record<string, string | undefined>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Total: every stored record becomes a record. */
export const toRecord = (stored: Stored): BusRecord => {
  const { data, headers, key, offset, partition, publishedAt, topic } = stored;
  const unreadable = (why: string): BusRecord => ({
    _tag: "Unreadable",
    topic,
    partition,
    offset,
    why,
    standIn: {
      id: `${topic}/${partition}/${offset}`,
      source: standInSource,
      type: standInType,
      topic,
      key,
      time: publishedAt,
      data: { headers, data },
    },
  });
  const body = parse(data);
  if (body === undefined) return unreadable("its data is not JSON");
  const head = parse(headers)?.value;
  if (!isHeaders(head)) return unreadable("its headers are not a JSON object");
  const envelope = Envelope.fromHeaders(head, { topic, key, data: body.value });
  if (envelope === undefined) return unreadable("a required CloudEvents attribute is missing or malformed");
  return { _tag: "Readable", topic, partition, offset, envelope };
};
