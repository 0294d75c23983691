/** The error codes of Bootpay. The vendor documents no HTTP status for them: these are a guess that nothing depends on. */
import type { ErrorBody } from "../PaymentLedger.ts";

const byStatus: Readonly<Record<number, string>> = {
  401: "TOKEN_KEY_INVALID APP_KEY_NOT_FOUND APP_KEY_NOT_REST APP_SK_NOT_MATCHED",
  404: "RC_NOT_FOUND NOT_FOUND",
  413: "PAYLOAD_TOO_LARGE",
  429: "TOO_MANY_REQUESTS",
  500: "RC_CONFIRM_CRITICAL_FAILED RC_CANCEL_CRITICAL_ERROR INTERNAL_SERVER_ERROR",
};

const statuses: ReadonlyMap<string, number> = new Map(
  Object.entries(byStatus).flatMap(([status, codes]) => codes.split(" ").map((code) => [code, Number(status)])),
);

export const statusOf = (code: string): number => statuses.get(code) ?? 400;

export const make = (code: string): ErrorBody => ({ error_code: code, message: "요청을 처리하지 못했습니다." });
