import { assert, layer } from "@effect/vitest";
import { Ids } from "@destiny/sdk/message";
import { Tables } from "@destiny/sdk/outbox";
import { Migrations } from "@destiny/sdk/sql";
import { TestDatabase } from "@destiny/testkit/postgres";
import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import * as SqlClient from "effect/sql/SqlClient";
import { inject } from "vitest";
import * as Delivery from "../../src/audit/Delivery.ts";
import { publishing, Sources } from "../../src/audit/Sources.ts";
import { OrderCompleted } from "../../src/contracts/index.ts";

const hourMillis = 3_600_000;

layer(TestDatabase.layer(inject("pgPort")), { excludeTestServices: true })("the audit of deliveries", (it) => {
  it.effect("names what was never applied, and not what an inbox forgot while it was looked for", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient;
      yield* Migrations.run([Tables.migrations]);
      const now = yield* Clock.currentTimeMillis;
      const ids = yield* Ids.Ids;
      const [forgotten, lost] = [ids.next(now - 24 * hourMillis), ids.next(now)];
      yield* sql`INSERT INTO outbox_sent (id, day, position, type, topic, key)
        SELECT id::uuid, now()::date, position, ${OrderCompleted.type}, ${OrderCompleted.topic.name}, 'key'
        FROM (VALUES (${forgotten}, 1), (${lost}, 2)) AS sent(id, position)`;
      // Retention drops a day right after each database was asked what it has sent and what it has applied since when.
      yield* sql`DROP TABLE retention`;
      yield* sql`CREATE SEQUENCE asked`;
      yield* Migrations.statements(`
        CREATE FUNCTION remembered() RETURNS TABLE (name text, before timestamptz) LANGUAGE plpgsql AS $$
          BEGIN
            IF nextval('asked') > ${2 * publishing.length} THEN
              RETURN QUERY SELECT 'inbox'::text, now() - interval '1 hour';
            END IF;
          END $$`)(sql);
      yield* sql`CREATE VIEW retention AS SELECT name, before FROM remembered()`;
      const findings = yield* Effect.provideService(Delivery.audit, Sources, Sources.of({ of: () => sql, bus: sql }));
      const named = findings.flatMap(({ id, violations }) => violations.map((violation) => [id, violation.id]));
      assert.deepStrictEqual(new Set(named.map(String)), new Set([`I8,${lost}`]));
    }),
  );
});
