import { assert, describe, it } from "@effect/vitest";
import * as Effect from "effect/Effect";
import * as Schema from "effect/Schema";
import * as AdvisoryLocks from "../../src/bus/postgres/AdvisoryLocks.ts";

const int = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }));

describe("sharing partitions", () => {
  it.effect.prop(
    "whatever order members act in, all partitions end up owned, none twice, and nobody has more than the share",
    [int(1, 24), int(1, 6), Schema.Array(int(0, 5)).check(Schema.isMaxLength(40))],
    ([count, members, order]) =>
      Effect.sync(() => {
        const partitions = Array.from({ length: count }, (_, index) => AdvisoryLocks.partitionLock(1, index));
        const owners = new Map<number, number>();
        const act = (member: number) => {
          const owned = partitions.filter((lock) => owners.get(lock) === member);
          const live = Array.from({ length: members }, (_, index) => AdvisoryLocks.memberBase + index);
          const plan = AdvisoryLocks.plan({ partitions, held: new Set([...owners.keys(), ...live]), owned });
          for (const lock of plan.release) owners.delete(lock);
          for (const lock of plan.acquire) {
            assert.isFalse(owners.has(lock));
            owners.set(lock, member);
          }
        };
        // One member alone owned everything before the others came.
        for (const lock of partitions) owners.set(lock, 0);
        for (const turn of order) act(turn % members);
        for (let round = 0; round < 2; round++) for (let member = 0; member < members; member++) act(member);
        assert.strictEqual(owners.size, count);
        for (let member = 0; member < members; member++) {
          const owned = [...owners.values()].filter((owner) => owner === member).length;
          assert.isAtMost(owned, Math.ceil(count / members));
        }
      }),
  );

  it("locks of partitions and members never meet", () => {
    const highest = AdvisoryLocks.partitionLock(AdvisoryLocks.maxTopicId, AdvisoryLocks.maxPartitions - 1);
    assert.isBelow(highest, AdvisoryLocks.memberBase);
    assert.isAtMost(AdvisoryLocks.memberBase + AdvisoryLocks.maxMemberSlot - 1, 2 ** 31 - 1);
  });
});
