import { Ledger, Load, Plan, Summary } from "@destiny/testkit/scenario";
import type { Journey } from "@destiny/testkit/scenario";
import { assert, describe, it } from "@effect/vitest";
import * as Effect from "effect/Effect";
import * as path from "node:path";
import blackFriday from "../../../../scenarios/black-friday.ts";
import { pay } from "../../../../scenarios/lib/paying.ts";
import { placeOrder, untilPayable } from "../../../../scenarios/lib/shopping.ts";
import * as FakeShop from "./FakeShop.ts";
import { folder, jobOf, sumsHold } from "./LoadJob.ts";

const countOf = (values: Iterable<string>, value: string) => Array.from(values).filter((one) => one === value).length;

describe("black-friday", () => {
  it("at its defaults every user asks once in the drop, and orders are paid, left, doubled and cancelled as it says", () => {
    const { defaults, needs } = blackFriday;
    const { arrivals, lengthMillis, warmUps } = Plan.make({
      scenario: blackFriday,
      options: defaults,
      users: needs.users,
      seed: 42,
    });
    const warmUpMillis = warmUps.reduce((sum, { fromMillis, toMillis }) => sum + toMillis - fromMillis, 0);
    assert.closeTo(lengthMillis - warmUpMillis, defaults.durationSeconds * 1000, 1);
    const journeys = arrivals.map(({ journey }) => journey);
    assert.strictEqual(countOf(journeys, "drop"), needs.users);
    // One in five of those who ask gets a coupon, and orders with it.
    const withCoupon = needs.users / 5;
    const orders = journeys.length - needs.users + withCoupon;
    const share = (name: string) => (100 * countOf(journeys, name)) / orders;
    assert.closeTo(share("buy"), 60, 3);
    assert.closeTo(share("leave"), 12, 3);
    assert.closeTo(share("doubleClick"), 8, 3);
    assert.closeTo(share("payAndCancel"), 10, 3);
    assert.closeTo((100 * withCoupon) / orders, 10, 2);
  });

  it("has a peak whatever its length, reached within five seconds after the warm-up, and kills at the peak", () => {
    for (const durationSeconds of [5, 20, 60, 600]) {
      const stages = blackFriday.phases({ ...blackFriday.defaults, durationSeconds, peakPerSecond: 40 });
      const [warmUp, step, plateau] = stages;
      if (warmUp === undefined || step === undefined || plateau === undefined) return assert.fail("three stages");
      assert.isAtMost(step.seconds, 5);
      assert.deepStrictEqual([step.to, plateau.from, plateau.to], [40, 40, 40]);
      const length = stages.reduce((sum, { seconds }) => sum + seconds, 0);
      const before = warmUp.seconds + step.seconds;
      for (const { at, kind } of blackFriday.faults) {
        assert.isAbove(at * length, before);
        if (kind === "kill") assert.isBelow(at * length, before + plateau.seconds);
      }
    }
  });

  it.live(
    "every journey comes to its end: coupons for the first, one order a double click, cancelled when it says so",
    () =>
      Effect.scoped(
        Effect.gen(function* () {
          const shop = yield* FakeShop.make({ ...FakeShop.wellBehaved, paymentWindowMillis: 2_500 });
          const users = 40;
          const into = yield* folder;
          const job = jobOf(into, shop.url, {
            scenario: "black-friday",
            couponTemplateId: "drop",
            users: Array.from({ length: users }, (_, index) => ({ username: `user${index}`, password: "Passw0rd!" })),
          });
          const short = {
            ...blackFriday,
            phases: () => [{ seconds: 2, from: 40, to: 40, everybody: "drop" }],
          };
          const summary = yield* Effect.promise(() => Load.start(job, short, () => {}).done);
          sumsHold(summary, summary.dropped);
          assert.deepStrictEqual(summary.journeyFailures, { count: 0, examples: [] });
          assert.deepStrictEqual([summary.unexpected, summary.weather], [[], []]);

          const { coupons, orders } = summary;
          assert.deepInclude(coupons, { issued: FakeShop.wellBehaved.coupons, refused: 0 });
          assert.strictEqual(coupons.offered, coupons.issued + coupons.soldOut + coupons.duplicate);
          assert.isAbove(coupons.offered, users);
          assert.strictEqual(shop.couponOf.size, coupons.issued);
          const used = Array.from(shop.orders.values()).flatMap(({ couponId }) =>
            couponId === undefined ? [] : couponId,
          );
          assert.sameMembers(used, [...shop.couponOf.values()]);

          // A double click is one order: the shop has as many as there are shoppers who ordered.
          assert.strictEqual(orders.placed, shop.orders.size);
          assert.isAbove(summary.http["POST /v1/orders"]?.count ?? 0, orders.placed);
          const statuses = Array.from(shop.orders.values(), ({ status }) => status);
          assert.strictEqual(orders.cancelled, countOf(statuses, "CANCELED"));
          assert.isAbove(orders.cancelled, 0);
          assert.deepInclude(orders, { open: 0, failed: 0, unanswered: 0 });
          assert.strictEqual(orders.completed, countOf(statuses, "COMPLETED"));
          for (const route of ["GET /v1/products?query", "GET /v1/products/{id}"]) {
            assert.strictEqual(summary.http[route]?.count, orders.placed, route);
          }

          const ledger = yield* Ledger.read(path.join(into, Summary.files.ledger));
          assert.lengthOf(ledger.coupons, coupons.offered);
          const issued = ledger.coupons.filter(({ answer }) => answer?.httpStatus === 201);
          const told = issued.flatMap(({ couponId }) => couponId ?? []);
          assert.sameMembers(told, [...shop.couponOf.values()]);
          assert.sameMembers(
            ledger.orders.flatMap(({ couponId }) => couponId ?? []),
            told,
          );
        }),
      ),
  );

  it.live(
    "a shopper whose gateway cannot be used or says nothing pays at the next, where a scenario has such gateways",
    () =>
      Effect.scoped(
        Effect.gen(function* () {
          for (const firstGateway of [202, 409, 503] as const) {
            const shop = yield* FakeShop.make({ ...FakeShop.wellBehaved, paymentWindowMillis: 5_000, firstGateway });
            const buy: Journey = async (shopper) => {
              await placeOrder(shopper, [{ product: shopper.products.pick(), quantity: 1 }]);
              if (await untilPayable(shopper)) await pay(shopper, { elsewhere: true });
            };
            const scenario = {
              ...blackFriday,
              phases: () => [{ seconds: 0.2, from: 20, to: 20 }],
              journeys: { buy: { weight: 1, places: "order" as const, run: buy } },
            };
            const into = yield* folder;
            const simulators = { TOSSPAYMENTS: shop.url, PORTONE: shop.url };
            const job = jobOf(into, shop.url, { simulators, options: { arrivals: "even" } });
            const summary = yield* Effect.promise(() => Load.start(job, scenario, () => {}).done);
            assert.deepInclude(summary.orders, { placed: 4, completed: 4 });
            assert.deepStrictEqual([summary.unexpected, summary.weather], [[], []]);
            const { orders } = yield* Ledger.read(path.join(into, Summary.files.ledger));
            for (const { payments } of orders) {
              assert.deepStrictEqual(
                payments.map(({ provider }) => provider),
                ["TOSSPAYMENTS", "PORTONE"],
              );
            }
          }
        }),
      ),
  );
});
