/** A shop at work while one of its services is killed: four of five shoppers pay, the fifth leaves its order unpaid. */
import type { Journey, Scenario } from "@destiny/testkit/scenario";
import { nothingLost } from "./lib/gates.ts";
import { pay } from "./lib/paying.ts";
import { placeOrder, untilPayable, untilTerminal } from "./lib/shopping.ts";

/** Freshly started processes compile their hot paths for seconds under load; what they answer then says little. */
const maxWarmUpSeconds = 4;

const order: Journey = async (shopper) => {
  const product = shopper.products.pick();
  const quantity = shopper.random() < 0.9 ? 1 : 2;
  await placeOrder(shopper, [{ product, quantity }]);
};

const buy: Journey = async (shopper) => {
  await order(shopper);
  if (shopper.ledger.order()?.orderId === undefined || !(await untilPayable(shopper))) return;
  // Typing a card's number, at the speed of a rehearsal; always well inside the payment window.
  await shopper.pause(200 + 800 * shopper.random());
  await pay(shopper);
};

const steady: Scenario = {
  name: "steady",
  describe: "Orders at a steady rate, one in five left unpaid, and the stock service killed on the way.",
  defaults: { peakPerSecond: 50, durationSeconds: 30, scale: 1, drainSeconds: 60, arrivals: "poisson" },
  timings: { paymentWindowSeconds: 10, holdSeconds: 30 },
  needs: { users: 200, products: 50, stockPerProduct: 5_000 },
  zipfExponent: 1,
  phases: ({ peakPerSecond, durationSeconds }) => {
    const warmUpSeconds = Math.min(maxWarmUpSeconds, durationSeconds / 3);
    return [
      { seconds: 0.4 * warmUpSeconds, from: peakPerSecond / 10, to: peakPerSecond, warmUp: true },
      { seconds: 0.6 * warmUpSeconds, from: peakPerSecond, to: peakPerSecond, warmUp: true },
      { seconds: durationSeconds, from: peakPerSecond, to: peakPerSecond },
    ];
  },
  journeys: {
    buy: { weight: 80, places: "order", run: buy },
    leave: { weight: 20, places: "order", run: order },
  },
  settle: untilTerminal,
  faults: [{ kind: "kill", service: "stock", at: 0.4, settleSeconds: 2 }],
  thresholds: [
    ...nothingLost,
    { metric: "recoverySeconds", max: 10 },
    { metric: "http", route: "POST /v1/orders", percentile: 99, max: 100, outsideFaults: true },
    { metric: "payable", percentile: 95, max: 1_000, outsideFaults: true },
    { metric: "orders", count: "completed", min: 1 },
    { metric: "orders", count: "unpaid", min: 1 },
  ],
};

export default steady;
