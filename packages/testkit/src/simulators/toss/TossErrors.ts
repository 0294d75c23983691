/** The error codes of Toss Payments with the HTTP status each comes with, and the messages of those that occur here. */

const byStatus: Readonly<Record<number, string>> = {
  400: `ALREADY_PROCESSED_PAYMENT ALREADY_PROCESSING_REQUEST DUPLICATED_ORDER_ID PROVIDER_ERROR CARD_PROCESSING_ERROR
    INVALID_REQUEST INVALID_PAYMENT_KEY BELOW_MINIMUM_AMOUNT INVALID_AUTHORIZE_AUTH UNAPPROVED_ORDER_ID
    INVALID_REJECT_CARD INVALID_CARD_EXPIRATION INVALID_STOPPED_CARD INVALID_CARD_LOST_OR_STOLEN INVALID_CARD_NUMBER
    INVALID_CARD_INSTALLMENT_PLAN NOT_SUPPORTED_INSTALLMENT_PLAN_CARD_OR_MERCHANT NOT_SUPPORTED_MONTHLY_INSTALLMENT_PLAN
    EXCEED_MAX_CARD_INSTALLMENT_PLAN NOT_ALLOWED_POINT_USE EXCEED_MAX_DAILY_PAYMENT_COUNT EXCEED_MAX_PAYMENT_AMOUNT
    EXCEED_MAX_AMOUNT EXCEED_MAX_ONE_DAY_WITHDRAW_AMOUNT EXCEED_MAX_ONE_TIME_WITHDRAW_AMOUNT
    RESTRICTED_TRANSFER_ACCOUNT INVALID_ACCOUNT_INFO_RE_REGISTER NOT_AVAILABLE_PAYMENT INVALID_API_KEY
    NOT_FOUND_TERMINAL_ID NOT_REGISTERED_BUSINESS INVALID_UNREGISTERED_SUBMALL INVALID_IDEMPOTENCY_KEY
    ALREADY_CANCELED_PAYMENT INVALID_REFUND_ACCOUNT_INFO EXCEED_CANCEL_AMOUNT_DISCOUNT_AMOUNT
    INVALID_REFUND_ACCOUNT_NUMBER INVALID_BANK NOT_MATCHES_REFUNDABLE_AMOUNT REFUND_REJECTED ALREADY_REFUND_PAYMENT
    FORBIDDEN_BANK_REFUND_REQUEST`,
  401: "UNAUTHORIZED_KEY",
  403: `REJECT_ACCOUNT_PAYMENT REJECT_CARD_PAYMENT REJECT_CARD_COMPANY REJECT_TOSSPAY_INVALID_ACCOUNT
    EXCEED_MAX_AUTH_COUNT EXCEED_MAX_ONE_DAY_AMOUNT NOT_AVAILABLE_BANK INVALID_PASSWORD FDS_ERROR FORBIDDEN_REQUEST
    INCORRECT_BASIC_AUTH_FORMAT NOT_CANCELABLE_AMOUNT FORBIDDEN_CONSECUTIVE_REQUEST NOT_CANCELABLE_PAYMENT
    EXCEED_MAX_REFUND_DUE NOT_ALLOWED_PARTIAL_REFUND_WAITING_DEPOSIT NOT_ALLOWED_PARTIAL_REFUND
    NOT_CANCELABLE_PAYMENT_FOR_DORMANT_USER EXCEED_CANCEL_LIMIT`,
  404: "NOT_FOUND_PAYMENT NOT_FOUND_PAYMENT_SESSION NOT_FOUND",
  409: "IDEMPOTENT_REQUEST_PROCESSING",
  413: "PAYLOAD_TOO_LARGE",
  429: "TOO_MANY_REQUESTS",
  500: `FAILED_PAYMENT_INTERNAL_SYSTEM_PROCESSING FAILED_INTERNAL_SYSTEM_PROCESSING UNKNOWN_PAYMENT_ERROR COMMON_ERROR
    FAILED_REFUND_PROCESS FAILED_METHOD_HANDLING_CANCEL FAILED_PARTIAL_REFUND`,
};

const statuses: ReadonlyMap<string, number> = new Map(
  Object.entries(byStatus).flatMap(([status, codes]) => codes.split(/\s+/).map((code) => [code, Number(status)])),
);

/** Codes by which the buyer's instrument refuses: the payment ends as ABORTED, where other errors leave it as it is. */
const refusals: ReadonlySet<string> = new Set(
  `INVALID_REJECT_CARD INVALID_CARD_EXPIRATION INVALID_STOPPED_CARD INVALID_CARD_LOST_OR_STOLEN INVALID_CARD_NUMBER
  INVALID_CARD_INSTALLMENT_PLAN NOT_SUPPORTED_INSTALLMENT_PLAN_CARD_OR_MERCHANT NOT_SUPPORTED_MONTHLY_INSTALLMENT_PLAN
  EXCEED_MAX_CARD_INSTALLMENT_PLAN NOT_ALLOWED_POINT_USE EXCEED_MAX_DAILY_PAYMENT_COUNT EXCEED_MAX_PAYMENT_AMOUNT
  EXCEED_MAX_AMOUNT EXCEED_MAX_ONE_DAY_WITHDRAW_AMOUNT EXCEED_MAX_ONE_TIME_WITHDRAW_AMOUNT RESTRICTED_TRANSFER_ACCOUNT
  INVALID_ACCOUNT_INFO_RE_REGISTER NOT_AVAILABLE_PAYMENT REJECT_ACCOUNT_PAYMENT REJECT_CARD_PAYMENT REJECT_CARD_COMPANY
  REJECT_TOSSPAY_INVALID_ACCOUNT EXCEED_MAX_AUTH_COUNT EXCEED_MAX_ONE_DAY_AMOUNT NOT_AVAILABLE_BANK INVALID_PASSWORD
  FDS_ERROR`.split(/\s+/),
);

const messages: Readonly<Record<string, readonly [korean: string, english: string]>> = {
  ALREADY_PROCESSED_PAYMENT: ["이미 처리된 결제 입니다.", "The payment was processed already."],
  ALREADY_PROCESSING_REQUEST: ["이미 처리중인 요청입니다.", "The request is being processed."],
  DUPLICATED_ORDER_ID: ["이미 승인 및 취소가 진행된 주문번호 입니다.", "The order id was used already."],
  INVALID_REQUEST: ["잘못된 요청입니다.", "The request is not valid."],
  BELOW_MINIMUM_AMOUNT: ["결제 가능한 최소 금액보다 작습니다.", "The amount is below the minimum."],
  INVALID_API_KEY: ["잘못된 시크릿키 연동 정보 입니다.", "The secret key is not valid."],
  INVALID_IDEMPOTENCY_KEY: ["멱등키는 300자 이하여야 합니다.", "An idempotency key has at most 300 characters."],
  ALREADY_CANCELED_PAYMENT: ["이미 취소된 결제 입니다.", "The payment was canceled already."],
  INVALID_REFUND_ACCOUNT_INFO: ["환불 계좌 정보가 올바르지 않습니다.", "The refund account is not valid."],
  NOT_MATCHES_REFUNDABLE_AMOUNT: ["잔액이 일치하지 않습니다.", "The refundable amount does not match."],
  UNAUTHORIZED_KEY: ["인증되지 않은 시크릿 키 입니다.", "The secret key is not authorized."],
  INCORRECT_BASIC_AUTH_FORMAT: ["인증 형식이 올바르지 않습니다.", "The key must be followed by a colon."],
  REJECT_CARD_PAYMENT: ["한도초과 혹은 잔액부족입니다.", "Over the limit or insufficient balance."],
  NOT_CANCELABLE_AMOUNT: ["취소 할 수 없는 금액 입니다.", "The amount cannot be canceled."],
  NOT_CANCELABLE_PAYMENT: ["취소 할 수 없는 결제 입니다.", "The payment cannot be canceled."],
  FORBIDDEN_CONSECUTIVE_REQUEST: ["반복적인 요청은 허용되지 않습니다.", "Consecutive requests are not allowed."],
  NOT_FOUND_PAYMENT: ["존재하지 않는 결제 정보 입니다.", "The payment does not exist."],
  NOT_FOUND_PAYMENT_SESSION: ["결제 시간이 만료되었습니다.", "The payment session has expired."],
  NOT_FOUND: ["존재하지 않는 정보 입니다.", "Not found."],
  IDEMPOTENT_REQUEST_PROCESSING: ["이전 멱등 요청이 처리중입니다.", "The first request of this key is in progress."],
  TOO_MANY_REQUESTS: ["요청이 너무 많습니다.", "Too many requests."],
  EXPIRED_PAYMENT: ["결제가 만료되었습니다.", "The payment has expired."],
};
const otherwise = ["요청을 처리하지 못했습니다.", "The request could not be processed."] as const;

// A type and not an interface: only a type counts as a record of texts.
export type TossError = Readonly<Record<"code" | "message", string>>;

/** The status of a code; 400 for one that is not in the vendor's tables. */
export const statusOf = (code: string): number => statuses.get(code) ?? 400;
export const isKnown = (code: string): boolean => statuses.has(code);
export const isRefusal = (code: string): boolean => refusals.has(code);
export const make = (code: string, language: "ko" | "en" = "ko"): TossError => ({
  code,
  message: (messages[code] ?? otherwise)[language === "ko" ? 0 : 1],
});
