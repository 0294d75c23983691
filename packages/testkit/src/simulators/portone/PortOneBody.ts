/** The bodies that PortOne V2 answers with. Pure: the same state gives the same bytes, which a replay relies on. */
import { cancelled, type Payment } from "./PortOnePayment.ts";

const time = (at: number): string => new Date(at).toISOString();

const method = (payment: Payment) => ({
  type: payment.method,
  ...(payment.method === "PaymentMethodCard"
    ? {
        card: { publisher: "KOOKMIN_CARD", issuer: "KOOKMIN_CARD", brand: "MASTER", type: "CREDIT", bin: "123456" },
        approvalNumber: payment.pgTxId?.slice(0, 8),
        installment: { month: 0, isInterestFree: false },
        pointUsed: false,
      }
    : {}),
});

const cancellation = (one: Payment["cancellations"][number]) => ({
  status: one.status,
  id: one.id,
  totalAmount: one.amount,
  taxFreeAmount: 0,
  vatAmount: Math.round(one.amount / 11),
  reason: one.reason,
  requestedAt: time(one.requestedAt),
  ...(one.cancelledAt === null ? {} : { cancelledAt: time(one.cancelledAt) }),
});

/** The Payment object: a union by status, so fields are there only when they mean something. */
export const payment = (payment: Payment, storeId: string) => {
  const { authenticatedAt, failure, paidAt, requestedAt } = payment;
  const last = payment.cancellations.at(-1)?.cancelledAt ?? null;
  const changedAt = time(last ?? paidAt ?? failure?.at ?? requestedAt);
  const vat = Math.round(payment.total / 11);
  return {
    status: payment.status,
    id: payment.paymentId,
    transactionId: payment.transactionId,
    merchantId: `merchant-${storeId}`,
    storeId,
    channel: {
      type: "TEST",
      id: "channel-id-simulated",
      key: "channel-key-simulated",
      name: "simulated",
      pgProvider: "TOSSPAYMENTS",
      pgMerchantId: "tosstest",
    },
    version: "V2",
    requestedAt: time(requestedAt),
    updatedAt: changedAt,
    statusChangedAt: changedAt,
    orderName: payment.orderName,
    amount: {
      total: payment.total,
      taxFree: 0,
      vat,
      supply: payment.total - vat,
      discount: 0,
      paid: paidAt === null ? 0 : payment.total,
      cancelled: cancelled(payment),
      cancelledTaxFree: 0,
    },
    currency: "KRW",
    customer: {},
    origin: { platformType: "PC" },
    disputes: [],
    ...(authenticatedAt === null ? {} : { method: method(payment) }),
    ...(paidAt === null ? {} : { paidAt: time(paidAt), pgTxId: payment.pgTxId }),
    ...(failure === null
      ? {}
      : {
          failedAt: time(failure.at),
          failure: { reason: failure.reason, pgCode: failure.pgCode, pgMessage: failure.reason },
        }),
    ...(payment.cancellations.length === 0 ? {} : { cancellations: payment.cancellations.map(cancellation) }),
    ...(last === null ? {} : { cancelledAt: time(last) }),
  };
};

/** What a confirm answers. */
export const confirmed = ({ paidAt, pgTxId }: Payment) => ({
  payment: { pgTxId, paidAt: paidAt === null ? null : time(paidAt) },
});

/** What a cancel answers: the cancellation that it made. */
export const canceled = (payment: Payment) => {
  const last = payment.cancellations.at(-1);
  return { cancellation: last === undefined ? null : cancellation(last) };
};
