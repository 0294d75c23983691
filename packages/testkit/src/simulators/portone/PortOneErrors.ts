/** The error types of PortOne V2 with the HTTP status each comes with. */
import type { ErrorBody } from "../PaymentLedger.ts";

const byStatus: Readonly<Record<number, string>> = {
  400: "INVALID_REQUEST INVALID_PAYMENT_TOKEN",
  401: "UNAUTHORIZED",
  403: "FORBIDDEN",
  404: "PAYMENT_NOT_FOUND CHANNEL_NOT_FOUND NOT_FOUND",
  409: `ALREADY_PAID INFORMATION_MISMATCH IDEMPOTENCY_OUTSTANDING_REQUEST PAYMENT_NOT_PAID PAYMENT_ALREADY_CANCELLED
    CANCELLABLE_AMOUNT_CONSISTENCY_BROKEN CANCEL_AMOUNT_EXCEEDS_CANCELLABLE_AMOUNT MAX_CANCEL_COUNT_REACHED`,
  413: "PAYLOAD_TOO_LARGE",
  429: "TOO_MANY_REQUESTS",
  500: "INTERNAL_SERVER_ERROR",
  502: "PG_PROVIDER",
};

const statuses: ReadonlyMap<string, number> = new Map(
  Object.entries(byStatus).flatMap(([status, types]) => types.split(/\s+/).map((type) => [type, Number(status)])),
);

/** A code of the fault plan: `PG_PROVIDER:<code>` is what the acquirer says. */
export const parse = (code: string): { readonly type: string; readonly pgCode: string | undefined } => {
  const mark = code.indexOf(":");
  return mark < 0 ? { type: code, pgCode: undefined } : { type: code.slice(0, mark), pgCode: code.slice(mark + 1) };
};

export const statusOf = (code: string): number => statuses.get(parse(code).type) ?? 400;

export const make = (code: string): ErrorBody => {
  const { pgCode, type } = parse(code);
  const message = "요청을 처리하지 못했습니다.";
  return type === "PG_PROVIDER"
    ? { type, message, pgCode: pgCode ?? "UNKNOWN", pgMessage: "PG사에서 오류가 발생했습니다." }
    : { type, message };
};
