/**
 * What shoppers do, step by step, in terms of the shop's HTTP contract. Shared by the scenarios; no import but types.
 *
 * Whoever meets a restarting service asks again with the same Idempotency-Key, a bounded number of times. The statuses
 * that allow it are "weather": right only while a declared fault's window is open.
 */
import type { HttpAnswer, HttpRequest, Product, Shopper } from "@destiny/testkit/scenario";

/** No answer, or the gateway says that a service is away. */
export const weather: ReadonlyArray<number> = [0, 502, 503, 504];

const maxAttempts = 30;
const retryGapMillis = 400;
const maxRetryAfterMillis = 2_000;
const waitSeconds = 5;
/** A long poll answers after `waitSeconds`; the rest is for the way. */
const waitTimeoutMillis = (waitSeconds + 5) * 1000;

export const waits = (answer: HttpAnswer) => {
  const seconds = Number(answer.headers["retry-after"]);
  return seconds > 0 ? Math.min(maxRetryAfterMillis, seconds * 1000) : retryGapMillis;
};

/**
 * Asks until the answer is no weather. `repeatAllowed`: what is right from the second attempt on, when the first one may
 * have been carried out though its answer was lost.
 */
export const insist = async (
  shopper: Shopper,
  request: HttpRequest,
  repeatAllowed: ReadonlyArray<number> = [],
): Promise<HttpAnswer> => {
  for (let attempt = 1; ; attempt++) {
    const allowed = attempt === 1 ? request.allowed : [...request.allowed, ...repeatAllowed];
    const answer = await shopper.http.request({ ...request, allowed, weather });
    const settled = allowed.includes(answer.status) || !weather.includes(answer.status);
    if (settled || attempt >= maxAttempts) return answer;
    await shopper.pause(waits(answer));
  }
};

export interface Ordering {
  /** 429 and, where overload is part of the rehearsal, 503. */
  readonly refusals?: ReadonlyArray<number>;
  readonly couponId?: string;
  /** How often the same request is sent at once: 2 for who clicks twice. It stays one order. */
  readonly clicks?: number;
}

/** 201: placed and in the ledger. Anything else: refused, and in the ledger. */
export const placeOrder = async (
  shopper: Shopper,
  lines: ReadonlyArray<{ readonly product: Product; readonly quantity: number }>,
  { clicks = 1, couponId, refusals = [429] }: Ordering = {},
): Promise<boolean> => {
  const coupon = couponId === undefined ? {} : { couponId };
  const items = lines.map(({ product, quantity }) => ({ productId: product.id, quantity }));
  const idempotencyKey = shopper.idempotencyKey("order");
  const request: HttpRequest = {
    route: "POST /v1/orders",
    method: "POST",
    path: "/v1/orders",
    headers: { "idempotency-key": idempotencyKey },
    body: {
      items,
      ...coupon,
      recipientName: "Shopper",
      recipientPhone: "010-1234-5678",
      zipcode: "04524",
      address1: "110 Sejong-daero, Jung-gu, Seoul",
    },
    allowed: [201, ...refusals],
  };
  shopper.ledger.asked({ idempotencyKey, items, ...coupon });
  const click = async () => {
    const answer = await insist(shopper, request, [409]);
    // 409: the first attempt is still under way; its answer is the answer.
    if (answer.status !== 409) return answer;
    await shopper.pause(retryGapMillis);
    return insist(shopper, request, [409]);
  };
  const answers = await Promise.all(Array.from({ length: clicks }, click));
  const placed = answers.filter(({ status }) => status === 201);
  // Each of them is written down: a second order under the same key is a violation that only the shopper can witness.
  for (const answer of placed) shopper.ledger.got(answer);
  const last = answers.at(-1);
  if (placed.length === 0 && last !== undefined) shopper.ledger.refused(last);
  return placed.length > 0;
};

/** Reads the order until its status differs from the one known, then writes it down. */
export const nextState = async (shopper: Shopper): Promise<void> => {
  const known = shopper.ledger.order();
  if (known?.orderId === undefined) throw new Error("no order to follow");
  const answer = await insist(shopper, {
    route: "GET /v1/orders/{id} (waiting)",
    method: "GET",
    path: `/v1/orders/${known.orderId}?since=${known.status ?? "PENDING"}`,
    headers: { prefer: `wait=${waitSeconds}` },
    allowed: [200],
    timeoutMillis: waitTimeoutMillis,
  });
  if (answer.status === 200) shopper.ledger.seen(answer);
  // The shop may answer a long poll at once; a shopper still does not hammer it.
  if (shopper.ledger.order()?.status === known.status) await shopper.pause(retryGapMillis);
};

/** Until the order waits for its payment, or has ended. Bounded by the run's drain, like everything that pauses. */
export const untilPayable = async (shopper: Shopper): Promise<boolean> => {
  while (shopper.ledger.order()?.status === "PENDING") await nextState(shopper);
  return shopper.ledger.order()?.status === "WAITING_PAYMENT";
};

/** A scenario's `settle`: until nothing more is expected. */
export const untilTerminal = async (shopper: Shopper): Promise<void> => {
  while (shopper.ledger.order()?.terminal === false) await nextState(shopper);
};

/** Wants a completed order's money back. */
export const cancelOrder = async (shopper: Shopper): Promise<void> => {
  const orderId = shopper.ledger.order()?.orderId;
  if (orderId === undefined) throw new Error("no order to cancel");
  const answer = await insist(
    shopper,
    {
      route: "PATCH /v1/orders/{id}/cancel",
      method: "PATCH",
      path: `/v1/orders/${orderId}/cancel`,
      body: { message: "changed my mind" },
      allowed: [202],
    },
    // Asked before, but the answer was lost: it is cancelled by now.
    [409],
  );
  if (answer.status === 202) shopper.ledger.cancelAsked(answer);
  else await nextState(shopper);
};
