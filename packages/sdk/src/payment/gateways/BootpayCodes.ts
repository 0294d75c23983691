/** What the error codes of Bootpay prove, as data (PG API v2). A code that is not listed proves nothing. */
import { type CancelMeaning, codes, type ConfirmMeaning } from "./Meanings.ts";

const configuration = "TOKEN_KEY_INVALID APP_KEY_NOT_FOUND APP_KEY_NOT_REST APP_SK_NOT_MATCHED";

/** Every listed code of a confirm. */
export const confirmCodes = codes<ConfirmMeaning>({
  // Not ready: expired, not authenticated, or approved already.
  doubt: "RC_NOT_CONFIRM_READY",
  trouble: "RC_CONFIRM_CRITICAL_FAILED",
  busy: "",
  throttled: "",
  configuration,
  hard: "RC_NOT_FOUND",
  soft: "RC_CONFIRM_FAILED",
});

/** Every listed code of a cancel. */
export const cancelCodes = codes<CancelMeaning>({
  settled: "RC_ALREADY_CANCELLED",
  refused: "RC_CANCEL_SERVER_ERROR RC_NOT_FOUND",
  configuration,
  throttled: "",
  busy: "",
  doubt: "",
  trouble: "RC_CANCEL_CRITICAL_ERROR",
});

/** The access token is not, or no longer, the vendor's: the request was turned away unread. */
export const tokenInvalid = "TOKEN_KEY_INVALID";
