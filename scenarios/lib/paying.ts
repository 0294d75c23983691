/**
 * How an order is paid: the browser step at the gateway that the shop names, and the confirmation.
 *
 * A shopper whose gateway cannot be used, or says nothing, asks the shop for another one and pays there: the shop gives the
 * first payment back should it come true after all. Where a scenario has no such gateway, none of that is allowed.
 */
import type { HttpAnswer, Shopper } from "@destiny/testkit/scenario";
import { insist, waits } from "./shopping.ts";

/** As many as there are gateways. */
const maxPayments = 3;
/** Rounds of asking for another gateway while the outcome of the last confirmation is not known yet. */
const maxRounds = 15;

export interface Paying {
  /** Gateways may fail here: the shopper goes on at the next one. */
  readonly elsewhere: boolean;
}

const captured = 200;
/** 202: the outcome is unknown; 409: the order has moved on; 503: the gateway cannot be reached. */
const withTrouble: ReadonlyArray<number> = [captured, 202, 409, 503];
const withoutTrouble: ReadonlyArray<number> = [captured, 202];

interface Paid {
  readonly provider: string;
  readonly answer: HttpAnswer;
}

/** Undefined: there is nothing to pay any more. */
const payOnce = async (shopper: Shopper, orderId: string, { elsewhere }: Paying): Promise<Paid | undefined> => {
  const intent = await insist(shopper, {
    route: "GET /v1/payments/{orderId}",
    method: "GET",
    path: `/v1/payments/${orderId}`,
    allowed: [200],
  });
  const { amount, provider, vendorOrderId } = intent.body;
  if (typeof provider !== "string" || typeof vendorOrderId !== "string" || typeof amount !== "number") return undefined;
  const simulator = shopper.simulators[provider];
  if (simulator === undefined) throw new Error(`no simulator for provider ${provider}`);
  const authorised = await shopper.http.request({
    route: `${provider} browser step`,
    method: "POST",
    path: `${simulator}/__sim/payments`,
    body: { orderId: vendorOrderId, amount },
    allowed: [200, 201],
  });
  const { paymentKey } = authorised.body;
  if (typeof paymentKey !== "string") return undefined;
  shopper.ledger.paid({ provider, vendorOrderId, paymentKey, amount });
  const answer = await insist(
    shopper,
    {
      route: "POST /v1/payments/confirm",
      method: "POST",
      path: "/v1/payments/confirm",
      headers: { "idempotency-key": shopper.idempotencyKey(`confirm-${paymentKey}`) },
      body: { orderId, provider, paymentKey, amount },
      allowed: elsewhere ? withTrouble : withoutTrouble,
    },
    [409],
  );
  shopper.ledger.confirmed(answer);
  return { provider, answer };
};

/** Whether the order can be paid elsewhere: it cannot when it is paid by now, or when the gateway can be used after all. */
const leave = async (shopper: Shopper, orderId: string, provider: string): Promise<boolean> => {
  for (let round = 1; round <= maxRounds; round++) {
    const answer = await insist(shopper, {
      route: "POST /v1/payments/{orderId}/reissue",
      method: "POST",
      path: `/v1/payments/${orderId}/reissue`,
      body: { provider },
      allowed: [200, 409, 503],
    });
    if (answer.status === 200) return true;
    if (answer.status !== 503) return false;
    await shopper.pause(waits(answer));
  }
  return false;
};

/** Pays a payable order, at `maxPayments` gateways at most. */
export const pay = async (shopper: Shopper, paying: Paying = { elsewhere: false }): Promise<void> => {
  const orderId = shopper.ledger.order()?.orderId;
  if (orderId === undefined) throw new Error("no order to pay");
  for (let payment = 1; payment <= maxPayments; payment++) {
    const paid = await payOnce(shopper, orderId, paying);
    if (paid === undefined || paid.answer.status === captured || !paying.elsewhere) return;
    // An order that was moved already is told so by the shop: leaving the old gateway again changes nothing.
    if (!(await leave(shopper, orderId, paid.provider))) return;
  }
};
