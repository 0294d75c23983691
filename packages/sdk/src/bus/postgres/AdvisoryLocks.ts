/**
 * The advisory locks of consumer groups, in the two-number form `(class, object)`, visible in `pg_locks`.
 *
 * - class: the group's row id in `bus_group`. Rejected: a hash of its name, because two groups with one hash would starve
 *   each other in silence.
 * - object below 2^30: ownership of a partition, `topic id * 4096 + partition`.
 * - object from 2^30: a live member, 2^30 plus a random number that it drew.
 *
 * All are session locks of one connection a process, so the server frees them the moment the process dies.
 */

export const maxPartitions = 4096;
export const maxTopicId = 2 ** 18 - 1;
export const memberBase = 2 ** 30;

/** Exclusive upper bound of what a member may draw. */
export const maxMemberSlot = 2 ** 30;

export const partitionLock = (topicId: number, partition: number): number => topicId * maxPartitions + partition;

export const isMember = (object: number): boolean => object >= memberBase;

export interface Held {
  readonly group: number;
  readonly object: number;
}

/** Objects that somebody holds, per group. */
export const byGroup = (held: ReadonlyArray<Held>): Map<number, Set<number>> => {
  const groups = new Map<number, Set<number>>();
  for (const { group, object } of held) {
    const objects = groups.get(group);
    if (objects === undefined) groups.set(group, new Set([object]));
    else objects.add(object);
  }
  return groups;
};

export interface Situation {
  /** Partition locks that the group has to share. */
  readonly partitions: ReadonlyArray<number>;
  /** Everything that the group holds, this member's own locks included. */
  readonly held: ReadonlySet<number>;
  /** What this member owns, without what it is about to release. */
  readonly owned: ReadonlyArray<number>;
}

/**
 * What one member should do now: give up what exceeds its share, or try to take what nobody holds. The share is the number
 * of partitions by the number of members, rounded up, so that the shares cover everything whoever comes first.
 */
export const plan = ({
  held,
  owned,
  partitions,
}: Situation): { readonly release: ReadonlyArray<number>; readonly acquire: ReadonlyArray<number> } => {
  const members = Math.max(1, [...held].filter(isMember).length);
  const share = Math.ceil(partitions.length / members);
  if (owned.length >= share) return { release: owned.slice(share), acquire: [] };
  const free = partitions.filter((partition) => !held.has(partition));
  return { release: [], acquire: free.slice(0, share - owned.length) };
};
