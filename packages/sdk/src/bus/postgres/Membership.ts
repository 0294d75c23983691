/**
 * Who owns which partition, and the one connection of this process that proves it.
 *
 * The connection is opened with the first subscription, belongs to no pool, holds the advisory locks of all subscriptions
 * of the process and listens for notifications. When it breaks, every partition is lost at once and everything is acquired
 * again over a new one. A member that was killed is gone from `pg_locks` with its connection; the others notice within
 * `rebalanceMillis`. Members that join, leave or give partitions up notify their group, so those hand-overs take
 * milliseconds. No fencing epochs: an owner that does not know yet that it lost a partition can only deliver twice.
 */
import * as PgConnection from "@effect/sql-pg/PgConnection";
import * as Deferred from "effect/Deferred";
import * as Effect from "effect/Effect";
import * as Fiber from "effect/Fiber";
import * as Queue from "effect/Queue";
import * as Random from "effect/Random";
import * as Scope from "effect/Scope";
import * as Semaphore from "effect/Semaphore";
import type { SqlClient } from "effect/sql/SqlClient";
import type { SqlError } from "effect/sql/SqlError";
import * as Bulk from "../../sql/Bulk.ts";
import * as Backoff from "../Backoff.ts";
import * as AdvisoryLocks from "./AdvisoryLocks.ts";
import * as BusStore from "./BusStore.ts";
import * as Notice from "./Notice.ts";
import type { Positions } from "./Positions.ts";

/** Beyond that a consumer is behind, and fetches. */
const maxToldRecords = 1024;

/** A partition in the hands of a member, for as long as its session lives. */
export interface Owned {
  readonly session: Session;
  readonly lock: number;
  readonly topic: BusStore.StoredTopic;
  readonly partition: number;
  /** Next offset to handle. */
  position: number;
  /** To be given up at the next batch boundary. */
  releasing: boolean;
}

export interface Member {
  readonly groupId: number;
  readonly topics: ReadonlyArray<BusStore.StoredTopic>;
  /** At most one token: there may be records to fetch or partitions to give up. */
  readonly wake: Queue.Queue<void>;
  /** What was published since it was last looked at, in order of commit; undefined: only the table knows. */
  told: Array<Notice.Notice> | undefined;
  readonly owned: Map<number, Owned>;
  /** The session in which this member counts as live. */
  session: Session | undefined;
  memberLock: number;
}

export interface Session {
  readonly query: (text: string, params: ReadonlyArray<unknown>) => Effect.Effect<ReadonlyArray<Row>, SqlError>;
  /** From here on, publishing to the topic wakes its members. */
  readonly hear: (topicId: number) => Effect.Effect<void, SqlError>;
  /** Done when the connection is gone, and with it all ownership. */
  readonly lost: Deferred.Deferred<void>;
}

type Row = Readonly<Record<string, unknown>>;

export interface Membership {
  readonly join: (groupId: number, topics: ReadonlyArray<BusStore.StoredTopic>) => Effect.Effect<Member>;
  /** Writes the positions, frees everything that the member holds and tells its group. */
  readonly leave: (member: Member) => Effect.Effect<void>;
  /** Gives up what a rebalance asked for. To be called between batches. */
  readonly settle: (member: Member) => Effect.Effect<void>;
}

export interface Options {
  readonly connection: PgConnection.Config;
  readonly rebalanceMillis: number;
  /** A session that does not answer for this long counts as broken. */
  readonly sessionTimeoutMillis: number;
}

const int4s = (values: ReadonlyArray<number>) => Bulk.array("int4", values);

const readLocks = `SELECT classid::int8 AS class, objid::int8 AS object FROM pg_locks
  WHERE locktype = 'advisory' AND objsubid = 2 AND granted
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`;
const tryLocks = `SELECT object, pg_try_advisory_lock($1::int4, object) AS mine FROM unnest($2::int4[]) AS object`;
const unlock = `SELECT pg_advisory_unlock($1::int4, object) FROM unnest($2::int4[]) AS object`;
const tellGroup = `SELECT pg_notify('${BusStore.groupChannel}', $1::int4::text)`;

export const make = Effect.fnUntraced(function* (
  sql: SqlClient,
  positions: Positions,
  options: Options,
): Effect.fn.Return<Membership, never, Scope.Scope> {
  const scope = yield* Effect.scope;
  const members = new Set<Member>();
  const nudges = yield* Queue.dropping<void>(1);
  const wake = (member: Member): void => {
    member.told = undefined;
    Queue.offerUnsafe(member.wake, undefined);
  };
  const tell = (member: Member, notice: Notice.Notice | undefined): void => {
    if (notice === undefined || (member.told?.length ?? 0) >= maxToldRecords) return wake(member);
    member.told?.push(notice);
    Queue.offerUnsafe(member.wake, undefined);
  };
  const nudge = (): void => void Queue.offerUnsafe(nudges, undefined);
  /** Joining, leaving and a pass of the rebalance exclude each other. */
  const exclusive = yield* Semaphore.make(1);

  /** Counts the member as live. Locks are re-entrant in a session, so what the session already holds is not drawn again. */
  const enrol = Effect.fnUntraced(function* (session: Session, member: Member, held: Set<number>) {
    yield* Effect.forEach(member.topics, ({ id }) => session.hear(id), { discard: true });
    for (;;) {
      const drawn = yield* Random.nextIntBetween(0, AdvisoryLocks.maxMemberSlot, { halfOpen: true });
      const lock = AdvisoryLocks.memberBase + drawn;
      if (held.has(lock)) continue;
      const [row] = yield* session.query(tryLocks, [member.groupId, int4s([lock])]);
      if (row?.["mine"] !== true) continue;
      held.add(lock);
      member.memberLock = lock;
      member.session = session;
      return yield* session.query(tellGroup, [member.groupId]);
    }
  });

  const acquire = Effect.fnUntraced(function* (session: Session, member: Member, locks: ReadonlyArray<number>) {
    const rows = yield* session.query(tryLocks, [member.groupId, int4s(locks)]);
    const mine = new Set(rows.filter((row) => row["mine"] === true).map((row) => Number(row["object"])));
    const places = partitionsOf(member).filter(({ lock }) => mine.has(lock));
    if (places.length === 0) return [];
    // What this process finished under an earlier ownership must not come again.
    yield* positions.flush;
    const found = yield* BusStore.positions(
      sql,
      member.groupId,
      places.map(({ partition, topic }) => ({ topicId: topic.id, partition })),
    );
    // Retention waits for whoever has a position, so a group has one before it has finished anything.
    yield* BusStore.savePositions(sql, found);
    for (const { lock, partition, topic } of places) {
      const position = found.find((row) => row.topicId === topic.id && row.partition === partition)?.position ?? 0;
      member.owned.set(lock, { session, lock, topic, partition, position, releasing: false });
    }
    wake(member);
    return [...mine];
  });

  const rebalance = (session: Session) =>
    exclusive.withPermit(
      Effect.gen(function* () {
        if (members.size === 0) return;
        const rows = yield* session.query(readLocks, []);
        const groups = AdvisoryLocks.byGroup(
          rows.map((row) => ({ group: Number(row["class"]), object: Number(row["object"]) })),
        );
        for (const member of members) {
          const held = groups.get(member.groupId) ?? new Set<number>();
          groups.set(member.groupId, held);
          if (member.session !== session) yield* enrol(session, member, held);
          // A plan is made from scratch each time, so what changed its mind since then is kept after all.
          for (const owned of member.owned.values()) owned.releasing = false;
          const owned = [...member.owned.keys()];
          const partitions = partitionsOf(member).map(({ lock }) => lock);
          const plan = AdvisoryLocks.plan({ partitions, held, owned });
          for (const lock of plan.release) {
            const surplus = member.owned.get(lock);
            if (surplus !== undefined) surplus.releasing = true;
          }
          if (plan.release.length > 0) wake(member);
          if (plan.acquire.length > 0) {
            for (const lock of yield* acquire(session, member, plan.acquire)) held.add(lock);
          }
        }
      }),
    );

  /** Ends only by failing, with the connection. */
  const attend = (
    notices: Queue.Dequeue<PgConnection.Notification, SqlError>,
    onNotices: (payloads: ReadonlyArray<string>) => void,
  ) =>
    Effect.forever(
      Effect.map(Queue.takeAll(notices), (batch) => {
        onNotices(batch.map(({ payload }) => payload));
      }),
    );

  const onGroups = (groups: ReadonlyArray<string>): void => {
    for (const member of members) if (groups.includes(String(member.groupId))) nudge();
  };

  const onTopic =
    (topicId: number) =>
    (payloads: ReadonlyArray<string>): void => {
      const listeners = [...members].filter(({ topics }) => topics.some(({ id }) => id === topicId));
      if (listeners.length === 0) return;
      for (const payload of payloads) {
        const notice = Notice.parse(topicId, payload);
        for (const member of listeners) tell(member, notice);
      }
    };

  let failures = 0;
  const serve = Effect.gen(function* () {
    const connection = yield* PgConnection.make(options.connection);
    const pinned = yield* connection.pin;
    const notices = yield* pinned.listen(BusStore.groupChannel);
    const connected = yield* Effect.scope;
    const heard = new Set<number>();
    const lost = yield* Deferred.make<void>();
    const session: Session = {
      lost,
      // Forked, because an interrupted caller would make the driver cancel whatever this session runs next.
      query: (text, params) =>
        Effect.flatMap(
          Effect.forkIn(pinned.query(text, params), connected, { startImmediately: true }),
          Fiber.join,
        ).pipe(Effect.map((result) => result.rows)),
      hear: Effect.fnUntraced(function* (topicId) {
        if (heard.has(topicId)) return;
        const topicNotices = yield* Scope.provide(pinned.listen(BusStore.topicChannel(topicId)), connected);
        heard.add(topicId);
        // That the connection broke is seen on the group channel.
        yield* Effect.forkIn(Effect.ignore(attend(topicNotices, onTopic(topicId))), connected);
      }),
    };
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        Deferred.doneUnsafe(lost, Effect.void);
        for (const member of members) if (member.session === session) member.owned.clear();
      }),
    );
    const watch = rebalance(session).pipe(
      Effect.timeout(options.sessionTimeoutMillis),
      Effect.andThen(Effect.sync(() => (failures = 0))),
      Effect.andThen(Effect.timeoutOption(Queue.take(nudges), options.rebalanceMillis)),
      Effect.forever,
    );
    for (const member of members) wake(member);
    return yield* Effect.raceFirst(watch, attend(notices, onGroups));
  });

  const serveForever = Effect.forever(
    Effect.catchCause(Effect.scoped(serve), (cause) => {
      failures++;
      const delayMillis = Backoff.delayMillis(failures);
      return Effect.andThen(
        Effect.logWarning("the bus session broke: all partitions are lost until it is back", { delayMillis }, cause),
        Effect.sleep(delayMillis),
      );
    }),
  );
  const started = yield* Effect.cached(Effect.forkIn(serveForever, scope));

  /** Gives partitions and other locks of the live session back; those of an earlier session went with it. */
  const free = (member: Member, locks: ReadonlyArray<number>) =>
    Effect.suspend(() => {
      const { session } = member;
      if (session === undefined || Deferred.isDoneUnsafe(session.lost)) return Effect.void;
      return positions.flush.pipe(
        Effect.ignore,
        Effect.andThen(session.query(unlock, [member.groupId, int4s(locks)])),
        Effect.andThen(session.query(tellGroup, [member.groupId])),
        // When the session breaks instead, the server frees the locks.
        Effect.interruptible,
        Effect.timeout(options.sessionTimeoutMillis),
        Effect.ignore,
      );
    });

  return {
    join: (groupId, topics) =>
      Effect.gen(function* () {
        const member: Member = {
          groupId,
          topics,
          wake: yield* Queue.dropping<void>(1),
          told: undefined,
          owned: new Map(),
          session: undefined,
          memberLock: 0,
        };
        members.add(member);
        nudge();
        yield* started;
        return member;
      }),
    leave: (member) =>
      exclusive.withPermit(
        Effect.suspend(() => {
          members.delete(member);
          const locks = [...member.owned.keys(), member.memberLock];
          member.owned.clear();
          return free(member, locks);
        }),
      ),
    settle: (member) =>
      Effect.suspend(() => {
        const surplus = [...member.owned.values()].filter((owned) => owned.releasing);
        if (surplus.length === 0) return Effect.void;
        for (const { lock } of surplus) member.owned.delete(lock);
        return free(
          member,
          surplus.map(({ lock }) => lock),
        );
      }),
  };
});

const partitionsOf = ({ topics }: Member) =>
  topics.flatMap((topic) =>
    Array.from({ length: topic.partitions }, (_, partition) => ({
      topic,
      partition,
      lock: AdvisoryLocks.partitionLock(topic.id, partition),
    })),
  );
