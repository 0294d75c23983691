import { assert, describe, it } from "@effect/vitest";
import * as Schema from "effect/Schema";
import { Saga } from "../../src/saga/index.ts";
import * as SagaRegistry from "../../src/saga/SagaRegistry.ts";
import * as Shop from "./Shop.ts";

const saga = (name = "shape") =>
  Saga.define(name, { version: 1, input: Shop.OrderPlaced, key: ({ orderId }) => orderId });
const hold = Saga.ask(Shop.Hold, ({ orderId }: Shop.OrderPlaced) => ({ orderId }));
const pivot = {
  until: () => 0,
  close: Saga.ask(Shop.Close, ({ orderId }: Shop.OrderPlaced) => ({ orderId })),
  answer: () => Saga.closed,
  expired: "EXPIRED",
};

describe("a wrong shape does not compile", () => {
  it("a compensable step names its undo", () => {
    // @ts-expect-error -- without an undo nothing could be compensated
    saga().compensable("hold stock", hold, {});
    // @ts-expect-error -- the same without any options
    saga().compensable("hold stock", hold);
    saga().compensable("hold stock", hold, { undo: hold });
  });

  it("there is one pivot", () => {
    const forward = saga().pivot("pay", Saga.awaits(Shop.Settled), pivot);
    // @ts-expect-error -- one point of no return is enough
    assert.isFunction(forward.pivot);
  });

  it("nothing after the pivot can be undone or checked", () => {
    const forward = saga().pivot("pay", Saga.awaits(Shop.Settled), pivot);
    // @ts-expect-error -- past the pivot the way leads forward only
    assert.isFunction(forward.compensable);
    // @ts-expect-error -- a refused check would have to turn back
    assert.isFunction(forward.check);
  });

  it("nothing after a retriable step can be undone", () => {
    const forward = saga().retriable("claim", hold);
    // @ts-expect-error -- the first retriable step is a point of no return
    assert.isFunction(forward.compensable);
  });

  it("a step asks what its command expects and saves what its command answers", () => {
    // @ts-expect-error -- a payload without the order
    Saga.ask(Shop.Hold, () => ({}));
    // @ts-expect-error -- `stock.hold` answers no total
    Saga.ask(Shop.Hold, hold.payload, (data: Shop.OrderPlaced, answer) => ({ ...data, couponId: answer.total }));
    saga().check(
      "validate",
      Saga.ask(
        Shop.Validate,
        // @ts-expect-error -- the saga's data has no such field
        (data) => ({ orderId: data.missing }),
      ),
    );
  });

  it("a refusal takes a path that exists", () => {
    saga().retriable("claim", hold, {
      // @ts-expect-error -- there is no path of that name
      refused: ({ reason }) => (reason === "short" ? "nowhere" : undefined),
      paths: { refund: (path) => path.retriable("refund", hold) },
    });
  });

  it("an event settles with its own payload", () => {
    // @ts-expect-error -- `payment.settled` names the attempt
    Saga.settled(Shop.Settled, { orderId: "o1" });
    // @ts-expect-error -- the key belongs to the input
    Saga.define("keyed", { version: 1, input: Schema.Struct({ id: Schema.String }), key: (input) => input.orderId });
  });
});

describe("mistakes that types cannot see stop the process that makes them", () => {
  it("names are unique and have no slash", () => {
    assert.throws(() => saga("a/b"), /cannot be named/);
    assert.throws(() => saga().check("a/b", hold), /cannot be named/);
    assert.throws(() => saga().check("twice", hold).check("twice", hold), /two steps named/);
  });

  it("a version is registered once, an event concerns one definition", () => {
    assert.throws(() => SagaRegistry.make([Shop.PlaceOrder, Shop.PlaceOrder]), /registered twice/);
    const other = saga("other").pivot("pay", Saga.awaits(Shop.Settled), pivot);
    assert.throws(() => SagaRegistry.make([Shop.PlaceOrder, other]), /concerns both/);
  });
});
