import { assert, layer } from "@effect/vitest";
import * as Effect from "effect/Effect";
import {
  AwaitPayment,
  type CancellationId,
  CloseCancellation,
  CompleteOrder,
  OrderCanceled,
  OrderCompleted,
  Won,
} from "../../src/contracts/index.ts";
import { recipient } from "../shared/Sales.ts";
import { ServiceTest } from "../shared/ServiceTest.ts";
import * as Orders from "./Orders.ts";

layer(Orders.service, { excludeTestServices: true })("what is told of a sale", (it) => {
  it.effect("its lines say what was paid for each, to the won; only the sale itself says where to send it", () =>
    Effect.gen(function* () {
      const { bus, http, tokens } = yield* ServiceTest;
      const as = yield* tokens.customer;
      const { id: orderId } = yield* Orders.placed(as);
      const { lines: fixed } = yield* Orders.priced(3);
      const [line] = fixed;
      if (line === undefined) return assert.fail("one line");
      const first = { ...line, discount: Won.make(301) };
      const second = { ...first, productId: yield* Orders.product, quantity: 1, discount: Won.make(99) };
      const lines = [first, second];
      yield* bus.ask(AwaitPayment, { orderId, lines, amount: Won.make(3600) });
      yield* bus.ask(CompleteOrder, { orderId });
      yield* bus.settled;
      const sale = {
        lines: [
          { ...first, paid: Won.make(2699) },
          { ...second, paid: Won.make(901) },
        ],
        amount: Won.make(3600),
      };
      const [completed] = yield* bus.said(OrderCompleted, orderId);
      assert.deepInclude(completed?.payload, { ...sale, userId: as.userId, recipient });

      const { body } = yield* http.patch(`/v1/orders/${orderId}/cancel`, { as, body: {} });
      const { id: cancellationId } = body["cancellation"] as { readonly id: CancellationId };
      yield* bus.ask(CloseCancellation, { orderId, cancellationId, outcome: { _tag: "Canceled" } });
      yield* bus.settled;
      const [canceled] = yield* bus.said(OrderCanceled, orderId);
      assert.deepInclude(canceled?.payload, sale);
      assert.notProperty(canceled?.payload, "recipient");
    }),
  );
});
