/** The bodies that Toss Payments answers with. Pure: the same state gives the same bytes, which a replay relies on. */
import type { Capture } from "../Captures.ts";
import type { Payment } from "./TossPayment.ts";

const koreaMillis = 9 * 3_600_000;

/** ISO 8601 in Korean time, as the vendor writes it. */
export const time = (at: number): string => `${new Date(at + koreaMillis).toISOString().slice(0, 19)}+09:00`;

/** Reads a time with an offset, or one without as Korean time; `undefined` when it is none. */
export const parseTime = (text: string): number | undefined => {
  const at = Date.parse(/(?:Z|[+-]\d\d:?\d\d)$/.test(text) ? text : `${text}+09:00`);
  return Number.isNaN(at) ? undefined : at;
};

const digits = (text: string): string => {
  let sum = 0;
  for (let index = 0; index < text.length; index++) sum = (sum * 31 + text.charCodeAt(index)) % 100_000_000;
  return String(sum).padStart(8, "0");
};

const receiptUrl = (paymentKey: string): string =>
  `https://dashboard.tosspayments.com/receipt/redirection?transactionId=${paymentKey}`;

const instrument = (payment: Payment, chosen: boolean) => {
  const none = {
    card: null,
    virtualAccount: null,
    mobilePhone: null,
    giftCertificate: null,
    transfer: null,
    easyPay: null,
  };
  if (!chosen) return none;
  const settlementStatus = "INCOMPLETED";
  switch (payment.method) {
    case "카드":
      return {
        ...none,
        card: {
          amount: payment.totalAmount,
          issuerCode: "61",
          acquirerCode: "31",
          number: "12345678****789*",
          installmentPlanMonths: 0,
          approveNo: digits(payment.paymentKey),
          useCardPoint: false,
          cardType: "신용",
          ownerType: "개인",
          acquireStatus: payment.approvedAt !== null && payment.balanceAmount === 0 ? "CANCELED" : "READY",
          isInterestFree: false,
          interestPayer: null,
        },
      };
    case "가상계좌":
      return {
        ...none,
        virtualAccount: {
          accountType: "일반",
          accountNumber: `X${digits(payment.paymentKey)}`,
          bankCode: "20",
          customerName: "구매자",
          dueDate: time(payment.requestedAt + 7 * 86_400_000),
          refundStatus: payment.cancels.length > 0 && payment.approvedAt !== null ? "COMPLETED" : "NONE",
          expired: false,
          settlementStatus,
          refundReceiveAccount: null,
        },
      };
    case "간편결제":
      return { ...none, easyPay: { provider: "토스페이", amount: payment.totalAmount, discountAmount: 0 } };
    case "휴대폰":
      return {
        ...none,
        mobilePhone: {
          customerMobilePhone: { plain: null, masking: "010****1234" },
          settlementStatus,
          receiptUrl: receiptUrl(payment.paymentKey),
        },
      };
    case "계좌이체":
      return { ...none, transfer: { bankCode: "20", settlementStatus } };
    default:
      return { ...none, giftCertificate: { approveNo: digits(payment.paymentKey), settlementStatus } };
  }
};

/** The Payment object, version 2022-11-16. */
export const payment = (payment: Payment, merchantId: string): string => {
  const chosen = payment.authenticatedAt !== null;
  const vat = Math.round(payment.balanceAmount / 11);
  return JSON.stringify({
    mId: merchantId,
    version: "2022-11-16",
    lastTransactionKey: payment.lastTransactionKey,
    paymentKey: payment.paymentKey,
    orderId: payment.orderId,
    orderName: payment.orderName,
    taxExemptionAmount: 0,
    status: payment.status,
    requestedAt: time(payment.requestedAt),
    approvedAt: payment.approvedAt === null ? null : time(payment.approvedAt),
    useEscrow: false,
    cultureExpense: false,
    ...instrument(payment, chosen),
    cashReceipt: null,
    cashReceipts: null,
    discount: null,
    cancels:
      payment.cancels.length === 0
        ? null
        : payment.cancels.map((cancel) => ({
            cancelAmount: cancel.amount,
            cancelReason: cancel.reason,
            taxFreeAmount: 0,
            taxExemptionAmount: 0,
            refundableAmount: cancel.refundableAmount,
            easyPayDiscountAmount: 0,
            canceledAt: time(cancel.at),
            transactionKey: cancel.transactionKey,
            receiptKey: null,
            cancelStatus: "DONE",
            cancelRequestId: null,
          })),
    secret: payment.method === "가상계좌" ? `ps_${digits(payment.paymentKey)}` : null,
    type: "NORMAL",
    country: "KR",
    failure: payment.failure,
    isPartialCancelable: true,
    receipt: payment.lastTransactionKey === null ? null : { url: receiptUrl(payment.paymentKey) },
    checkout: { url: `https://api.tosspayments.com/v1/payments/${payment.paymentKey}/checkout` },
    currency: payment.currency,
    totalAmount: payment.totalAmount,
    balanceAmount: payment.balanceAmount,
    suppliedAmount: payment.balanceAmount - vat,
    vat,
    taxFreeAmount: 0,
    method: chosen ? payment.method : null,
    metadata: null,
  });
};

/** One row of the transactions list. */
export const transaction = (capture: Capture, payment: Payment, merchantId: string) => ({
  mId: merchantId,
  transactionKey: capture.transactionKey,
  paymentKey: capture.paymentKey,
  orderId: capture.orderId,
  method: payment.method,
  customerKey: null,
  useEscrow: false,
  receiptUrl: receiptUrl(capture.paymentKey),
  status:
    capture.kind === "captured" ? "DONE" : capture.amount === payment.totalAmount ? "CANCELED" : "PARTIAL_CANCELED",
  transactionAt: time(capture.at),
  currency: capture.currency,
  amount: capture.amount,
});
