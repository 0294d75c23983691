/** One line of the shoppers' ledger. */
import * as Schema from "effect/Schema";

const shared = { shopper: Schema.Int, at: Schema.Finite };

const Item = Schema.Struct({ productId: Schema.String, quantity: Schema.Int });
export type Item = typeof Item.Type;

/** Times are epoch milliseconds by the load process's clock; amounts are won. */
export const Entry = Schema.Union([
  Schema.Struct({
    type: Schema.Literal("run"),
    at: Schema.Finite,
    run: Schema.String,
    scenario: Schema.String,
    seed: Schema.Int,
  }),
  Schema.Struct({
    type: Schema.Literal("asked"),
    ...shared,
    userId: Schema.String,
    idempotencyKey: Schema.String,
    items: Schema.Array(Item),
    couponId: Schema.optionalKey(Schema.String),
  }),
  Schema.Struct({
    type: Schema.Literal("got"),
    ...shared,
    /** When the request was sent that this answers. */
    from: Schema.Finite,
    orderId: Schema.String,
    status: Schema.String,
  }),
  Schema.Struct({ type: Schema.Literal("refused"), ...shared, status: Schema.Int }),
  Schema.Struct({
    type: Schema.Literal("seen"),
    ...shared,
    from: Schema.Finite,
    status: Schema.String,
    reason: Schema.optionalKey(Schema.String),
    finalAmount: Schema.optionalKey(Schema.Int),
  }),
  Schema.Struct({
    type: Schema.Literal("paid"),
    ...shared,
    provider: Schema.String,
    vendorOrderId: Schema.String,
    paymentKey: Schema.String,
    amount: Schema.Int,
  }),
  Schema.Struct({
    type: Schema.Literal("confirmed"),
    ...shared,
    from: Schema.Finite,
    /** 0: no answer. */
    httpStatus: Schema.Int,
    status: Schema.optionalKey(Schema.String),
  }),
  Schema.Struct({ type: Schema.Literal("cancelAsked"), ...shared }),
  Schema.Struct({
    type: Schema.Literal("couponAsked"),
    ...shared,
    userId: Schema.String,
    templateId: Schema.String,
    idempotencyKey: Schema.String,
  }),
  Schema.Struct({
    type: Schema.Literal("couponAnswered"),
    ...shared,
    from: Schema.Finite,
    idempotencyKey: Schema.String,
    /** 0: no answer. */
    httpStatus: Schema.Int,
    /** Why there is none, in the shop's own codes. */
    code: Schema.optionalKey(Schema.String),
    /** The coupon that was issued, or that the shopper is told to have already. */
    couponId: Schema.optionalKey(Schema.String),
  }),
  Schema.Struct({ type: Schema.Literal("note"), ...shared, what: Schema.String }),
  Schema.Struct({ type: Schema.Literal("closed"), at: Schema.Finite, interrupted: Schema.Boolean }),
]);
export type Entry = typeof Entry.Type;

/** Texts that come from answers are cut to this many characters. */
export const maxTextLength = 500;
