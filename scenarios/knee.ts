/**
 * How many orders a second the shop can take: every shopper reads three pages, orders, and pays; nothing breaks, nothing sells
 * out. Run it at growing `--peak`; the knee is the highest rate at which it passes.
 */
import type { Journey, Scenario } from "@destiny/testkit/scenario";
import { chooseProduct } from "./lib/browsing.ts";
import { nothingLost } from "./lib/gates.ts";
import { pay } from "./lib/paying.ts";
import { placeOrder, untilPayable, untilTerminal } from "./lib/shopping.ts";

/** Freshly started processes compile their hot paths for seconds under load; what they answer then says little. */
const warmUpSeconds = 10;

const buy: Journey = async (shopper) => {
  const product = await chooseProduct(shopper);
  await placeOrder(shopper, [{ product, quantity: 1 }]);
  if (shopper.ledger.order()?.orderId === undefined || !(await untilPayable(shopper))) return;
  await pay(shopper);
};

const knee: Scenario = {
  name: "knee",
  describe: "Three reads, an order and its payment, at a steady rate without faults: how much the shop can take.",
  defaults: { peakPerSecond: 100, durationSeconds: 30, scale: 1, drainSeconds: 60, arrivals: "poisson" },
  timings: { paymentWindowSeconds: 30, holdSeconds: 60 },
  needs: { users: 1_000, products: 200, stockPerProduct: 5_000, hot: { products: 5, stock: 1_000_000 } },
  zipfExponent: 1,
  phases: ({ peakPerSecond, durationSeconds }) => [
    { seconds: 0.4 * warmUpSeconds, from: peakPerSecond / 10, to: peakPerSecond, warmUp: true },
    { seconds: 0.6 * warmUpSeconds, from: peakPerSecond, to: peakPerSecond, warmUp: true },
    { seconds: durationSeconds, from: peakPerSecond, to: peakPerSecond },
  ],
  journeys: { buy: { weight: 1, places: "order", run: buy } },
  settle: untilTerminal,
  faults: [],
  thresholds: [
    ...nothingLost,
    { metric: "http", route: "POST /v1/orders", percentile: 99, max: 100, outsideFaults: true },
    { metric: "payable", percentile: 95, max: 1_000, outsideFaults: true },
    // A shop that turns orders away, or leaves them unpaid, answers quickly: every order has to come to its end.
    { metric: "orders", count: "refused", max: 0 },
    { metric: "orders", count: "soldOut", max: 0 },
    { metric: "orders", count: "unpaid", max: 0 },
    { metric: "orders", count: "failed", max: 0 },
    { metric: "orders", count: "completed", min: 1 },
  ],
};

export default knee;
