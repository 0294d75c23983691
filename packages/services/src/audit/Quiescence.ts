/**
 * Waits, bounded, until nothing moves any more: outboxes empty, no consumer behind, every payment settled, every late approval
 * seen, every saga ended.
 */
import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import type { SqlClient } from "effect/sql/SqlClient";
import type { SqlError } from "effect/sql/SqlError";
import { publishing, Sources } from "./Sources.ts";

/** Between two looks. */
const lookMillis = 250;

const count = (rows: ReadonlyArray<{ readonly n: bigint }>): number => Number(rows[0]?.n ?? 0n);

/** Records that some group has not finished, of those that are still there. Groups without a position have read nothing yet. */
const behind = (bus: SqlClient): Effect.Effect<number, SqlError> =>
  Effect.map(
    bus<{ readonly n: bigint }>`
      SELECT coalesce(sum(greatest(0, p.next_offset - greatest(coalesce(s.position, 0), coalesce(
        (SELECT min(m."offset") FROM bus_message m WHERE m.topic_id = p.topic_id AND m.partition = p.partition),
        p.next_offset)))), 0)::bigint AS n
      FROM (SELECT DISTINCT group_id, topic_id FROM bus_position) g
      JOIN bus_partition p ON p.topic_id = g.topic_id
      LEFT JOIN bus_position s ON s.group_id = g.group_id AND s.topic_id = p.topic_id AND s.partition = p.partition`,
    count,
  );

/** Attempts with an outcome to come, or money on its way back. What was given up may never have one. */
const unsettled = (payment: SqlClient): Effect.Effect<number, SqlError> =>
  Effect.map(
    payment<{ readonly n: bigint }>`
      SELECT count(*) AS n FROM payment_attempt
      WHERE status IN ('confirming', 'unknown', 'late_captured', 'voiding')`,
    count,
  );

/** What still moves, by name; empty when the shop is quiet. */
const moving = Effect.gen(function* () {
  const sources = yield* Sources;
  const found: Array<string> = [];
  for (const service of publishing) {
    const rows = yield* sources.of(service)<{ readonly n: bigint }>`SELECT count(*) AS n FROM outbox`;
    if (count(rows) > 0) found.push(`${service}: ${count(rows)} unsent messages`);
  }
  const lag = yield* behind(sources.bus);
  if (lag > 0) found.push(`bus: ${lag} records not consumed`);
  const paying = yield* unsettled(sources.of("payment"));
  if (paying > 0) found.push(`payment: ${paying} attempts without an outcome`);
  const saga = sources.of("saga");
  const live = count(
    yield* saga<{ readonly n: bigint }>`SELECT count(*) AS n FROM saga WHERE ended_at IS NULL AND status <> 'stuck'`,
  );
  if (live > 0) found.push(`saga: ${live} under way`);
  return found;
});

/** `unseen`: approvals that the gateways know of and the shop does not. Milliseconds until the shop was quiet, or null with what still moved when the time was over. */
export const wait = Effect.fnUntraced(function* <E, R>(maxWaitMillis: number, unseen: Effect.Effect<number, E, R>) {
  const startedAt = yield* Clock.currentTimeMillis;
  for (;;) {
    const late = yield* unseen;
    const found = [...(yield* moving), ...(late > 0 ? [`payment: ${late} late approvals not seen yet`] : [])];
    const elapsed = (yield* Clock.currentTimeMillis) - startedAt;
    if (found.length === 0) return { quietAfterMillis: elapsed, moving: found };
    if (elapsed >= maxWaitMillis) return { quietAfterMillis: null, moving: found };
    yield* Effect.sleep(lookMillis);
  }
});
