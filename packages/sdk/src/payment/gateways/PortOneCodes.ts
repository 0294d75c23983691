/**
 * What the error types of PortOne V2 prove, as data (REST 1.16).
 *
 * `PG_PROVIDER` is what the acquirer behind the channel said, in its own code: only codes that are known to be a refusal of
 * the buyer's instrument decline, since the vendor uses the same type for an acquirer that did not answer.
 */
import { type CancelMeaning, codes, type ConfirmMeaning } from "./Meanings.ts";
import { confirmCodes as tossCodes } from "./TossCodes.ts";

/** Every listed type of a confirm. */
export const confirmTypes = codes<ConfirmMeaning>({
  doubt: "ALREADY_PAID",
  trouble: "PG_PROVIDER",
  busy: "IDEMPOTENCY_OUTSTANDING_REQUEST",
  throttled: "",
  configuration: "UNAUTHORIZED FORBIDDEN CHANNEL_NOT_FOUND",
  hard: "INVALID_REQUEST INVALID_PAYMENT_TOKEN INFORMATION_MISMATCH PAYMENT_NOT_FOUND",
  soft: "",
});

/** Every listed type of a cancel. */
export const cancelTypes = codes<CancelMeaning>({
  settled: `PAYMENT_ALREADY_CANCELLED CANCELLABLE_AMOUNT_CONSISTENCY_BROKEN CANCEL_AMOUNT_EXCEEDS_CANCELLABLE_AMOUNT`,
  refused: `INVALID_REQUEST PAYMENT_NOT_FOUND PAYMENT_NOT_PAID MAX_CANCEL_COUNT_REACHED
    SUM_OF_PARTS_EXCEEDS_CANCEL_AMOUNT CANCEL_TAX_AMOUNT_EXCEEDS_CANCELLABLE_TAX_AMOUNT
    CANCEL_TAX_FREE_AMOUNT_EXCEEDS_CANCELLABLE_TAX_FREE_AMOUNT REMAINED_AMOUNT_LESS_THAN_PROMOTION_MIN_PAYMENT_AMOUNT`,
  configuration: "UNAUTHORIZED FORBIDDEN",
  throttled: "",
  busy: "IDEMPOTENCY_OUTSTANDING_REQUEST",
  doubt: "",
  trouble: "PG_PROVIDER",
});

/** Acquirer codes by which the buyer's instrument refuses: those of the acquirer Toss Payments. */
export const refusals: ReadonlySet<string> = new Set(
  [...tossCodes].filter(([, meaning]) => meaning === "soft").map(([code]) => code),
);

/** The vendor names methods by the name of its schema. */
export const methods: Readonly<Record<string, string>> = {
  PaymentMethodCard: "CARD",
  PaymentMethodVirtualAccount: "VIRTUAL_ACCOUNT",
  PaymentMethodEasyPay: "EASY_PAY",
  PaymentMethodMobile: "MOBILE_PHONE",
  PaymentMethodTransfer: "TRANSFER",
  PaymentMethodGiftCertificate: "GIFT_CERTIFICATE",
};
