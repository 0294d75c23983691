/** One order is one trace, from the request at the door to the gateway that takes the money. */
import { assert, describe, layer } from "@effect/vitest";
import * as Context from "effect/Context";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import { OrderCompleted } from "../../src/contracts/index.ts";
import * as Collector from "./Collector.ts";
import { coupon } from "./Coupons.ts";
import { after, authorise, eventually, key, order } from "./Journey.ts";
import { onSale } from "./Journeys.ts";
import { Shop } from "./Shop.ts";

class Traces extends Context.Service<Traces, Effect.Success<typeof Collector.make>>()("@destiny/services/test/Traces") {
  static readonly layer = Layer.effect(Traces, Collector.make);
}

const observed = Layer.unwrap(
  Effect.gen(function* () {
    const { url } = yield* Traces;
    return Shop.layer({ OTEL_EXPORTER_OTLP_ENDPOINT: url, OTEL_BSP_SCHEDULE_DELAY: "100" });
  }),
).pipe(Layer.provideMerge(Traces.layer));

/** What the browser says of itself. */
const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
const browser = "00f067aa0ba902b7";
const headers = () => ({ ...key(), traceparent: `00-${traceId}-${browser}-01` });

const text = (span: Collector.Span, name: string): string => String(span.attributes[name]);

/** A message or a call as the trace tells it. */
const told = (span: Collector.Span): string => {
  switch (span.kind) {
    case "producer":
    case "consumer":
      return `${text(span, "destiny.service")}: ${span.name} ${text(span, "cloudevents.event_type")}`;
    case "server":
      return `${text(span, "destiny.service")}: ${text(span, "http.request.method")} ${text(span, "http.route")}`;
    default:
      return `${text(span, "destiny.service")}: ${span.name}`;
  }
};

describe("the trace of an order", () => {
  layer(observed, { excludeTestServices: true, timeout: "120 seconds" })("that is placed and paid", (it) => {
    it.effect("is one, and every span hangs on one that is there", () =>
      Effect.gen(function* () {
        const { toss } = yield* Shop;
        const { spans } = yield* Traces;
        const { buyer, productId } = yield* onSale(3);
        const body = { ...order(productId, 2), couponId: yield* coupon(buyer) };
        const placed = yield* buyer.call("POST", "/v1/orders", { body, headers: headers() });
        const orderId = String(placed.body["id"]);
        assert.match(placed.headers.get("traceparent") ?? "", new RegExp(`^00-${traceId}-`));
        const seen = yield* after(buyer, orderId, "PENDING");
        const amount = Number(seen["finalAmount"]);
        const payment = { orderId, amount, paymentKey: yield* authorise(orderId, amount), provider: "TOSSPAYMENTS" };
        yield* buyer.call("POST", "/v1/payments/confirm", { body: payment, headers: headers() });
        assert.strictEqual((yield* after(buyer, orderId, "WAITING_PAYMENT"))["status"], "COMPLETED");
        assert.strictEqual(toss.captures().length, 1);

        const ours = () => spans().filter((span) => span.traceId === traceId);
        const orphans = () => {
          const ids = new Set([browser, ...ours().map(({ spanId }) => spanId)]);
          return ours().filter(({ parentSpanId }) => !ids.has(parentSpanId ?? "none"));
        };
        const ended = `brand: process order.events ${OrderCompleted.type}`;
        yield* eventually(
          "the trace is whole",
          Effect.sync(() => orphans().length === 0 && ours().some((span) => told(span) === ended)),
        );
        const byId = new Map(ours().map((span) => [span.spanId, span]));
        /** What led to a span, told from the door on, without what happens inside a service. */
        const wayTo = (last: string): ReadonlyArray<string> => {
          const way: Array<string> = [];
          let span = ours().find((one) => told(one) === last);
          for (; span !== undefined; span = byId.get(span.parentSpanId ?? "none"))
            if (span.kind !== "internal") way.unshift(told(span));
          return way;
        };
        const placing = [
          "gateway: POST /v1/orders/*",
          "order: POST /v1/orders",
          "order: send order.events order.placed.v1",
          "saga: process order.events order.placed.v1",
        ];
        const asked = (service: string, command: string) => [
          `saga: send ${service}.commands ${command}.v1`,
          `${service}: process ${service}.commands ${command}.v1`,
          `${service}: send saga.replies ${command}.v1.reply`,
          `saga: process saga.replies ${command}.v1.reply`,
        ];
        assert.deepStrictEqual(wayTo("saga: process saga.replies payment.open.v1.reply"), [
          ...placing,
          ...asked("product", "product.validate"),
          ...asked("stock", "stock.hold"),
          ...asked("coupon", "coupon.use"),
          ...asked("payment", "payment.open"),
        ]);
        const paying = ["gateway: POST /v1/payments/*", "payment: POST /v1/payments/confirm"];
        assert.deepStrictEqual(wayTo("payment: POST"), [...paying, "payment: POST"]);
        assert.deepStrictEqual(wayTo(ended), [
          ...paying,
          "payment: send payment.events payment.settled.v1",
          "saga: process payment.events payment.settled.v1",
          ...asked("stock", "stock.claim"),
          ...asked("order", "order.complete").slice(0, 2),
          `order: send order.events ${OrderCompleted.type}`,
          ended,
        ]);

        const one = (what: string) => {
          const found = ours().find((span) => told(span) === what);
          return found === undefined ? assert.fail(`no span of ${what}`) : found.attributes;
        };
        assert.include(one("payment: POST"), { "http.request.method": "POST", "http.response.status_code": 200 });
        assert.include(one("stock: process stock.commands stock.hold.v1"), {
          "messaging.system": "postgres",
          "messaging.operation.type": "process",
          "messaging.destination.name": "stock.commands",
          "messaging.consumer.group.name": "stock",
          "messaging.message.conversation_id": orderId,
        });
        // What a group writes is its commit's, not that of whoever came first.
        const commits = ours().filter(({ name }) => name === "commit order");
        const statements = ours().filter(({ name }) => name === "destiny_order");
        assert.isTrue(statements.some(({ parentSpanId }) => commits.some(({ spanId }) => spanId === parentSpanId)));
        assert.include(statements[0]?.attributes, { "db.system.name": "postgresql" });
        assert.notInclude(JSON.stringify(ours()), payment.paymentKey, "a payment key is nobody's business");
      }),
    );
  });
});
