/** The coupon context over HTTP: templates are the MASTER's to make, a coupon is whose it was issued to. */
import { Auth, IdempotencyKey, Page, Problem } from "@destiny/sdk/http";
import * as Schema from "effect/Schema";
import * as HttpApi from "effect/http-api/HttpApi";
import * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint";
import * as HttpApiGroup from "effect/http-api/HttpApiGroup";
import * as HttpApiSchema from "effect/http-api/HttpApiSchema";
import { CouponId, CouponTemplateId, Instant, OrderId, Text, UserId, Won } from "./common.ts";
import { DeadLetters } from "./dead-letters.api.ts";

/** `FIXED` takes won off, `RATE` per cent. */
export const DiscountType = Schema.Literals(["FIXED", "RATE"]);

const positiveWon = Won.check(Schema.isGreaterThan(0));

/** What a coupon promises. Whether the parts fit together is answered with codes of its own: COUPON-004 and -005. */
export const DiscountTerms = Schema.Struct({
  discountType: DiscountType,
  /** Won for `FIXED`, 1 to 100 for `RATE`. */
  discountValue: positiveWon,
  minOrderAmount: Won,
  /** A `RATE` must have one. */
  maxDiscountAmount: Schema.NullOr(positiveWon),
});
export type DiscountTerms = typeof DiscountTerms.Type;

export const maxIssueLimit = 10_000_000;
export const maxValidDays = 3650;
export const defaultValidDays = 7;

const name = Text({ minLength: 1, maxLength: 100 });
const code = Schema.String.check(
  Schema.isPattern(/^[A-Za-z0-9_-]{1,50}$/, { expected: "1 to 50 letters, digits, - and _" }),
);
const IssueLimit = Schema.NullOr(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: maxIssueLimit })));
const ValidDays = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: maxValidDays }));

/** All that a MASTER may change: what is left out is what a new template would have. */
export const ReplaceTemplate = Schema.Struct({
  name,
  ...DiscountTerms.fields,
  maxDiscountAmount: Schema.optionalKey(DiscountTerms.fields.maxDiscountAmount),
  /** Coupons at most; none or null: no limit. Not below what is issued. */
  issueLimit: Schema.optionalKey(IssueLimit),
  /** First and last moment at which a coupon is issued. */
  availableFrom: Instant,
  availableTo: Instant,
  /** How long a coupon can be used after it was issued; none: `defaultValidDays`. */
  validDays: Schema.optionalKey(ValidDays),
});
export const CreateTemplate = Schema.Struct({ code, ...ReplaceTemplate.fields });

export const CouponTemplate = Schema.Struct({
  id: CouponTemplateId,
  code,
  name,
  ...DiscountTerms.fields,
  issueLimit: IssueLimit,
  issuedCount: Schema.Int,
  availableFrom: Instant,
  availableTo: Instant,
  validDays: ValidDays,
  createdAt: Instant,
  updatedAt: Instant,
});
export type CouponTemplate = typeof CouponTemplate.Type;

/** `EXPIRED` is what the clock says of an unused one; nobody has to notice it first. */
export const CouponStatus = Schema.Literals(["AVAILABLE", "USED", "EXPIRED"]);
export type CouponStatus = typeof CouponStatus.Type;

/** A coupon with the terms that it was issued with, whatever became of its template since. */
export const Coupon = Schema.Struct({
  id: CouponId,
  templateId: CouponTemplateId,
  userId: UserId,
  code,
  name,
  ...DiscountTerms.fields,
  /** Its number among all that its template ever issued. */
  serial: Schema.Int,
  status: CouponStatus,
  orderId: Schema.NullOr(OrderId),
  usedAt: Schema.NullOr(Instant),
  issuedAt: Instant,
  /** The first moment at which it cannot be used any more. */
  expiresAt: Instant,
});
export type Coupon = typeof Coupon.Type;

export class CodeTaken extends Problem.Class<CodeTaken>()("CodeTaken", {
  code: "COUPON-001",
  status: 409,
  title: "The code is taken",
}) {}

export class TemplateNotFound extends Problem.Class<TemplateNotFound>()("TemplateNotFound", {
  code: "COUPON-002",
  status: 404,
  title: "Coupon template not found",
}) {}

export class EndsBeforeStart extends Problem.Class<EndsBeforeStart>()("EndsBeforeStart", {
  code: "COUPON-003",
  status: 400,
  title: "A template ends before it starts",
}) {}

export class InvalidRate extends Problem.Class<InvalidRate>()("InvalidRate", {
  code: "COUPON-004",
  status: 400,
  title: "A rate is 1 to 100 per cent",
}) {}

export class RateWithoutMaximum extends Problem.Class<RateWithoutMaximum>()("RateWithoutMaximum", {
  code: "COUPON-005",
  status: 400,
  title: "A rate needs a maximum discount",
}) {}

export class LimitBelowIssued extends Problem.Class<LimitBelowIssued>()(
  "LimitBelowIssued",
  { code: "COUPON-006", status: 409, title: "More coupons are issued than the limit allows" },
  { issuedCount: Schema.Int },
) {}

export class IssueTemplateNotFound extends Problem.Class<IssueTemplateNotFound>()("IssueTemplateNotFound", {
  code: "ISSUED-001",
  status: 404,
  title: "Coupon template not found",
}) {}

export class OutsideIssuePeriod extends Problem.Class<OutsideIssuePeriod>()(
  "OutsideIssuePeriod",
  { code: "ISSUED-002", status: 400, title: "Coupons are not issued at this time" },
  { availableFrom: Instant, availableTo: Instant },
) {}

/** Names the coupon, for whoever lost the first answer. */
export class AlreadyIssued extends Problem.Class<AlreadyIssued>()(
  "AlreadyIssued",
  { code: "ISSUED-003", status: 409, title: "The user has this coupon" },
  { couponId: CouponId },
) {}

/** Also the answer to somebody else's coupon: whether it exists is not their business. */
export class CouponNotFound extends Problem.Class<CouponNotFound>()("CouponNotFound", {
  code: "ISSUED-004",
  status: 404,
  title: "Coupon not found",
}) {}

export class NotUsedOnOrder extends Problem.Class<NotUsedOnOrder>()("NotUsedOnOrder", {
  code: "ISSUED-009",
  status: 400,
  title: "The coupon is not used on this order",
}) {}

/** At most half a second old: see `QuotaGate`. */
export class CouponsExhausted extends Problem.Class<CouponsExhausted>()("CouponsExhausted", {
  code: "ISSUED-010",
  status: 400,
  title: "All coupons are issued",
}) {}

const everybody = ["CUSTOMER", "PARTNER", "MASTER"] as const;
const master = ["MASTER"] as const;
const TemplatePosition = Schema.Struct({ id: CouponTemplateId });
const CouponPosition = Schema.Struct({ id: CouponId });
const ofTemplate = { id: CouponTemplateId };
const terms = [EndsBeforeStart, InvalidRate, RateWithoutMaximum] as const;
const part = Schema.optionalKey(Text({ minLength: 1, maxLength: 100 }));

export class Templates extends HttpApiGroup.make("templates")
  .add(
    HttpApiEndpoint.post("create", "/v1/coupon-templates", {
      payload: CreateTemplate,
      success: HttpApiSchema.WithHeaders(CouponTemplate.pipe(HttpApiSchema.status(201)), { location: Schema.String }),
      error: [CodeTaken, ...terms, Problem.Unavailable],
    }).annotate(Auth.Roles, master),
    HttpApiEndpoint.get("get", "/v1/coupon-templates/:id", {
      params: ofTemplate,
      success: CouponTemplate,
      error: TemplateNotFound,
    }).annotate(Auth.Roles, everybody),
    /** Newest first. `code` and `name`: a part of it, in upper or lower case. */
    HttpApiEndpoint.get("list", "/v1/coupon-templates", {
      query: {
        ...Page.Query(TemplatePosition),
        code: part,
        name: part,
        discountType: Schema.optionalKey(DiscountType),
      },
      success: Page.Of(CouponTemplate, TemplatePosition),
    }).annotate(Auth.Roles, everybody),
    HttpApiEndpoint.put("replace", "/v1/coupon-templates/:id", {
      params: ofTemplate,
      payload: ReplaceTemplate,
      success: CouponTemplate,
      error: [TemplateNotFound, LimitBelowIssued, ...terms, Problem.Unavailable],
    }).annotate(Auth.Roles, master),
    /** No coupon is issued any more; those that are issued stay what they are. */
    HttpApiEndpoint.delete("remove", "/v1/coupon-templates/:id", {
      params: ofTemplate,
      success: HttpApiSchema.NoContent,
      error: [TemplateNotFound, Problem.Unavailable],
    }).annotate(Auth.Roles, master),
  )
  .middleware(Auth.Bearer) {}

export class Coupons extends HttpApiGroup.make("coupons")
  .add(
    HttpApiEndpoint.post("issue", "/v1/coupons/:id/issue", {
      params: ofTemplate,
      headers: { "idempotency-key": IdempotencyKey.Header },
      success: HttpApiSchema.WithHeaders(Coupon.pipe(HttpApiSchema.status(201)), { location: Schema.String }),
      error: [
        IssueTemplateNotFound,
        OutsideIssuePeriod,
        AlreadyIssued,
        CouponsExhausted,
        IdempotencyKey.Reused,
        Problem.Unavailable,
      ],
    }).annotate(Auth.Roles, everybody),
    HttpApiEndpoint.get("get", "/v1/issued-coupons/:id", {
      params: { id: CouponId },
      success: Coupon,
      error: CouponNotFound,
    }).annotate(Auth.Roles, everybody),
    /** One's own, newest first. */
    HttpApiEndpoint.get("list", "/v1/issued-coupons", {
      query: { ...Page.Query(CouponPosition), status: Schema.optionalKey(CouponStatus) },
      success: Page.Of(Coupon, CouponPosition),
    }).annotate(Auth.Roles, everybody),
    /** An operator gives a coupon back that this order used; the saga does it by itself when it cancels an order. */
    HttpApiEndpoint.patch("cancel", "/v1/issued-coupons/:id/cancel", {
      params: { id: CouponId },
      payload: Schema.Struct({ orderId: OrderId }),
      success: Coupon,
      error: [CouponNotFound, NotUsedOnOrder, Problem.Unavailable],
    }).annotate(Auth.Roles, master),
  )
  .middleware(Auth.Bearer) {}

export class CouponApi extends HttpApi.make("coupon")
  .add(Templates, Coupons, DeadLetters)
  .annotateMerge(Problem.reportAll) {}
