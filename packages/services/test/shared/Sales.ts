/** Orders that were paid for, as the order context tells them. */
import { Ids } from "@destiny/sdk/message";
import * as Effect from "effect/Effect";
import {
  type BrandId,
  OrderId,
  type PaidLine,
  ProductId,
  type Recipient,
  UserId,
  Won,
} from "../../src/contracts/index.ts";

export const recipient: Recipient = {
  recipientName: "김하나",
  recipientPhone: "010-1234-5678",
  zipcode: "04524",
  address1: "서울 중구 세종대로 110",
  deliveryMessage: "문 앞에",
};

/** Pieces of a product of its own. */
export const lineOf = Effect.fnUntraced(function* (brandId: BrandId, unitPrice: number, quantity = 1, discount = 0) {
  const line: PaidLine = {
    productId: ProductId.make(yield* Ids.fresh),
    brandId,
    quantity,
    unitPrice: Won.make(unitPrice),
    discount: Won.make(discount),
    paid: Won.make(quantity * unitPrice - discount),
  };
  return line;
});

/** A completed order over these lines. */
export const soldOf = Effect.fnUntraced(function* (at: number, ...lines: ReadonlyArray<PaidLine>) {
  return {
    orderId: OrderId.make(yield* Ids.fresh),
    userId: UserId.make(yield* Ids.fresh),
    lines,
    amount: Won.make(lines.reduce((sum, { paid }) => sum + paid, 0)),
    recipient,
    at,
  };
});
