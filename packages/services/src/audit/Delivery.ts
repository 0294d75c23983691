/**
 * I8 and I9 over the whole shop: every caused message was published, each consumer that takes its type applied it once,
 * and first applications per consumer, source and key are in order.
 *
 * The databases are separate, so the join is made here: published ids are read page by page from their source and looked up
 * in the inbox of each consumer. Ids that are missing are looked for a second time before they count. What an inbox has
 * forgotten by now (see the SDK's `Retention`) is not looked for, nor missed when it is forgotten meanwhile.
 */
import { Audit } from "@destiny/sdk/machine";
import { Ids } from "@destiny/sdk/message";
import { Inbox, OutboxAudit, Retention } from "@destiny/sdk/outbox";
import { Bulk } from "@destiny/sdk/sql";
import * as Effect from "effect/Effect";
import * as SqlClient from "effect/sql/SqlClient";
import type { SqlError } from "effect/sql/SqlError";
import { type Publishing, publishing, Sources } from "./Sources.ts";
import { type Subscription, subscriptions } from "./Subscriptions.ts";

/** Published messages that are looked up at once. */
const pageRows = 5000;

interface Sent {
  readonly position: bigint;
  readonly id: string;
  readonly type: string;
  readonly topic: string;
}

const page = (sql: SqlClient.SqlClient, after: bigint) => sql<Sent>`
  SELECT position, id::text AS id, type, topic FROM outbox_sent WHERE position > ${after} ORDER BY position LIMIT ${pageRows}`;

const missing = (sql: SqlClient.SqlClient, consumer: string, ids: ReadonlyArray<string>) =>
  Effect.map(
    sql<{ readonly id: string }>`
      SELECT x.id FROM ${Bulk.rows(
        sql,
        "x",
        { id: "text", day: "text" },
        ids.map((id) => ({ id, day: Inbox.dayOfId(id) })),
      )}
      WHERE NOT EXISTS (SELECT 1 FROM inbox i WHERE i.consumer = ${consumer} AND i.day = x.day::date AND i.id = x.id)`,
    (rows) => rows.map((row) => row.id),
  );

/** How far the clocks of two hosts may lie apart: an input bears its consumer's time, its id the sender's. */
const skewMillis = 60_000;

/** From which id on an inbox is complete. */
const completeSince = (sql: SqlClient.SqlClient) =>
  Effect.map(
    Effect.provideService(Retention.completeSince("inbox"), SqlClient.SqlClient, sql),
    (millis) => millis + skewMillis,
  );

const isRemembered = (id: string, since: number): boolean => (Ids.timeOf(id) ?? since) >= since;

const completeInboxes = Effect.gen(function* () {
  const sources = yield* Sources;
  const since = new Map<Publishing, number>();
  for (const service of publishing) since.set(service, yield* completeSince(sources.of(service)));
  return since;
});

/** What one service published, as each of its consumers saw it. */
const applied = Effect.fnUntraced(function* (
  source: Publishing,
  inboxes: ReadonlyMap<Publishing, number>,
): Effect.fn.Return<Audit.Finding, SqlError, Sources> {
  const sources = yield* Sources;
  let after = -1n;
  let checked = 0;
  const violations: Array<Audit.Violation> = [];
  const look = (subscription: Subscription, ids: ReadonlyArray<string>) =>
    missing(sources.of(subscription.service), subscription.group, ids);
  for (;;) {
    const sent = yield* page(sources.of(source), after);
    for (const subscription of subscriptions) {
      const since = inboxes.get(subscription.service) ?? 0;
      const taken = sent.filter(
        ({ id, topic, type }) => subscription.topics.has(topic) && subscription.takes(type) && isRemembered(id, since),
      );
      if (taken.length === 0) continue;
      checked += taken.length;
      const suspects = yield* look(
        subscription,
        taken.map(({ id }) => id),
      );
      const lost = suspects.length === 0 ? [] : yield* look(subscription, suspects);
      if (lost.length === 0) continue;
      const now = yield* completeSince(sources.of(subscription.service));
      for (const id of lost) {
        if (!isRemembered(id, now)) continue;
        violations.push({ id, what: `published by ${source} but never applied by consumer ${subscription.group}` });
      }
    }
    if (sent.length < pageRows) break;
    after = sent.at(-1)?.position ?? after;
  }
  return { id: "I8", checked, violations: violations.slice(0, Audit.maxNamedViolations) };
});

export const audit: Effect.Effect<ReadonlyArray<Audit.Finding>, SqlError, Sources> = Effect.gen(function* () {
  const sources = yield* Sources;
  const local = yield* Effect.forEach(publishing, (service) =>
    Effect.provideService(OutboxAudit.audit, SqlClient.SqlClient, sources.of(service)),
  );
  const inboxes = yield* completeInboxes;
  const findings = [...local.flat(), ...(yield* Effect.forEach(publishing, (source) => applied(source, inboxes)))];
  return ["I8", "I9"].map((id) =>
    Audit.merge(
      id,
      findings.filter((finding) => finding.id === id),
    ),
  );
});
