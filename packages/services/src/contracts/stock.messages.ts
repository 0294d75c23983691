/** What the stock context is asked, and what it tells. The key of all commands is the order. */
import { Message } from "@destiny/sdk/message";
import * as Schema from "effect/Schema";
import { Instant, Lines, OrderId, ProductId } from "./common.ts";
import { stockCommands, stockEvents } from "./topics.ts";

const ofOrder = Schema.Struct({ orderId: OrderId });
const nothing = Schema.Struct({});
const key = ({ orderId }: { readonly orderId: OrderId }): string => orderId;

/** Why a hold was refused: which product, and what was free when it was refused. */
export const HoldRefusal = Schema.Union([
  Schema.TaggedStruct("SoldOut", { productId: ProductId, available: Schema.Int }),
  Schema.TaggedStruct("UnknownProduct", { productId: ProductId }),
  Schema.TaggedStruct("Cancelled", {}),
]);

/** All lines or none, until `until`: a backstop that outlives the payment window. */
export const HoldStock = Message.command("stock.hold.v1", {
  topic: stockCommands,
  payload: Schema.Struct({ orderId: OrderId, lines: Lines, until: Instant }),
  key,
  success: nothing,
  refusal: HoldRefusal,
});

/** Lets a hold live longer: somebody is still asking whether the order is paid. Nothing to extend is no error. */
export const ExtendHold = Message.command("stock.extend.v1", {
  topic: stockCommands,
  payload: Schema.Struct({ orderId: OrderId, until: Instant }),
  key,
  success: nothing,
  refusal: Schema.Never,
});

/** Gives the held units back. Succeeds also when there is nothing to release. */
export const ReleaseStock = Message.command("stock.release.v1", {
  topic: stockCommands,
  payload: ofOrder,
  key,
  success: nothing,
  refusal: Schema.Never,
});

/** The order is paid: its units are sold. `Short` when the hold had expired and the units are gone. */
export const ClaimStock = Message.command("stock.claim.v1", {
  topic: stockCommands,
  payload: ofOrder,
  key,
  success: nothing,
  refusal: Schema.Struct({ productIds: Schema.Array(ProductId) }),
});

/** A sold order was cancelled: its units come back. */
export const ReturnStock = Message.command("stock.return.v1", {
  topic: stockCommands,
  payload: ofOrder,
  key,
  success: nothing,
  refusal: Schema.Never,
});

const ofProduct = Schema.Struct({ productId: ProductId, version: Schema.Int });

/** Available units of a product fell to zero, or rose from it. */
export const ProductSoldOut = Message.event("stock.sold-out.v1", {
  topic: stockEvents,
  payload: ofProduct,
  key: ({ productId }) => productId,
});
export const ProductReopened = Message.event("stock.reopened.v1", {
  topic: stockEvents,
  payload: ofProduct,
  key: ({ productId }) => productId,
});
