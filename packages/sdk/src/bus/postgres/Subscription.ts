/**
 * One consumer: fetches from all partitions that its member owns, hands batches to the handler, advances.
 *
 * Under load a consumer that is up to date leaves a gap between its batches (see `Pace`): what comes alone is handled at once,
 * what comes within the gap is handled together. Without that every record is a batch, and a commit, until the consumer
 * cannot keep up any more.
 *
 * While a full batch is handled the next one is fetched, so at most twice `maxBatchRecords` are in memory. A batch whose
 * partitions were lost meanwhile is interrupted; records of partitions that were given up are dropped, not delivered.
 */
import * as Cause from "effect/Cause";
import * as Deferred from "effect/Deferred";
import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import * as Option from "effect/Option";
import * as Queue from "effect/Queue";
import type { SqlClient } from "effect/sql/SqlClient";
import * as Backoff from "../Backoff.ts";
import type { BusRecord } from "../EventBus.ts";
import type { Pace } from "../Pace.ts";
import * as StoredRecord from "../StoredRecord.ts";
import * as AdvisoryLocks from "./AdvisoryLocks.ts";
import * as BusStore from "./BusStore.ts";
import type { Member, Membership, Owned } from "./Membership.ts";
import type { Positions } from "./Positions.ts";

interface Fetched {
  readonly owned: Owned;
  readonly record: BusRecord;
}

export interface Options<E> {
  readonly sql: SqlClient;
  readonly group: string;
  readonly member: Member;
  readonly membership: Membership;
  readonly positions: Positions;
  readonly maxBatchRecords: number;
  readonly pollMillis: number;
  readonly pace: Pace;
  readonly handler: (batch: ReadonlyArray<BusRecord>) => Effect.Effect<void, E>;
}

/** Runs until it is interrupted. */
export const run = Effect.fnUntraced(function* <E>(options: Options<E>): Effect.fn.Return<never> {
  const { group, handler, maxBatchRecords, member, membership, pace, pollMillis, positions, sql } = options;

  const stillOwned = ({ owned }: Fetched): boolean => member.owned.get(owned.lock) === owned;

  /** The offset behind the last record of each partition. */
  const endsOf = (batch: ReadonlyArray<Fetched>): Map<Owned, number> =>
    new Map(batch.map(({ owned, record }) => [owned, record.offset + 1]));

  const takeTold = () => {
    const notices = member.told;
    member.told = [];
    return notices;
  };

  /** What notifications brought, as long as it follows the positions; undefined when the table has to be asked. */
  const toldBatch = (): ReadonlyArray<Fetched> | undefined => {
    const batch: Array<Fetched> = [];
    const next = new Map<Owned, number>();
    for (const notice of takeTold() ?? [undefined]) {
      if (notice === undefined) return undefined;
      const owned = member.owned.get(AdvisoryLocks.partitionLock(notice.topicId, notice.partition));
      if (owned === undefined || owned.releasing) continue;
      const position = next.get(owned) ?? owned.position;
      if (notice.offset < position) continue;
      if (notice.offset > position || batch.length >= maxBatchRecords) return undefined;
      next.set(owned, notice.offset + 1);
      batch.push({ owned, record: StoredRecord.toRecord({ ...notice, topic: owned.topic.name }) });
    }
    return batch;
  };

  let turn = 0;
  /** Fetches what follows the positions, or the batch that is being handled. */
  const fetch = (ends: ReadonlyMap<Owned, number>) =>
    Effect.gen(function* () {
      const kept = [...member.owned.values()].filter((owned) => !owned.releasing);
      if (kept.length === 0) return [];
      // What is committed by now will be among what is fetched.
      takeTold();
      const first = turn++ % kept.length;
      const from = [...kept.slice(first), ...kept.slice(0, first)];
      const rows = yield* BusStore.fetch(
        sql,
        from.map((owned) => ({
          topicId: owned.topic.id,
          partition: owned.partition,
          position: ends.get(owned) ?? owned.position,
        })),
        maxBatchRecords,
      );
      const byLock = new Map(from.map((owned) => [owned.lock, owned]));
      return rows.flatMap((row): Array<Fetched> => {
        const owned = byLock.get(AdvisoryLocks.partitionLock(row.topicId, row.partition));
        return owned === undefined
          ? []
          : [{ owned, record: StoredRecord.toRecord({ ...row, topic: owned.topic.name }) }];
      });
    });

  const advance = (batch: ReadonlyArray<Fetched>): void => {
    for (const [owned, position] of endsOf(batch)) {
      owned.position = position;
      positions.advance({ groupId: member.groupId, topicId: owned.topic.id, partition: owned.partition, position });
    }
  };

  /** A gap can only be records that were swept before the group read them. */
  const warnOfGaps = (batch: ReadonlyArray<Fetched>) => {
    const firsts = new Map(batch.toReversed().map(({ owned, record }) => [owned, record.offset]));
    const gaps = [...firsts].filter(([owned, offset]) => offset > owned.position);
    return Effect.forEach(
      gaps,
      ([{ partition, position, topic }, offset]) =>
        Effect.logError("records expired before the group read them", {
          group,
          topic: topic.name,
          partition,
          records: offset - position,
        }),
      { discard: true },
    );
  };

  /** Handles one batch. True when it succeeded; false when its ownership ended first. */
  const handle = (batch: ReadonlyArray<Fetched>) =>
    Effect.raceFirst(
      Effect.as(handler(batch.map(({ record }) => record)), true),
      Effect.as(Deferred.await(batch[0]?.owned.session.lost ?? Deferred.makeUnsafe<void>()), false),
    );

  const idle = Effect.timeoutOption(Queue.take(member.wake), pollMillis);

  let failures = 0;
  const backOff = (what: string, cause: Cause.Cause<unknown>) => {
    failures++;
    const delayMillis = Backoff.delayMillis(failures);
    return Effect.andThen(Effect.logWarning(what, { group, failures, delayMillis }, cause), Effect.sleep(delayMillis));
  };

  let batch: ReadonlyArray<Fetched> = [];
  // The last batch was not full, so it held all that was visible; what commits later is told. Looking again at once would be
  // a round trip for nothing after every batch.
  let caughtUp = false;
  for (;;) {
    const owned = member.owned.size;
    yield* membership.settle(member);
    if (member.owned.size !== owned) caughtUp = false;
    batch = batch.filter(stillOwned);
    if (batch.length === 0 && caughtUp) {
      const woken = yield* idle;
      yield* pace.wait;
      const told = Option.isSome(woken) ? toldBatch() : undefined;
      caughtUp = told !== undefined;
      batch = told ?? [];
      continue;
    }
    if (batch.length === 0) {
      const fetched = yield* Effect.exit(fetch(new Map()));
      if (Exit.isFailure(fetched)) {
        yield* backOff("fetching failed", fetched.cause);
        continue;
      }
      batch = fetched.value.filter(stillOwned);
      if (batch.length === 0) {
        caughtUp = true;
        continue;
      }
    }
    yield* warnOfGaps(batch);
    const current = batch;
    const ahead = current.length < maxBatchRecords ? Effect.succeed([]) : fetch(endsOf(current));
    const [handled, next] = yield* Effect.all([Effect.exit(pace.batch(handle(current))), Effect.exit(ahead)], {
      concurrency: 2,
    });
    if (Exit.isFailure(handled)) {
      yield* backOff("the handler failed; the same records come again", handled.cause);
      continue;
    }
    if (handled.value) {
      failures = 0;
      advance(current);
      batch = Exit.isSuccess(next) ? next.value : [];
      caughtUp = current.length < maxBatchRecords;
    }
  }
});
