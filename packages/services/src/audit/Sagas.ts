/** I7: every saga has ended, or has a next wake-up that is not overdue; none is stuck or behind a dead letter. */
import { Audit } from "@destiny/sdk/machine";
import { SagaStore } from "@destiny/sdk/saga";
import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import * as SqlClient from "effect/sql/SqlClient";
import type { SqlError } from "effect/sql/SqlError";
import { publishing, Sources } from "./Sources.ts";

/** A wake-up is swept every half second; later than this nobody is coming. */
const overdueMillis = 10_000;

export const audit: Effect.Effect<Audit.Finding, SqlError, Sources> = Effect.gen(function* () {
  const sources = yield* Sources;
  const store = yield* SagaStore.SagaStore.pipe(
    Effect.provide(SagaStore.SagaStore.layer),
    Effect.provideService(SqlClient.SqlClient, sources.of("saga")),
  );
  const stalled = yield* store.audit((yield* Clock.currentTimeMillis) - overdueMillis);
  const parked = yield* Effect.forEach(publishing, (service) =>
    Effect.map(
      sources.of(service)<{ readonly id: string; readonly key: string; readonly reason: string | null }>`
        SELECT id, key, reason FROM dead_letter WHERE status = 'parked' ORDER BY position LIMIT ${Audit.maxNamedViolations}`,
      (rows) =>
        rows.map(({ id, key, reason }) => ({
          id: key,
          what: `${service} set message ${id} aside: ${reason ?? "behind a dead letter"}`,
        })),
    ),
  );
  const violations = [...stalled.violations, ...parked.flat()].slice(0, Audit.maxNamedViolations);
  return { ...stalled, id: "I7", violations };
});
