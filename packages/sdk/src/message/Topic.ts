/**
 * Topics are code: created explicitly when a service starts, never by auto-creation. A topic has one owner; at most
 * three belong to a context (`stock.commands`, `stock.events`; replies go to the asking side's `saga.replies`).
 */

export interface Topic {
  readonly name: string;
  /** Records of one key always lie in one partition, in order. */
  readonly partitions: number;
  /** How long records are kept after they were published. */
  readonly retentionHours: number;
  /** The service that creates the topic and may publish events to it. */
  readonly owner: string;
}

export const defaultPartitions = 8;
export const defaultRetentionHours = 72;

export const make = (
  name: string,
  options: {
    readonly owner: string;
    readonly partitions?: number | undefined;
    readonly retentionHours?: number | undefined;
  },
): Topic => ({
  name,
  owner: options.owner,
  partitions: options.partitions ?? defaultPartitions,
  retentionHours: options.retentionHours ?? defaultRetentionHours,
});

/** The partition of a key: FNV-1a over its UTF-8 bytes, so that every bus and every language can compute it. */
export const partitionOf = (topic: Topic, key: string): number => {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(key)) {
    hash ^= byte;
    hash = Math.imul(hash, 0x01000193);
  }
  return (hash >>> 0) % topic.partitions;
};
