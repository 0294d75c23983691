/**
 * A coupon for one shopper in five is announced, and everybody asks for it, over and over, while some go on buying. The rush
 * holds when each ask is answered in time, the last coupon is given, and not one more. Needs a shop that was just seeded: its
 * coupons are given once.
 */
import type { Journey, Scenario } from "@destiny/testkit/scenario";
import { askForCoupon, lookAtCoupon } from "./lib/coupons.ts";
import { nothingLost } from "./lib/gates.ts";
import { pay } from "./lib/paying.ts";
import { placeOrder, untilPayable, untilTerminal } from "./lib/shopping.ts";

const users = 1000;
/** The seed issues one coupon for so many users. */
const coupons = users / 5;

/** Freshly started processes compile their hot paths for seconds under load; what they answer then says little. */
const warmUpSeconds = 10;
/** Arrivals a second. The coupons are for the rush: who comes before looks at what is announced, and one in ten buys. */
const warmUp = { from: 50, to: 400 };
/** The share of those who do not come for the coupon. */
const buyers = 0.01;

const look: Journey = async (shopper) => {
  await lookAtCoupon(shopper);
};

const ask: Journey = async (shopper) => {
  await askForCoupon(shopper, 1);
};

const buy: Journey = async (shopper) => {
  await placeOrder(shopper, [{ product: shopper.products.pick(), quantity: 1 }]);
  if (shopper.ledger.order()?.orderId === undefined || !(await untilPayable(shopper))) return;
  await pay(shopper);
};

const couponRush: Scenario = {
  name: "coupon-rush",
  describe: "Two thousand asks a second for a coupon that one shopper in five can get, while some go on buying.",
  defaults: { peakPerSecond: 2_000, durationSeconds: 10, scale: 1, drainSeconds: 30, arrivals: "poisson" },
  timings: { paymentWindowSeconds: 10, holdSeconds: 30 },
  needs: { users, products: 50, stockPerProduct: 5_000, hot: { products: 5, stock: 100_000 } },
  zipfExponent: 1,
  phases: ({ peakPerSecond, durationSeconds }) => [
    { seconds: warmUpSeconds, ...warmUp, warmUp: true, mix: { look: 0.9, buy: 0.1 } },
    { seconds: durationSeconds, from: peakPerSecond, to: peakPerSecond },
  ],
  journeys: {
    look: { weight: 0, places: "nothing", run: look },
    ask: { weight: 1 - buyers, places: "coupon", run: ask },
    buy: { weight: buyers, places: "order", run: buy },
  },
  settle: untilTerminal,
  faults: [],
  thresholds: [
    ...nothingLost,
    { metric: "http", route: "POST /v1/coupons/{id}/issue", percentile: 99, max: 1_000, outsideFaults: true },
    { metric: "coupons", count: "issued", min: coupons },
    { metric: "coupons", count: "issued", max: coupons },
    { metric: "coupons", count: "refused", max: 0 },
    { metric: "orders", count: "completed", min: 1 },
  ],
  proves: ["I3"],
};

export default couponRush;
