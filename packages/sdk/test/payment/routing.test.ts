import { assert, describe, it } from "@effect/vitest";
import { GatewayHealth, GatewayRouting, PaymentGateway, type PaymentMachine } from "@destiny/sdk/payment";
import * as Effect from "effect/Effect";

const candidates = [
  { provider: "toss", weight: 3 },
  { provider: "portone", weight: 1 },
];

/** A gateway that nobody reaches. */
const down = (name: string): PaymentGateway.PaymentGateway => ({
  name,
  confirm: () => Effect.succeed(PaymentGateway.notSent("connect")),
  inquire: () => Effect.succeed(PaymentGateway.unknown("nobody there")),
  cancel: () => Effect.succeed(PaymentGateway.notSent("connect")),
});

const request = { paymentKey: "k", vendorOrderId: "o", amount: 1, idempotencyKey: "i" };

/** Routing in a process that has seen these gateways fail. */
const having = Effect.fnUntraced(function* (failing: ReadonlyArray<string>) {
  const { guard } = yield* GatewayHealth.GatewayHealth;
  for (const name of failing) {
    const gateway = guard(down(name));
    yield* Effect.repeat(gateway.confirm(request), { times: 10 });
  }
  return yield* GatewayRouting.make(candidates);
}, Effect.provide(GatewayHealth.GatewayHealth.layer()));

const sent = (...providers: ReadonlyArray<string>): ReadonlyArray<PaymentMachine.Route> =>
  providers.map((provider) => ({ provider, explanation: null, at: 0, why: "opened" }));

const orders = Array.from({ length: 400 }, (_, no) => `order-${no}`);

describe("GatewayRouting", () => {
  it.effect("shares new orders out by weight, and sends one order always to the same gateway", () =>
    Effect.gen(function* () {
      const { first } = yield* having([]);
      const toss = orders.filter((order) => first(order, 0).provider === "toss").length;
      assert.isAbove(toss, 260);
      assert.isBelow(toss, 340);
      assert.deepStrictEqual(first("order-1", 0), first("order-1", 0));
    }),
  );

  it.effect("sends no new order to a gateway that fails, and says what is wrong with it", () =>
    Effect.gen(function* () {
      const { first } = yield* having(["toss"]);
      for (const order of orders) assert.strictEqual(first(order, 0).provider, "portone");
      const findings = first("order-1", 0).explanation?.considered.map(({ finding, provider }) => [provider, finding]);
      assert.deepStrictEqual(findings, [
        ["portone", "well"],
        ["toss", "open"],
      ]);
    }),
  );

  it.effect("an order has a gateway also when none is well, and the explanation does not hide it", () =>
    Effect.gen(function* () {
      const { first } = yield* having(["toss", "portone"]);
      const { explanation, provider } = first("order-1", 0);
      assert.include(["toss", "portone"], provider);
      assert.isNull(explanation?.chosen);
    }),
  );

  it.effect("goes on to a gateway that the order has not seen, as long as one is well", () =>
    Effect.gen(function* () {
      const well = yield* having([]);
      assert.deepInclude(well.next("o", sent("toss"), 0), { unusable: false });
      assert.strictEqual(well.next("o", sent("toss"), 0).to?.provider, "portone");
      assert.isNull(well.next("o", sent("toss", "portone"), 0).to);
      const failing = yield* having(["toss"]);
      assert.isTrue(failing.next("o", sent("toss"), 0).unusable);
      assert.isNull(failing.next("o", sent("portone"), 0).to, "the other one is not well");
      assert.isTrue(failing.next("o", sent("a gateway whose keys are gone"), 0).unusable);
    }),
  );
});
