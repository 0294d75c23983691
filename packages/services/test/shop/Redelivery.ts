/** A second delivery of everything that was ever published, and what the shop's databases say before and after it. */
import * as Effect from "effect/Effect";
import { services } from "../../src/catalogue.ts";
import { Shop } from "./Shop.ts";

const databases = [...services.flatMap((one) => ("database" in one ? [one.name] : [])), "bus"];

/** Tables that a second delivery changes by being one. Every other table of every database is compared, whole rows. */
export const excluded: Readonly<Record<string, string>> = {
  "bus.bus_message": "holds the repeats themselves",
  "bus.bus_partition": "counts the repeats",
  "bus.bus_position": "each consumer moves past the repeats",
};

/** Rows of every table as text, by `<service>.<table>`. */
export type Snapshot = ReadonlyMap<string, ReadonlyArray<string>>;

export const snapshot = Effect.gen(function* () {
  const shop = yield* Shop;
  const tables = new Map<string, ReadonlyArray<string>>();
  for (const name of databases) {
    const sql = shop.database(name);
    // Partitions are read through their parents.
    const found = yield* sql<{ readonly table: string }>`
      SELECT relname AS "table" FROM pg_class
      WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition ORDER BY 1`;
    for (const { table } of found) {
      const rows = yield* sql<{ readonly row: string }>`
        SELECT to_jsonb(t)::text AS row FROM ${sql(table)} t ORDER BY 1`;
      tables.set(
        `${name}.${table}`,
        rows.map(({ row }) => row),
      );
    }
  }
  return tables;
}).pipe(Effect.orDie);

/** What differs between two snapshots, by table: what went and what came. */
export const changes = (before: Snapshot, after: Snapshot): ReadonlyArray<string> =>
  [...new Set([...before.keys(), ...after.keys()])].flatMap((table) => {
    if (table in excluded) return [];
    const [had, has] = [before.get(table) ?? [], after.get(table) ?? []];
    const [known, now] = [new Set(had), new Set(has)];
    const went = had.filter((row) => !now.has(row)).map((row) => `${table}: - ${row}`);
    const came = has.filter((row) => !known.has(row)).map((row) => `${table}: + ${row}`);
    const recounted = had.length === has.length ? [] : [`${table}: ${had.length} rows, then ${has.length}`];
    return [...went, ...came, ...recounted];
  });

/** A record on the bus. */
export interface Published {
  readonly id: string;
  readonly type: string;
  readonly key: string;
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
}

export const published = Effect.flatMap(Shop, ({ database }) => {
  const bus = database("bus");
  return bus<Published>`
    SELECT m.headers::json ->> 'ce_id' AS id, m.headers::json ->> 'ce_type' AS type, m.key, t.name AS topic,
      m.partition, m."offset"::int AS "offset"
    FROM bus_message m JOIN bus_topic t ON t.id = m.topic_id ORDER BY m.topic_id, m.partition, m."offset"`;
}).pipe(Effect.orDie);

/**
 * Publishes every record of the bus once more, byte for byte and in order, as a relay does that died before it noted what it
 * had sent. One statement, like the bus's own: offsets stay dense, and the consumers are woken.
 */
export const repeat = Effect.flatMap(Shop, ({ database }) => {
  const bus = database("bus");
  return bus<Published>`
    WITH locked AS MATERIALIZED (
      SELECT topic_id, partition, next_offset FROM bus_partition ORDER BY 1, 2 FOR NO KEY UPDATE
    ),
    again AS (
      INSERT INTO bus_message (topic_id, partition, "offset", key, headers, data)
      SELECT m.topic_id, m.partition,
        l.next_offset - 1 + row_number() OVER (PARTITION BY m.topic_id, m.partition ORDER BY m."offset"),
        m.key, m.headers, m.data
      FROM bus_message m JOIN locked l USING (topic_id, partition)
      RETURNING topic_id, partition, "offset", key, headers
    ),
    counted AS (
      UPDATE bus_partition p SET next_offset = p.next_offset + a.records
      FROM (SELECT topic_id, partition, count(*) AS records FROM again GROUP BY 1, 2) a
      WHERE p.topic_id = a.topic_id AND p.partition = a.partition
    ),
    woken AS (
      SELECT count(pg_notify('destiny_bus_' || topic_id, '')) FROM (SELECT DISTINCT topic_id FROM again) AS topic
    )
    SELECT a.headers::json ->> 'ce_id' AS id, a.headers::json ->> 'ce_type' AS type, a.key, t.name AS topic,
      a.partition, a."offset"::int AS "offset"
    FROM again a JOIN bus_topic t ON t.id = a.topic_id, woken ORDER BY a.topic_id, a.partition, a."offset"`;
}).pipe(Effect.orDie);

/** The next offset that a group has not finished, by `<group> <topic>/<partition>`. */
export const positions = Effect.flatMap(Shop, ({ database }) => {
  const bus = database("bus");
  return Effect.map(
    bus<{ readonly place: string; readonly position: number }>`
      SELECT g.name || ' ' || t.name || '/' || p.partition AS place, p.position::int AS position
      FROM bus_position p JOIN bus_group g ON g.id = p.group_id JOIN bus_topic t ON t.id = p.topic_id`,
    (rows): ReadonlyMap<string, number> => new Map(rows.map(({ place, position }) => [place, position])),
  );
}).pipe(Effect.orDie);

/** How many messages each consumer recognised by its inbox, as the process itself counts them. */
export const duplicates = Effect.flatMap(Shop, ({ url }) =>
  Effect.promise(async () => {
    const text = await (await fetch(`${url}/metrics`)).text();
    const counted = text.matchAll(/^destiny_consumer_duplicates_total\{[^}]*consumer="([^"]+)"[^}]*\} (\d+)/gm);
    return new Map([...counted].map(([, consumer, count]) => [String(consumer), Number(count)]));
  }),
);
