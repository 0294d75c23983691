/** Values that every context of the shop speaks of. */
import * as Schema from "effect/Schema";

/** What people type: text that every database column takes, so no NUL and no half of a surrogate pair. */
export const Text = (bounds: { readonly minLength: number; readonly maxLength: number }) =>
  Schema.String.check(
    Schema.isMinLength(bounds.minLength),
    Schema.isMaxLength(bounds.maxLength),
    Schema.makeFilter((text) => text.isWellFormed() && !text.includes("\0"), {
      expected: "text without NUL and without unpaired surrogates",
    }),
  );

/** Any UUID, lower case; ids made by the shop are version 7. */
const uuid = Schema.String.check(
  Schema.isPattern(/^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/, {
    description: "a UUID in lower case",
  }),
);

export const UserId = uuid.pipe(Schema.brand("UserId"));
export type UserId = typeof UserId.Type;
export const BrandId = uuid.pipe(Schema.brand("BrandId"));
export type BrandId = typeof BrandId.Type;
/** Also the SKU of the stock context. */
export const ProductId = uuid.pipe(Schema.brand("ProductId"));
export type ProductId = typeof ProductId.Type;
export const OrderId = uuid.pipe(Schema.brand("OrderId"));
export type OrderId = typeof OrderId.Type;
/** One coupon of one user; what a template promises is issued under many of them. */
export const CouponId = uuid.pipe(Schema.brand("CouponId"));
export type CouponId = typeof CouponId.Type;
export const CouponTemplateId = uuid.pipe(Schema.brand("CouponTemplateId"));
export type CouponTemplateId = typeof CouponTemplateId.Type;

/** One try to cancel a completed order. */
export const CancellationId = uuid.pipe(Schema.brand("CancellationId"));
export type CancellationId = typeof CancellationId.Type;

/** Won. An integer with one currency: the shop sells in Korea. One order is at most ten thousand million won. */
export const maxWon = 10_000_000_000;
export const Won = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: maxWon })).pipe(Schema.brand("Won"));
export type Won = typeof Won.Type;

/** Pieces of one product in one order. */
export const maxQuantity = 1000;
export const Quantity = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: maxQuantity }));

/** Lines of one order, one per product. */
export const maxLines = 50;

export const Line = Schema.Struct({ productId: ProductId, quantity: Quantity });
export type Line = typeof Line.Type;
export const Lines = Schema.Array(Line).check(Schema.isMinLength(1), Schema.isMaxLength(maxLines));

/** The same product twice is one line. */
export const mergeLines = (lines: ReadonlyArray<Line>): ReadonlyArray<Line> => {
  const quantities = new Map<ProductId, number>();
  for (const { productId, quantity } of lines) {
    quantities.set(productId, (quantities.get(productId) ?? 0) + quantity);
  }
  return [...quantities].map(([productId, quantity]) => ({ productId, quantity }));
};

/** A line with the price that the saga fixed. */
export const PricedLine = Schema.Struct({
  productId: ProductId,
  brandId: BrandId,
  quantity: Quantity,
  unitPrice: Won,
});
export type PricedLine = typeof PricedLine.Type;

/** A line as it is sold: what the order's coupon takes off it is part of it. */
export const SoldLine = Schema.Struct({ ...PricedLine.fields, discount: Won });
export type SoldLine = typeof SoldLine.Type;

/** UTC epoch milliseconds, to the end of the year 9999: clients send it back in cursors, and a database knows no later. */
export const Instant = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 253_402_300_799_999 }));
