/** How a coupon is asked for when everybody asks. */
import type { HttpAnswer, HttpRequest, Shopper } from "@destiny/testkit/scenario";
import { insist } from "./shopping.ts";

/** 400: sold out, or not at this time; 409: has one already. Which of them is in the ledger, by the code. */
const allowed: ReadonlyArray<number> = [201, 400, 409];

const announced = ({ couponTemplateId }: Shopper): string => {
  if (couponTemplateId === undefined) throw new Error("the shop was seeded without a coupon");
  return couponTemplateId;
};

/** Reads what will be given, and to how many. */
export const lookAtCoupon = async (shopper: Shopper): Promise<void> => {
  await insist(shopper, {
    route: "GET /v1/coupon-templates/{id}",
    method: "GET",
    path: `/v1/coupon-templates/${announced(shopper)}`,
    allowed: [200],
  });
};

const ask = async (shopper: Shopper, templateId: string, purpose: string): Promise<HttpAnswer> => {
  const idempotencyKey = shopper.idempotencyKey(purpose);
  const request: HttpRequest = {
    route: "POST /v1/coupons/{id}/issue",
    method: "POST",
    path: `/v1/coupons/${templateId}/issue`,
    headers: { "idempotency-key": idempotencyKey },
    allowed,
  };
  shopper.ledger.couponAsked({ templateId, idempotencyKey });
  const answer = await insist(shopper, request);
  shopper.ledger.couponAnswered(idempotencyKey, answer);
  return answer;
};

/**
 * Asks once, or from several windows at once: each ask has a key of its own, so only the shop's rule of one coupon a user
 * tells them apart. The id of the coupon, if there is one for this shopper.
 */
export const askForCoupon = async (shopper: Shopper, windows: number): Promise<string | undefined> => {
  const couponTemplateId = announced(shopper);
  const asks = Array.from({ length: windows }, (_, window) => ask(shopper, couponTemplateId, `coupon-${window}`));
  const issued = (await Promise.all(asks)).find(({ status }) => status === 201)?.body["id"];
  return typeof issued === "string" ? issued : undefined;
};
