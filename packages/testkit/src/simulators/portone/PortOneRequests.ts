/** What may be asked of PortOne V2: bodies as schemas, who may ask, and what an idempotency key looks like. */
import * as Result from "effect/Result";
import * as Schema from "effect/Schema";
import { header, type Request } from "../VendorApi.ts";
import * as PortOnePayment from "./PortOnePayment.ts";

const Positive = Schema.Int.check(Schema.isGreaterThan(0));
const Text = Schema.String.check(Schema.isBetweenLength(1, 256));

export const NewPayment = Schema.Struct({
  orderId: Text,
  amount: Positive,
  /** As the checkout page chose it; absent: the next one of the order. */
  paymentId: Schema.optionalKey(Text.check(Schema.isPattern(/^[^:]+$/))),
  method: Schema.optionalKey(PortOnePayment.Method),
  orderName: Schema.optionalKey(Text),
  /** READY: the window is open, the buyer has not authenticated. */
  status: Schema.optionalKey(Schema.Literals(["READY", "AUTHENTICATED"])),
});
export type NewPayment = typeof NewPayment.Type;

export const decodeConfirm = Schema.decodeUnknownOption(
  Schema.Struct({
    paymentToken: Text,
    totalAmount: Schema.optionalKey(Schema.Int),
    currency: Schema.optionalKey(Schema.String),
    isTest: Schema.optionalKey(Schema.Boolean),
  }),
);

export const decodeCancel = Schema.decodeUnknownOption(
  Schema.Struct({
    reason: Text,
    amount: Schema.optionalKey(Positive),
    currentCancellableAmount: Schema.optionalKey(Schema.Int),
  }),
);

/** The filter of a list, which travels as JSON in the query. */
export const decodeList = Schema.decodeUnknownOption(
  Schema.fromJsonString(
    Schema.Struct({
      page: Schema.optionalKey(
        Schema.Struct({
          number: Schema.optionalKey(Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))),
          size: Schema.optionalKey(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1_000 }))),
        }),
      ),
      filter: Schema.optionalKey(
        Schema.Struct({
          /** Compared with the time of the last change; until is exclusive. */
          from: Schema.optionalKey(Schema.String),
          until: Schema.optionalKey(Schema.String),
          status: Schema.optionalKey(Schema.Array(PortOnePayment.Status)),
        }),
      ),
    }),
  ),
);

/** Answers the secret of a request, or the vendor's type for why it has none. */
export const authenticator =
  (apiSecrets: ReadonlyArray<string>) =>
  (request: Request): Result.Result<string, string> => {
    const authorization = header(request, "authorization") ?? "";
    const secret = authorization.startsWith("PortOne ") ? authorization.slice("PortOne ".length) : "";
    return apiSecrets.includes(secret) ? Result.succeed(secret) : Result.fail("UNAUTHORIZED");
  };

/** The vendor follows the draft standard: a quoted string of 16 to 256 characters. */
export const idempotencyKey = (request: Request): Result.Result<string | undefined, string> => {
  const key = header(request, "idempotency-key");
  if (key === undefined) return Result.succeed(undefined);
  return /^"[\x20-\x7e]{16,256}"$/.test(key) ? Result.succeed(key) : Result.fail("INVALID_REQUEST");
};
