import { assert, layer } from "@effect/vitest";
import * as Effect from "effect/Effect";
import { ClosePayment, type OrderId } from "../../src/contracts/index.ts";
import * as ServiceTest from "../shared/ServiceTest.ts";
import { itemsOf, nextOf } from "../shared/TestHttp.ts";
import type { Shopper } from "../shared/TestTokens.ts";
import * as Payments from "./Payments.ts";

const orderIdsOf = (...[answer]: Parameters<typeof itemsOf>) => itemsOf(answer).map(({ orderId }) => orderId);

const list = Effect.fnUntraced(function* (as: Shopper, query = "") {
  const { http } = yield* ServiceTest.ServiceTest;
  return yield* http.get(`/v1/payments${query}`, { as });
});

layer(Payments.service, { excludeTestServices: true })("payments are listed", (it) => {
  it.effect("to their buyer alone, newest first, page by page, and each as it is shown alone", () =>
    Effect.gen(function* () {
      const { http, tokens } = yield* ServiceTest.ServiceTest;
      const [buyer, other] = [yield* tokens.customer, yield* tokens.partner];
      const own: Array<OrderId> = [];
      for (const amount of [1000, 2000, 3000]) {
        own.unshift(yield* Payments.opened(buyer, amount));
        yield* Payments.opened(other);
      }
      const first = yield* list(buyer, "?limit=2");
      const second = yield* list(buyer, `?limit=2&${nextOf(first)}`);
      assert.deepStrictEqual([...orderIdsOf(first), ...orderIdsOf(second)], own);
      assert.isUndefined(nextOf(second));
      for (const item of itemsOf(first)) {
        const { body } = yield* http.get(`/v1/payments/${String(item["orderId"])}`, { as: buyer });
        assert.deepStrictEqual(body, item);
      }
      // Somebody else's cursor is a position, not a right.
      assert.notIncludeMembers(orderIdsOf(yield* list(other, `?${nextOf(first)}`)), own);
    }),
  );

  it.effect("to a MASTER all of them, but not what was closed before it was ever opened", () =>
    Effect.gen(function* () {
      const { bus, tokens } = yield* ServiceTest.ServiceTest;
      const orders = [yield* Payments.opened(yield* tokens.customer), yield* Payments.opened(yield* tokens.customer)];
      const never = yield* Payments.newId;
      yield* bus.ask(ClosePayment, { orderId: never, cancel: true });
      const shown = orderIdsOf(yield* list(yield* tokens.master, "?limit=100"));
      assert.includeMembers(shown, orders);
      assert.notInclude(shown, never);
    }),
  );
});
