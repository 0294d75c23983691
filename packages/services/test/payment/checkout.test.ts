import { assert, describe, it, layer } from "@effect/vitest";
import type { PaymentMachine } from "@destiny/sdk/payment";
import * as Effect from "effect/Effect";
import * as Checkout from "../../src/payment/Checkout.ts";
import * as ServiceTest from "../shared/ServiceTest.ts";
import * as Payments from "./Payments.ts";

const intent = (provider: string, changes: Partial<PaymentMachine.Intent> = {}): PaymentMachine.Intent => ({
  reference: "order-1",
  owner: "u",
  name: `<b>"Kim's" & sons</b>`,
  amount: 12_000,
  until: Date.UTC(2026, 10, 27),
  provider,
  routes: [],
  status: "open",
  closing: null,
  refund: null,
  attempts: [],
  ...changes,
});

describe("the checkout page", () => {
  for (const [provider, ...fields] of [
    ["toss", "orderId", "order-1", "amount", "12000"],
    ["portone", "paymentId", "order-1-1", "totalAmount", "12000"],
    ["bootpay", "order_id", "order-1", "price", "12000", "extra.separately_confirmed", "true"],
  ]) {
    it(`of ${provider} names what its window is opened with`, () => {
      const page = Checkout.render(intent(provider ?? ""));
      for (let index = 0; index < fields.length; index += 2) {
        assert.include(page, `<dd data-field="${fields[index]}">${fields[index + 1]}</dd>`);
      }
      assert.notInclude(page, "<b>");
      assert.notInclude(page, "<script");
    });
  }

  it("offers nothing to pay once the order cannot be paid any more", () => {
    for (const status of ["confirming", "captured", "refunding", "refunded", "closed"] as const) {
      assert.notInclude(Checkout.render(intent("toss", { status })), "<dl");
    }
  });
});

layer(Payments.service, { excludeTestServices: true })("over HTTP", (it) => {
  it.effect("is its buyer's and the operators', as HTML that runs no script and is not kept", () =>
    Effect.gen(function* () {
      const { http, tokens } = yield* ServiceTest.ServiceTest;
      const buyer = yield* tokens.customer;
      const path = `/v1/payments/${yield* Payments.opened(buyer)}/checkout`;
      const page = yield* http.get(path, { as: buyer });
      assert.strictEqual(page.status, 200);
      assert.match(String(page.headers["content-type"]), /^text\/html/);
      assert.strictEqual(page.headers["content-security-policy"], "default-src 'none'");
      assert.strictEqual(page.headers["cache-control"], "no-store");
      assert.include(page.text, "Pay with Toss Payments");
      assert.strictEqual((yield* http.get(path, { as: yield* tokens.master })).status, 200);
      assert.strictEqual((yield* http.get(path, { as: yield* tokens.customer })).status, 404);
    }),
  );
});
