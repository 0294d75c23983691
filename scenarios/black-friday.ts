/**
 * The day that the shop is built for: everybody at once, the popular articles gone in seconds, a coupon for the first fifth
 * of the shoppers, second thoughts, double clicks, the stock service killed at the peak, and a gateway that takes money and
 * falls silent: whoever is caught there pays at another one, and the first payment is voided when it comes to light.
 *
 * Of the orders about 60 % are paid, 12 % left unpaid, 8 % clicked twice, 10 % paid and then cancelled, and 10 % are made
 * with a coupon by those who got one: the last share is exact at the defaults, because the shoppers who ask are all there
 * are, however many orders there are. Needs a shop that was just seeded: its coupons are given once.
 */
import type { Journey, Scenario, ScenarioOptions, Shopper, Stage } from "@destiny/testkit/scenario";
import { chooseProduct } from "./lib/browsing.ts";
import { askForCoupon } from "./lib/coupons.ts";
import { nothingLost } from "./lib/gates.ts";
import { pay } from "./lib/paying.ts";
import { cancelOrder, type Ordering, placeOrder, untilPayable, untilTerminal } from "./lib/shopping.ts";

const users = 1000;
/** The seed issues one coupon for so many users. */
const usersPerCoupon = 5;
const coupons = users / usersPerCoupon;

/** Freshly started processes compile their hot paths under their first load. */
const maxWarmUpSeconds = 10;
const maxStepSeconds = 5;
const minDropSeconds = 6;

/** Whoever got a coupon looks around before it orders, so that the drop is not a second peak of orders. */
const maxShoppingMillis = 4000;

const order = async (shopper: Shopper, ordering: Ordering = {}): Promise<boolean> => {
  const product = await chooseProduct(shopper);
  const quantity = shopper.random() < 0.9 ? 1 : 2;
  return placeOrder(shopper, [{ product, quantity }], ordering);
};

const orderAndPay = async (shopper: Shopper, ordering: Ordering = {}): Promise<void> => {
  if (!(await order(shopper, ordering)) || !(await untilPayable(shopper))) return;
  // Typing a card's number, at the speed of a rehearsal; always well inside the payment window.
  await shopper.pause(200 + 800 * shopper.random());
  await pay(shopper, { elsewhere: true });
};

const leave: Journey = async (shopper) => {
  await order(shopper);
};

const payAndCancel: Journey = async (shopper) => {
  await orderAndPay(shopper);
  if (shopper.ledger.order()?.orderId === undefined) return;
  await untilTerminal(shopper);
  if (shopper.ledger.order()?.status === "COMPLETED") await cancelOrder(shopper);
};

const drop: Journey = async (shopper) => {
  const couponId = await askForCoupon(shopper, shopper.random() < 0.2 ? 2 : 1);
  if (couponId === undefined) return;
  await shopper.pause(maxShoppingMillis * shopper.random());
  await orderAndPay(shopper, { couponId });
};

const phases = ({ durationSeconds, peakPerSecond: peak }: ScenarioOptions): ReadonlyArray<Stage> => {
  const step = Math.min(maxStepSeconds, durationSeconds / 12);
  const dropped = Math.min(Math.max(minDropSeconds, durationSeconds / 10), durationSeconds / 3);
  const rest = durationSeconds - step - dropped;
  const wave = 0.6 * peak;
  return [
    { seconds: Math.min(maxWarmUpSeconds, durationSeconds / 3), from: peak / 10, to: peak / 2, warmUp: true },
    { seconds: step, from: peak / 2, to: peak },
    { seconds: 0.5 * rest, from: peak, to: peak },
    { seconds: 0.1 * rest, from: peak, to: wave / 2 },
    { seconds: dropped, from: wave, to: wave, everybody: "drop" },
    { seconds: 0.2 * rest, from: wave, to: wave },
    { seconds: 0.2 * rest, from: wave, to: peak / 20 },
  ];
};

const blackFriday: Scenario = {
  name: "black-friday",
  describe:
    "The peak, a coupon drop, articles that sell out, cancellations, a killed stock service, a gateway that falls silent.",
  defaults: { peakPerSecond: 40, durationSeconds: 60, scale: 1, drainSeconds: 60, arrivals: "poisson" },
  timings: { paymentWindowSeconds: 10, holdSeconds: 30, settleSeconds: 3, gatewayTimeoutSeconds: 1 },
  needs: { users, products: 200, stockPerProduct: 5_000, hot: { products: 5, stock: 40 } },
  zipfExponent: 1,
  phases,
  journeys: {
    buy: { weight: 60, places: "order", run: (shopper) => orderAndPay(shopper) },
    leave: { weight: 12, places: "order", run: leave },
    doubleClick: { weight: 8, places: "order", run: (shopper) => orderAndPay(shopper, { clicks: 2 }) },
    payAndCancel: { weight: 10, places: "order", run: payAndCancel },
    drop: { weight: 0, places: "coupon", run: drop },
  },
  settle: untilTerminal,
  faults: [
    { kind: "kill", service: "stock", at: 0.4, settleSeconds: 2 },
    {
      kind: "gateway",
      gateway: "TOSSPAYMENTS",
      rules: [
        { kind: "approveThenHang", operations: ["confirm"] },
        { kind: "hang", operations: ["inquire"] },
      ],
      // Twice the settle window: whoever is caught at the beginning has to go elsewhere.
      seconds: 6,
      at: 0.78,
      settleSeconds: 2,
    },
  ],
  thresholds: [
    ...nothingLost,
    { metric: "recoverySeconds", max: 10 },
    { metric: "payable", percentile: 95, max: 3_000, outsideFaults: true },
    { metric: "orders", count: "completed", min: 1 },
    { metric: "orders", count: "unpaid", min: 1 },
    { metric: "orders", count: "soldOut", min: 1 },
    { metric: "orders", count: "cancelled", min: 1 },
    { metric: "payments", count: "reissued", min: 1 },
    { metric: "payments", count: "voidedLate", min: 1 },
    { metric: "coupons", count: "issued", min: coupons },
    { metric: "coupons", count: "issued", max: coupons },
    { metric: "coupons", count: "duplicate", min: 1 },
    { metric: "coupons", count: "refused", max: 0 },
  ],
  proves: ["I1", "I2", "I3", "I4", "I5", "I6", "I7", "I8", "I9", "I10", "I11"],
};

export default blackFriday;
