/** The smallest proof that a shop works: one shopper buys one product. */
import type { Scenario } from "@destiny/testkit/scenario";
import { nothingLost } from "./lib/gates.ts";
import { pay } from "./lib/paying.ts";
import { placeOrder, untilPayable, untilTerminal } from "./lib/shopping.ts";

const smoke: Scenario = {
  name: "smoke",
  describe: "One shopper buys one product.",
  defaults: { peakPerSecond: 1, durationSeconds: 1, scale: 1, drainSeconds: 60, arrivals: "even" },
  timings: { paymentWindowSeconds: 30, holdSeconds: 90 },
  needs: { users: 1, products: 1, stockPerProduct: 10 },
  zipfExponent: 0,
  phases: ({ peakPerSecond, durationSeconds }) => [
    { seconds: durationSeconds, from: peakPerSecond, to: peakPerSecond },
  ],
  journeys: {
    buy: {
      weight: 1,
      places: "order",
      run: async (shopper) => {
        if (!(await placeOrder(shopper, [{ product: shopper.products.pick(), quantity: 1 }]))) return;
        if (await untilPayable(shopper)) await pay(shopper);
      },
    },
  },
  settle: untilTerminal,
  faults: [],
  thresholds: [
    ...nothingLost,
    { metric: "orders", count: "completed", min: 1 },
    { metric: "payable", percentile: 99, max: 5_000 },
  ],
};

export default smoke;
