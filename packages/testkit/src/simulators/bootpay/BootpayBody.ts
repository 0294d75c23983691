/** The bodies that Bootpay answers with. */
import type { Receipt } from "./BootpayReceipt.ts";

const koreaMillis = 9 * 3_600_000;
const time = (at: number): string => `${new Date(at + koreaMillis).toISOString().slice(0, 19)}+09:00`;

const locales: Readonly<Record<number, string>> = {
  0: "결제요청",
  1: "결제완료",
  2: "승인대기",
  3: "승인중",
  20: "결제취소",
  [-1]: "오류",
  [-2]: "승인실패",
};

const methods: Readonly<Record<Receipt["method"], string>> = {
  card: "카드",
  kakao: "카카오페이",
  npay: "네이버페이",
  bank: "계좌이체",
  phone: "휴대폰",
};

/** A receipt; `confirming` while the acquirer is being asked, which is a status of its own. */
export const receipt = (receipt: Receipt, confirming: boolean) => {
  const status = confirming && receipt.status === 2 ? 3 : receipt.status;
  const last = receipt.cancels.at(-1);
  return {
    receipt_id: receipt.receiptId,
    order_id: receipt.orderId,
    price: receipt.price,
    tax_free: 0,
    cancelled_price: receipt.cancelledPrice,
    cancelled_tax_free: 0,
    order_name: receipt.orderName,
    company_name: "destiny",
    gateway_url: "https://gw.bootpay.co.kr",
    metadata: {},
    sandbox: true,
    pg: "나이스페이먼츠",
    method: methods[receipt.method],
    method_symbol: receipt.method,
    method_origin: methods[receipt.method],
    method_origin_symbol: receipt.method,
    requested_at: time(receipt.requestedAt),
    purchased_at: receipt.purchasedAt === null ? null : time(receipt.purchasedAt),
    cancelled_at: last === undefined ? null : time(last.at),
    status,
    status_locale: locales[status],
    receipt_url: `https://door.bootpay.co.kr/receipt/${receipt.receiptId}`,
    ...(receipt.method === "card" && receipt.tid !== null
      ? {
          card_data: {
            tid: receipt.tid,
            card_approve_no: receipt.tid.slice(0, 8),
            card_no: "12345678****789*",
            card_quota: "00",
            card_company_code: "04",
            card_company: "삼성",
            card_type: "신용",
            point: 0,
          },
        }
      : {}),
  };
};
