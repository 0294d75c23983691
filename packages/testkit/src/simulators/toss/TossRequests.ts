/** What may be asked of Toss Payments: bodies as schemas, and who may ask. */
import * as Result from "effect/Result";
import * as Schema from "effect/Schema";
import type { SimulatorRequest } from "../SimulatorServer.ts";
import { header } from "../VendorApi.ts";
import * as TossPayment from "./TossPayment.ts";

export const maxIdempotencyKeyLength = 300;

export const NewPayment = Schema.Struct({
  orderId: TossPayment.OrderId,
  amount: TossPayment.PositiveAmount,
  method: Schema.optionalKey(TossPayment.Method),
  currency: Schema.optionalKey(TossPayment.Currency),
  orderName: Schema.optionalKey(Schema.String.check(Schema.isBetweenLength(1, 100))),
  /** READY: the window is open, the buyer has not authenticated. Absent: IN_PROGRESS. */
  status: Schema.optionalKey(Schema.Literals(["READY", "IN_PROGRESS"])),
});
export type NewPayment = typeof NewPayment.Type;

export const decodeConfirm = Schema.decodeUnknownOption(
  Schema.Struct({
    paymentKey: Schema.String.check(Schema.isBetweenLength(1, 200)),
    orderId: TossPayment.OrderId,
    amount: TossPayment.PositiveAmount,
  }),
);

export const decodeCancel = Schema.decodeUnknownOption(
  Schema.Struct({
    cancelReason: Schema.String.check(Schema.isBetweenLength(1, 200)),
    cancelAmount: Schema.optionalKey(TossPayment.PositiveAmount),
    refundableAmount: Schema.optionalKey(Schema.Int),
    currency: Schema.optionalKey(Schema.String),
    refundReceiveAccount: Schema.optionalKey(
      Schema.Struct({
        bank: Schema.String,
        accountNumber: Schema.String.check(Schema.isPattern(/^\d{1,20}$/)),
        holderName: Schema.String.check(Schema.isBetweenLength(1, 60)),
      }),
    ),
  }),
);

export const language = (request: SimulatorRequest): "ko" | "en" =>
  (header(request, "accept-language") ?? "").toLowerCase().startsWith("en") ? "en" : "ko";

/** Answers the secret key of a request, or the vendor's code for why it has none. */
export const authenticator = (secretKeys: ReadonlyArray<string>) => {
  // The whole header is compared: a base64 decoding a request is only paid by those who got it wrong.
  const accepted = new Map(secretKeys.map((key) => [`Basic ${Buffer.from(`${key}:`).toString("base64")}`, key]));
  return (request: SimulatorRequest): Result.Result<string, string> => {
    const authorization = header(request, "authorization");
    if (authorization === undefined) return Result.fail("UNAUTHORIZED_KEY");
    const known = accepted.get(authorization);
    if (known !== undefined) return Result.succeed(known);
    const [scheme, credentials] = authorization.split(" ");
    const text = Buffer.from(credentials ?? "", "base64").toString("utf8");
    if (scheme !== "Basic" || !text.endsWith(":")) return Result.fail("INCORRECT_BASIC_AUTH_FORMAT");
    return Result.fail(/^(?:test|live)_g?ck_/.test(text) ? "INVALID_API_KEY" : "UNAUTHORIZED_KEY");
  };
};
