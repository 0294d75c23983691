/**
 * What the error codes of Toss Payments prove, as data (core API, version 2022-11-16).
 *
 * The HTTP status decides nothing: `PROVIDER_ERROR` is a 400 and transient, `INVALID_API_KEY` is a 400 and ours, and some
 * refusals are 403. A code that is not listed proves nothing.
 */

/**
 * - `hard`, `soft`: refused for good; with `soft` the buyer may try again, with another instrument or later.
 * - `configuration`: our key or contract is wrong; turned away before the payment was looked at.
 * - `throttled`: turned away before the payment was looked at.
 * - `busy`: the first request of this idempotency key is still running; its answer will come under the same key.
 * - `doubt`: the payment may have been approved, now or before.
 */
export type ConfirmMeaning = "hard" | "soft" | "configuration" | "throttled" | "busy" | "doubt";

const words = (text: string): ReadonlyArray<string> => text.trim().split(/\s+/);

const table: Readonly<Record<ConfirmMeaning, ReadonlyArray<string>>> = {
  doubt: words(`ALREADY_PROCESSED_PAYMENT ALREADY_PROCESSING_REQUEST DUPLICATED_ORDER_ID PROVIDER_ERROR
    CARD_PROCESSING_ERROR FAILED_PAYMENT_INTERNAL_SYSTEM_PROCESSING FAILED_INTERNAL_SYSTEM_PROCESSING
    UNKNOWN_PAYMENT_ERROR COMMON_ERROR`),
  busy: ["IDEMPOTENT_REQUEST_PROCESSING"],
  throttled: ["TOO_MANY_REQUESTS"],
  configuration: words(`INVALID_API_KEY NOT_FOUND_TERMINAL_ID NOT_REGISTERED_BUSINESS INVALID_UNREGISTERED_SUBMALL
    UNAUTHORIZED_KEY FORBIDDEN_REQUEST INCORRECT_BASIC_AUTH_FORMAT`),
  hard: words(`INVALID_REQUEST INVALID_PAYMENT_KEY BELOW_MINIMUM_AMOUNT INVALID_AUTHORIZE_AUTH UNAPPROVED_ORDER_ID
    NOT_FOUND_PAYMENT NOT_FOUND_PAYMENT_SESSION`),
  soft: words(`INVALID_REJECT_CARD INVALID_CARD_EXPIRATION INVALID_STOPPED_CARD INVALID_CARD_LOST_OR_STOLEN
    INVALID_CARD_NUMBER INVALID_CARD_INSTALLMENT_PLAN NOT_SUPPORTED_INSTALLMENT_PLAN_CARD_OR_MERCHANT
    NOT_SUPPORTED_MONTHLY_INSTALLMENT_PLAN EXCEED_MAX_CARD_INSTALLMENT_PLAN NOT_ALLOWED_POINT_USE
    EXCEED_MAX_DAILY_PAYMENT_COUNT EXCEED_MAX_PAYMENT_AMOUNT EXCEED_MAX_AMOUNT EXCEED_MAX_ONE_DAY_WITHDRAW_AMOUNT
    EXCEED_MAX_ONE_TIME_WITHDRAW_AMOUNT RESTRICTED_TRANSFER_ACCOUNT INVALID_ACCOUNT_INFO_RE_REGISTER
    NOT_AVAILABLE_PAYMENT REJECT_ACCOUNT_PAYMENT REJECT_CARD_PAYMENT REJECT_CARD_COMPANY
    REJECT_TOSSPAY_INVALID_ACCOUNT EXCEED_MAX_AUTH_COUNT EXCEED_MAX_ONE_DAY_AMOUNT NOT_AVAILABLE_BANK INVALID_PASSWORD
    FDS_ERROR`),
};

/** Every listed code of a confirm. */
export const confirmCodes: ReadonlyMap<string, ConfirmMeaning> = new Map(
  (Object.keys(table) as Array<ConfirmMeaning>).flatMap((meaning) =>
    table[meaning].map((code): [string, ConfirmMeaning] => [code, meaning]),
  ),
);

/**
 * - `settled`: nothing may be left to cancel; a look at the balance decides.
 * - `refused`: will not be done, also not later.
 */
export type CancelMeaning = "settled" | "refused" | "configuration" | "throttled" | "busy" | "doubt";

const cancelTable: Readonly<Record<CancelMeaning, ReadonlyArray<string>>> = {
  settled: words("ALREADY_CANCELED_PAYMENT ALREADY_REFUND_PAYMENT NOT_CANCELABLE_AMOUNT"),
  refused: words(`INVALID_REFUND_ACCOUNT_INFO EXCEED_CANCEL_AMOUNT_DISCOUNT_AMOUNT INVALID_REQUEST
    INVALID_REFUND_ACCOUNT_NUMBER INVALID_BANK NOT_MATCHES_REFUNDABLE_AMOUNT REFUND_REJECTED
    FORBIDDEN_BANK_REFUND_REQUEST NOT_CANCELABLE_PAYMENT EXCEED_MAX_REFUND_DUE
    NOT_ALLOWED_PARTIAL_REFUND_WAITING_DEPOSIT NOT_ALLOWED_PARTIAL_REFUND NOT_AVAILABLE_BANK
    NOT_CANCELABLE_PAYMENT_FOR_DORMANT_USER EXCEED_CANCEL_LIMIT NOT_FOUND_PAYMENT`),
  configuration: words("UNAUTHORIZED_KEY FORBIDDEN_REQUEST INCORRECT_BASIC_AUTH_FORMAT INVALID_API_KEY"),
  throttled: ["TOO_MANY_REQUESTS"],
  busy: ["IDEMPOTENT_REQUEST_PROCESSING"],
  doubt: words(`PROVIDER_ERROR FORBIDDEN_CONSECUTIVE_REQUEST FAILED_INTERNAL_SYSTEM_PROCESSING FAILED_REFUND_PROCESS
    FAILED_METHOD_HANDLING_CANCEL FAILED_PARTIAL_REFUND COMMON_ERROR FAILED_PAYMENT_INTERNAL_SYSTEM_PROCESSING`),
};

/** Every listed code of a cancel. */
export const cancelCodes: ReadonlyMap<string, CancelMeaning> = new Map(
  (Object.keys(cancelTable) as Array<CancelMeaning>).flatMap((meaning) =>
    cancelTable[meaning].map((code): [string, CancelMeaning] => [code, meaning]),
  ),
);

/** The vendor names methods in Korean. */
export const methods: Readonly<Record<string, string>> = {
  카드: "CARD",
  가상계좌: "VIRTUAL_ACCOUNT",
  간편결제: "EASY_PAY",
  휴대폰: "MOBILE_PHONE",
  계좌이체: "TRANSFER",
  문화상품권: "CULTURE_GIFT_CERTIFICATE",
  도서문화상품권: "BOOK_GIFT_CERTIFICATE",
  게임문화상품권: "GAME_GIFT_CERTIFICATE",
};
