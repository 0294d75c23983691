/**
 * What every event bus has to do, whatever carries it.
 *
 *     EventBusSuite.suite("MemoryBus", { layer: MemoryBus.layer, instance: EventBus });
 *
 * Runs in real time. A bus that polls must be given a poll of a minute, so that only its notifications can be in time.
 */
import { describe, layer } from "@effect/vitest";
import { batches } from "./event-bus/Batches.ts";
import { groups } from "./event-bus/Groups.ts";
import { records } from "./event-bus/Records.ts";
import { redelivery } from "./event-bus/Redelivery.ts";
import type { Subject } from "./event-bus/Subject.ts";
import { topics } from "./event-bus/Topics.ts";

export type { Subject } from "./event-bus/Subject.ts";

export const suite = <R, E>(name: string, subject: Subject<R, E>): void => {
  describe(name, () => {
    layer(subject.layer, { excludeTestServices: true, timeout: "30 seconds" })((it) => {
      records(it, subject);
      redelivery(it, subject);
      groups(it, subject);
      batches(it, subject);
      topics(it, subject);
    });
  });
};
