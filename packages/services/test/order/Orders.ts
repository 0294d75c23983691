/** What the tests of the order service have in common: the service, and orders to place. */
import { Ids } from "@destiny/sdk/message";
import * as Effect from "effect/Effect";
import {
  AwaitPayment,
  BrandId,
  CompleteOrder,
  OrderId,
  ProductId,
  type SoldLine,
  Won,
} from "../../src/contracts/index.ts";
import * as Order from "../../src/order/layer.ts";
import { recipient } from "../shared/Sales.ts";
import * as ServiceTest from "../shared/ServiceTest.ts";
import type { Shopper } from "../shared/TestTokens.ts";

export const service = ServiceTest.layer("order", Order.layer);

export const product = Effect.map(Ids.fresh, (id) => ProductId.make(id));

/** The body of an order over these lines; one piece of a new product when there are none. */
export const bodyOf = Effect.fnUntraced(function* (
  items?: ReadonlyArray<{ readonly productId: string; readonly quantity: unknown }>,
) {
  return { ...recipient, items: items ?? [{ productId: yield* product, quantity: 1 }] };
});

export const idOf = ({ body }: { readonly body: Record<string, unknown> }): OrderId => OrderId.make(String(body["id"]));

/** Places an order of one product under a key of its own. */
export const placed = Effect.fnUntraced(function* (shopper: Shopper) {
  const { http } = yield* ServiceTest.ServiceTest;
  const answer = yield* http.post("/v1/orders", { as: shopper, key: yield* Ids.fresh, body: yield* bodyOf() });
  return { id: idOf(answer), answer };
});

const brandId = BrandId.make("0190a000-0000-7000-8000-00000000b0b0");

/** The prices that the saga would fix: 1,000 won a piece. */
export const priced = Effect.fnUntraced(function* (quantity = 1) {
  const productId = yield* product;
  const line: SoldLine = { productId, brandId, quantity, unitPrice: Won.make(1000), discount: Won.make(0) };
  return { lines: [line], amount: Won.make(1000 * quantity) };
});

/** Placed, payable and completed, as the saga would. */
export const completed = Effect.fnUntraced(function* (as: Shopper) {
  const { bus } = yield* ServiceTest.ServiceTest;
  const { id } = yield* placed(as);
  const { amount, lines } = yield* priced(2);
  yield* bus.ask(AwaitPayment, { orderId: id, lines, amount });
  yield* bus.ask(CompleteOrder, { orderId: id });
  return { id, amount };
});
