import { assert, describe, it as plain, layer } from "@effect/vitest";
import * as Effect from "effect/Effect";
import { subscriptions } from "../../src/audit/Subscriptions.ts";
import { couponJourneys } from "./Coupons.ts";
import { eventually } from "./Journey.ts";
import { broughtBy, type Journey, journeys as plainJourneys, troubled, windows } from "./Journeys.ts";
import { definitions, notYetSent, typesOf } from "./MessageTypes.ts";
import * as Redelivery from "./Redelivery.ts";
import { Shop } from "./Shop.ts";

const journeys = [...plainJourneys, ...couponJourneys];

const every = definitions.flatMap(typesOf).sort();
const unsent = Object.keys(notYetSent);
const sent = every.filter((type) => !unsent.includes(type));

const unique = (values: Iterable<string>): ReadonlyArray<string> => [...new Set(values)].sort();

/** Empty in a shop without trouble, at rest and young: an undelivered or poisoned message, or a day that was dropped, would be a row. */
const services = ["brand", "coupon", "notification", "order", "payment", "product", "saga", "stock", "user"];
const empty = [
  ...services.flatMap((service) =>
    ["dead_letter", "dead_letter_action", "outbox", "parked_key", "retention"].map((table) => `${service}.${table}`),
  ),
  // They listen only.
  "notification.outbox_sent",
  "user.outbox_sent",
];

const clean = Effect.gen(function* () {
  const { database, verify } = yield* Shop;
  const result = yield* verify;
  // The shop is at rest before everybody has been told.
  const waiting = database("notification")`SELECT 1 FROM notification_delivery WHERE status = 'PENDING' LIMIT 1`;
  yield* eventually(
    "everybody is told",
    Effect.map(Effect.orDie(waiting), (rows) => rows.length === 0),
  );
  assert.isTrue(result.quiescent, result.moving.join("; "));
  assert.deepStrictEqual(
    result.invariants.filter(({ ok }) => !ok),
    [],
  );
});

/** Each consumer of the shop that applies a record. */
const takers = ({ topic, type }: Redelivery.Published) =>
  subscriptions.filter((one) => one.topics.has(topic) && one.takes(type));

describe("every message type of the shop, delivered twice, changes nothing the second time", () => {
  plain("no type of the contracts is without a journey that brings it, or a reason why nothing sends it", () => {
    const brought = [...journeys, ...troubled].flatMap(broughtBy);
    assert.deepStrictEqual(unique([...brought, ...unsent]), every);
    assert.isAbove(every.length, 0);
    assert.deepStrictEqual(unique(every), every, "no two messages share a type");
  });

  layer(Shop.layer(windows), { excludeTestServices: true, timeout: "150 seconds" })("in a shop with a past", (it) => {
    it.effect(
      "each journey brings the types that it names, and all types but the unsent ones were published",
      () =>
        Effect.gen(function* () {
          const keys = new Map<string, ReadonlyArray<string>>();
          const drive = ({ name, run }: Journey) => Effect.map(run, (brought) => keys.set(name, brought));
          yield* Effect.forEach(journeys, drive, { concurrency: "unbounded", discard: true });
          yield* Effect.forEach(troubled, drive, { discard: true });
          yield* clean;
          const published = yield* Redelivery.published;
          for (const journey of [...journeys, ...troubled]) {
            const { name } = journey;
            const own = published.filter(({ key }) => keys.get(name)?.includes(key));
            const missing = broughtBy(journey).filter((type) => !own.some((one) => one.type === type));
            assert.deepStrictEqual(missing, [], name);
          }
          assert.deepStrictEqual(unique(published.map(({ type }) => type)), sent);
        }),
      120_000,
    );

    it.effect(
      "repeats of all of them are consumed by everybody who takes them, and no row of the shop differs",
      () =>
        Effect.gen(function* () {
          const { database, toss } = yield* Shop;
          yield* clean;
          const first = yield* Redelivery.published;
          const money = toss.captures();
          const recognised = yield* Redelivery.duplicates;
          const before = yield* Redelivery.snapshot;
          const repeats = yield* Redelivery.repeat;
          assert.deepStrictEqual(
            unique(repeats.map(({ type }) => type)),
            sent,
            "every type that anybody sends is repeated",
          );
          yield* clean;

          const after = yield* Redelivery.snapshot;
          assert.deepStrictEqual(Redelivery.changes(before, after), []);
          assert.deepStrictEqual(toss.captures(), money);
          assert.strictEqual((yield* Redelivery.published).length, 2 * first.length, "the repeats caused no message");

          const positions = yield* Redelivery.positions;
          const consumed = new Map<string, Set<string>>();
          const taken = new Map<string, number>();
          for (const record of repeats) {
            for (const { group, service } of takers(record)) {
              const position = positions.get(`${group} ${record.topic}/${record.partition}`) ?? 0;
              assert.isAbove(position, record.offset, `${group} did not consume the repeat of ${record.type}`);
              const [row] = yield* database(service)<{ readonly n: number }>`
              SELECT count(*)::int AS n FROM inbox WHERE consumer = ${group} AND id = ${record.id}`;
              assert.strictEqual(row?.n, 1, `${record.type} ${record.id} in the inbox of ${group}`);
              taken.set(group, (taken.get(group) ?? 0) + 1);
              consumed.set(record.type, (consumed.get(record.type) ?? new Set()).add(group));
            }
          }
          assert.deepStrictEqual([...consumed.keys()].sort(), sent, "somebody consumed a repeat of each type");
          const now = yield* Redelivery.duplicates;
          // At least: the bus may bring a batch again by itself.
          for (const [group, count] of taken) {
            assert.isAtLeast((now.get(group) ?? 0) - (recognised.get(group) ?? 0), count, `recognised by ${group}`);
          }
        }),
      120_000,
    );

    it.effect("the comparison leaves out nothing but the bus's own offsets, and saw what it compared", () =>
      Effect.gen(function* () {
        const tables = yield* Redelivery.snapshot;
        for (const table of Object.keys(Redelivery.excluded)) assert.isTrue(tables.has(table), table);
        const without = [...tables].flatMap(([table, rows]) => (rows.length === 0 ? [table] : []));
        assert.deepStrictEqual(without.sort(), empty.sort());
      }),
    );
  });
});
