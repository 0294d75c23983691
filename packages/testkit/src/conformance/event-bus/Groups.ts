/** Members of a group share the partitions of a topic, and no partition has two of them. */
import { assert, type Vitest } from "@effect/vitest";
import * as Deferred from "effect/Deferred";
import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import * as Scope from "effect/Scope";
import {
  assertDenseOffsets,
  countTo,
  envelope,
  eventually,
  keysOf,
  log,
  prepared,
  sequenceOf,
  type Subject,
  topicOf,
  unique,
} from "./Subject.ts";

export const groups = <R, E>(it: Vitest.MethodsNonLive<R>, subject: Subject<R, E>): void => {
  it.effect("a new group starts at the earliest record, and every group gets everything", () =>
    Effect.gen(function* () {
      const { bus, topic } = yield* prepared(subject, 3);
      yield* bus.publish(countTo(30).map((index) => envelope(topic, `${index}`, index)));
      const logs = [log(), log()];
      for (const seen of logs) yield* bus.subscribe({ group: unique("group"), topics: [topic] }, seen.add);
      yield* eventually(
        "both groups have everything",
        Effect.sync(() => logs.every((seen) => seen.ids.size === 30)),
      );
      for (const seen of logs) assertDenseOffsets(seen.records);
    }),
  );

  it.effect("two members share the partitions, and the one that stays takes over without loss", () =>
    Effect.gen(function* () {
      const topic = topicOf(4);
      const group = unique("group");
      const buses = [yield* subject.instance, yield* subject.instance] as const;
      yield* buses[0].createTopics([topic]);
      const keys = keysOf(topic);
      const [staying, leaving] = [log(), log()];
      const scope = yield* Scope.make();
      yield* buses[0].subscribe({ group, topics: [topic] }, staying.add);
      yield* Scope.provide(buses[1].subscribe({ group, topics: [topic] }, leaving.add), scope);
      let round = 0;
      const publishRound = Effect.suspend(() => {
        const index = round++;
        return buses[0].publish(keys.map((key) => envelope(topic, key, index)));
      });
      const split = () => {
        const place = (seen: ReturnType<typeof log>) =>
          new Set(seen.records.filter((record) => sequenceOf(record) >= round - 3).map(({ partition }) => partition));
        return place(staying).size === 2 && place(leaving).size === 2;
      };
      yield* eventually("each member gets two of four partitions", Effect.andThen(publishRound, Effect.sync(split)));
      yield* Scope.close(scope, Exit.void);
      const handed = leaving.records.length;
      yield* publishRound;
      const all = () => new Set([...staying.ids, ...leaving.ids]).size === round * keys.length;
      yield* eventually("everything arrives", Effect.sync(all));
      assert.strictEqual(leaving.records.length, handed);
    }),
  );

  const { breakOwners } = subject;
  if (breakOwners !== undefined) {
    it.effect("an owner whose connection breaks stops at once, and nothing is lost", () =>
      Effect.gen(function* () {
        const topic = topicOf(4);
        const group = unique("group");
        yield* (yield* subject.instance).createTopics([topic]);
        const seen = log();
        const interrupted = yield* Deferred.make<void>();
        let held = 0;
        for (const _ of countTo(2)) {
          const bus = yield* subject.instance;
          yield* bus.subscribe({ group, topics: [topic], maxBatchRecords: 4 }, (batch) =>
            Effect.suspend(() => {
              if (held < 2) {
                held++;
                return Effect.onInterrupt(Effect.never, () => Deferred.succeed(interrupted, undefined));
              }
              return seen.add(batch);
            }),
          );
        }
        const bus = yield* subject.instance;
        yield* bus.publish(countTo(40).map((index) => envelope(topic, `${index}`, index)));
        yield* eventually(
          "a batch is in a handler",
          Effect.sync(() => held > 0),
        );
        yield* breakOwners(group);
        yield* Deferred.await(interrupted);
        held = 2;
        yield* breakOwners(group);
        yield* eventually(
          "everything arrives",
          Effect.sync(() => seen.ids.size === 40),
        );
      }),
    );
  }

  it.effect("a partition is never in two handlers at once, nor a subscription in two batches", () =>
    Effect.gen(function* () {
      const [topic, barrier] = [topicOf(4), topicOf(1)];
      const group = unique("group");
      const admin = yield* subject.instance;
      yield* admin.createTopics([topic, barrier]);
      const [seen, passed] = [log(), log()];
      yield* admin.subscribe({ group: unique("group"), topics: [barrier] }, passed.add);
      const gate = yield* Deferred.make<void>();
      const busy = new Map<number, number>();
      let most = 0;
      const join = Effect.gen(function* () {
        const bus = yield* subject.instance;
        let batches = 0;
        yield* bus.subscribe({ group, topics: [topic], maxBatchRecords: 10 }, (batch) =>
          Effect.gen(function* () {
            const partitions = new Set(batch.map(({ partition }) => partition));
            most = Math.max(most, ++batches);
            for (const partition of partitions) {
              const now = (busy.get(partition) ?? 0) + 1;
              busy.set(partition, now);
              most = Math.max(most, now);
            }
            yield* Deferred.await(gate);
            yield* Effect.sleep(1);
            for (const partition of partitions) busy.set(partition, (busy.get(partition) ?? 0) - 1);
            batches--;
            yield* seen.add(batch);
          }),
        );
      });
      for (const round of countTo(10)) {
        yield* admin.publish(countTo(20).map((index) => envelope(topic, `${index}`, round)));
      }
      yield* join;
      yield* eventually(
        "the first member is at work",
        Effect.sync(() => busy.size > 0),
      );
      yield* join;
      // Each round trip of the barrier gives the second member a chance to take what is not its own.
      for (const index of countTo(5)) {
        yield* admin.publish([envelope(barrier, "b", index)]);
        yield* eventually(
          "the barrier passes",
          Effect.sync(() => passed.ids.size === index + 1),
        );
      }
      yield* Deferred.succeed(gate, undefined);
      yield* eventually(
        "everything arrives",
        Effect.sync(() => seen.ids.size === 200),
      );
      assert.strictEqual(most, 1);
    }),
  );
};
