import { assert, layer } from "@effect/vitest";
import { type Envelope, Ids } from "@destiny/sdk/message";
import { Slack } from "@destiny/testkit/simulators";
import * as Effect from "effect/Effect";
import {
  BrandDeleted,
  BrandId,
  BrandUpdated,
  CancellationId,
  OrderCanceled,
  OrderCanceledV1,
  OrderCancelFailed,
  OrderCancellationStarted,
  OrderCompleted,
  OrderCompletedV1,
  OrderFailed,
} from "../../src/contracts/index.ts";
import { ServiceTest } from "../shared/ServiceTest.ts";
import * as Notices from "./Notices.ts";

const publishing = Effect.fnUntraced(function* (...envelopes: ReadonlyArray<Envelope.Envelope>) {
  const { bus } = yield* ServiceTest;
  yield* bus.publish(...envelopes);
  yield* bus.settled;
  assert.deepStrictEqual(yield* bus.deadLetters, []);
});

layer(Notices.service, { excludeTestServices: true })("telling brands of their orders", (it) => {
  it.effect("each brand is told its own share, as it was paid, in its own channel", () =>
    Effect.gen(function* () {
      const { bus } = yield* ServiceTest;
      const [first, second] = [yield* Notices.brandWithChannel("First"), yield* Notices.brandWithChannel("Second")];
      const sold = yield* Notices.soldOf([first.id, 3], [second.id, 1], [first.id, 2]);
      yield* publishing(yield* bus.envelope(OrderCompleted, sold));
      yield* Notices.delivered;
      const [toFirst, ...moreToFirst] = yield* Notices.shownAt(first.hook);
      const [toSecond, ...moreToSecond] = yield* Notices.shownAt(second.hook);
      assert.include(toFirst, `First: order ${sold.orderId} is paid, 5 pieces, ₩4,995`);
      assert.include(toSecond, `Second: order ${sold.orderId} is paid, 1 pieces, ₩999`);
      assert.deepStrictEqual([moreToFirst, moreToSecond], [[], []]);
      const [log] = yield* Notices.logsOf(first.id);
      assert.deepInclude(log, {
        brandId: first.id,
        sentTo: "BRAND",
        kind: "ORDER_COMPLETED",
        status: "SUCCESS",
        attempts: 1,
        responseCode: 200,
        responseMessage: "ok",
        errorCode: null,
      });
    }),
  );

  it.effect("a message that comes again, alone or in one batch, tells nobody again", () =>
    Effect.gen(function* () {
      const { bus } = yield* ServiceTest;
      const brand = yield* Notices.brandWithChannel();
      const told = yield* bus.envelope(OrderCompleted, yield* Notices.soldOf([brand.id, 1]));
      yield* publishing(told, told);
      yield* Notices.delivered;
      yield* publishing(told);
      yield* Notices.delivered;
      assert.lengthOf(yield* Notices.logsOf(brand.id), 1);
      assert.lengthOf(yield* Notices.shownAt(brand.hook), 1);
    }),
  );

  it.effect("a brand without a channel, unknown, or gone is told through those who run the shop", () =>
    Effect.gen(function* () {
      const { bus } = yield* ServiceTest;
      const silent = yield* Notices.brand("Silent");
      const gone = yield* Notices.brandWithChannel("Gone");
      yield* publishing(
        yield* bus.envelope(BrandDeleted, {
          brandId: gone.id,
          managerId: gone.manager.userId,
          brandName: "Gone",
          version: 2,
        }),
      );
      const unknown = BrandId.make(yield* Ids.fresh);
      const sold = yield* Notices.soldOf([silent.id, 1], [gone.id, 2], [unknown, 3]);
      yield* publishing(yield* bus.envelope(OrderCompleted, sold));
      yield* Notices.delivered;
      const shown = (yield* Notices.shownToAdmin).join("\n");
      for (const name of ["Silent", "Gone", unknown]) assert.include(shown, `${name}: order ${sold.orderId} is paid`);
      assert.deepStrictEqual(yield* Notices.shownAt(gone.hook), []);
      assert.deepInclude((yield* Notices.logsOf(silent.id))[0], { sentTo: "ADMIN", status: "SUCCESS" });
    }),
  );

  it.effect("the brands of an order hear of its cancellation from the order that was sold, however late it comes", () =>
    Effect.gen(function* () {
      const { bus } = yield* ServiceTest;
      const brand = yield* Notices.brandWithChannel("Seller");
      const sold = yield* Notices.soldOf([brand.id, 2]);
      const { amount, orderId } = sold;
      yield* publishing(yield* bus.envelope(OrderCompleted, sold));
      yield* publishing(
        yield* bus.envelope(OrderCancellationStarted, {
          cancellationId: CancellationId.make(yield* Ids.fresh),
          orderId,
          amount,
          couponId: null,
          reason: "too <small>\n& <!channel>",
        }),
        yield* bus.envelope(OrderCanceled, sold),
      );
      yield* Notices.delivered;
      const shown = (yield* Notices.shownAt(brand.hook)).join("\n");
      assert.include(shown, `cancelling order ${orderId}, 2 pieces, ₩1,998: too &lt;small&gt; &amp; &lt;!channel&gt;`);
      assert.include(shown, `order ${orderId} is cancelled and paid back`);
      assert.sameMembers(
        (yield* Notices.logsOf(brand.id)).map(({ kind }) => kind),
        ["CANCEL_REQUESTED", "ORDER_CANCELED", "ORDER_COMPLETED"],
      );
    }),
  );

  it.effect("version 1 of a sale, told before an upgrade, is told on", () =>
    Effect.gen(function* () {
      const { bus } = yield* ServiceTest;
      const brand = yield* Notices.brandWithChannel("Seller");
      const sold = yield* Notices.soldOf([brand.id, 2]);
      yield* publishing(yield* bus.envelope(OrderCompletedV1, sold), yield* bus.envelope(OrderCanceledV1, sold));
      yield* Notices.delivered;
      const shown = (yield* Notices.shownAt(brand.hook)).join("\n");
      assert.include(shown, `order ${sold.orderId} is paid, 2 pieces, ₩2,000`);
      assert.include(shown, `order ${sold.orderId} is cancelled and paid back`);
    }),
  );

  it.effect("what concerns no brand, or brands that nobody wrote down, is told to those who run the shop", () =>
    Effect.gen(function* () {
      const { bus } = yield* ServiceTest;
      const { amount, at, orderId, userId } = yield* Notices.soldOf();
      const cancellationId = CancellationId.make(yield* Ids.fresh);
      yield* publishing(
        yield* bus.envelope(OrderFailed, { orderId, userId, at, reason: "SOLD_OUT", detail: "0 left" }),
        yield* bus.envelope(OrderCancelFailed, { orderId, userId, at, why: "refund payment: no answer" }),
        yield* bus.envelope(OrderCancellationStarted, {
          cancellationId,
          orderId,
          amount,
          couponId: null,
          reason: "why not",
        }),
      );
      yield* Notices.delivered;
      const shown = (yield* Notices.shownToAdmin).join("\n");
      assert.include(shown, `order ${orderId} failed, SOLD_OUT: 0 left`);
      assert.include(shown, `order ${orderId} could not be cancelled: refund payment: no answer`);
      assert.include(shown, `cancelling order ${orderId}, ₩0, of unknown brands: why not`);
    }),
  );

  it.effect("a brand is called as the newest of its events says, whatever comes late", () =>
    Effect.gen(function* () {
      const { bus } = yield* ServiceTest;
      const brand = yield* Notices.brandWithChannel("Old name");
      const named = (brandName: string, version: number) =>
        bus.envelope(BrandUpdated, { brandId: brand.id, managerId: brand.manager.userId, brandName, version });
      yield* publishing(yield* named("New name", 5), yield* named("Late name", 3));
      yield* publishing(yield* bus.envelope(OrderCompleted, yield* Notices.soldOf([brand.id, 1])));
      yield* Notices.delivered;
      assert.match((yield* Notices.shownAt(brand.hook))[0] ?? "", /^New name: /);
    }),
  );

  it.effect("many at once are one message with every one of them, and each is recorded", () =>
    Effect.gen(function* () {
      const { bus } = yield* ServiceTest;
      const { requests } = yield* Slack.SlackSimulator;
      const brand = yield* Notices.brandWithChannel();
      const before = requests();
      const many = yield* Effect.replicateEffect(Notices.soldOf([brand.id, 1]), 100);
      yield* publishing(...(yield* Effect.forEach(many, (sold) => bus.envelope(OrderCompleted, sold))));
      yield* Notices.delivered;
      const told = (yield* Notices.shownAt(brand.hook)).join("\n");
      assert.match(told, /\*\d+ notifications\*/);
      assert.match(told, /… and \d+ more: \d+ ORDER_COMPLETED/);
      assert.isAtMost(requests() - before, 5);
      const counted = yield* Notices.countOf(brand.id);
      assert.deepStrictEqual(counted, { SUCCESS: 100 });
    }),
  );
});
