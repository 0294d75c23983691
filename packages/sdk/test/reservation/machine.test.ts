import { assert, describe, it } from "@effect/vitest";
import { ReservationMachine } from "@destiny/sdk/reservation";
import type { Machine } from "@destiny/sdk/machine";
import * as Effect from "effect/Effect";
import * as Schema from "effect/Schema";

type Input = ReservationMachine.Input;
type State = ReservationMachine.State;
type Key = ReservationMachine.Key;

/** The machine with its states, as a group commit would hold them. */
const ledger = () => {
  const states = new Map<Key, Machine.Versioned<State>>();
  const view: Machine.View<Key, State> = {
    get: (key) => states.get(key)?.state,
    version: (key) => states.get(key)?.version ?? 0,
  };
  let serial = 0;
  return {
    stock: (sku: string) => {
      const state = view.get(ReservationMachine.skuKey(sku));
      return state?._tag === "Stock" ? state : undefined;
    },
    stocks: () => [...states.values()].flatMap(({ state }) => (state._tag === "Stock" ? [state] : [])),
    reservation: (orderId: string) => {
      const state = view.get(ReservationMachine.orderKey(orderId));
      return state?._tag === "Reservation" ? state : undefined;
    },
    apply: (input: Input, at = 0) => {
      const verdict = ReservationMachine.machine.decide(view, { id: `i${++serial}`, at, input });
      for (const [key, state] of verdict.changes) states.set(key, { version: view.version(key) + 1, state });
      return verdict._tag === "Accepted" ? verdict.outputs : verdict.rejection;
    },
  };
};

const restock = (sku: string, quantity: number): Input => ({ _tag: "Restock", sku, quantity, cause: `seed ${sku}` });
const hold = (orderId: string, lines: ReadonlyArray<readonly [string, number]>, until = 100): Input => ({
  _tag: "Hold",
  orderId,
  until,
  lines: lines.map(([sku, quantity]) => ({ sku, quantity })),
});
const of = (tag: "Claim" | "Release" | "Expire" | "Return", orderId: string): Input => ({ _tag: tag, orderId });
const tags = (answer: unknown): ReadonlyArray<string> =>
  Array.isArray(answer) ? answer.map((one: { readonly _tag: string }) => one._tag) : [];

describe("ReservationMachine", () => {
  it("holds all lines of an order or none", () => {
    const stock = ledger();
    stock.apply(restock("a", 5));
    stock.apply(restock("b", 1));
    const refused = stock.apply(
      hold("o1", [
        ["a", 2],
        ["b", 2],
      ]),
    );
    assert.deepStrictEqual(refused, [
      { _tag: "Refused", orderId: "o1", refusal: { _tag: "SoldOut", sku: "b", wanted: 2, available: 1 } },
    ]);
    assert.deepStrictEqual([stock.stock("a")?.held, stock.stock("b")?.held], [0, 0]);
    assert.deepStrictEqual(
      tags(
        stock.apply(
          hold("o2", [
            ["a", 2],
            ["b", 1],
          ]),
        ),
      ),
      ["Held", "SoldOut"],
    );
  });

  it("merges the same SKU twice into one line", () => {
    const stock = ledger();
    stock.apply(restock("a", 5));
    stock.apply(
      hold("o", [
        ["a", 2],
        ["a", 2],
      ]),
    );
    assert.deepStrictEqual(stock.reservation("o")?.lines, [{ sku: "a", quantity: 4 }]);
    assert.strictEqual(stock.stock("a")?.held, 4);
  });

  it("an unknown SKU is a refusal of its own", () => {
    assert.deepStrictEqual(ledger().apply(hold("o", [["a", 1]])), [
      { _tag: "Refused", orderId: "o", refusal: { _tag: "UnknownSku", sku: "a" } },
    ]);
  });

  for (const quantity of [0, -1, 1.5, Number.NaN, ReservationMachine.maxLineQuantity + 1]) {
    it(`a quantity of ${quantity} is a defect of the sender, and moves nothing`, () => {
      const stock = ledger();
      stock.apply(restock("a", 5));
      assert.throws(() => stock.apply(hold("o", [["a", quantity]])));
      assert.strictEqual(stock.reservation("o"), undefined);
    });
  }

  it("a repeated hold repeats the recorded outcome, also when stock has changed meanwhile", () => {
    const stock = ledger();
    stock.apply(restock("a", 1));
    stock.apply(hold("won", [["a", 1]]));
    stock.apply(hold("lost", [["a", 1]]));
    stock.apply(of("Release", "won"));
    assert.deepStrictEqual(tags(stock.apply(hold("lost", [["a", 1]]))), ["Refused"]);
    assert.deepStrictEqual(tags(stock.apply(hold("won", [["a", 1]]))), ["Held"]);
    assert.strictEqual(stock.stock("a")?.held, 0);
  });

  it("a release that comes first leaves a tombstone: the hold that comes late is refused as cancelled", () => {
    const stock = ledger();
    stock.apply(restock("a", 1));
    assert.deepStrictEqual(tags(stock.apply(of("Release", "o"))), ["Released"]);
    assert.deepStrictEqual(stock.apply(hold("o", [["a", 1]])), [
      { _tag: "Refused", orderId: "o", refusal: { _tag: "Cancelled" } },
    ]);
    assert.strictEqual(stock.stock("a")?.held, 0);
  });

  it("a hold expires when its expiry is committed, not because a clock says so", () => {
    const stock = ledger();
    stock.apply(restock("a", 1));
    stock.apply(hold("o", [["a", 1]], 100));
    stock.apply(of("Expire", "o"), 99);
    assert.strictEqual(stock.stock("a")?.held, 1);
    assert.deepStrictEqual(tags(stock.apply(of("Claim", "o"), 5000)), ["Claimed"]);
    stock.apply(of("Expire", "o"), 5000);
    assert.deepStrictEqual([stock.stock("a")?.held, stock.stock("a")?.claimed], [0, 1]);
  });

  it("a claim after the expiry takes the units again if they are free, else it is short", () => {
    const stock = ledger();
    stock.apply(restock("a", 1));
    for (const order of ["first", "second"]) {
      stock.apply(hold(order, [["a", 1]], 10));
      stock.apply(of("Expire", order), 10);
    }
    assert.deepStrictEqual(tags(stock.apply(of("Claim", "first"))), ["Claimed", "SoldOut"]);
    assert.deepStrictEqual(stock.apply(of("Claim", "second")), [{ _tag: "Short", orderId: "second", skus: ["a"] }]);
    assert.deepStrictEqual(stock.apply(of("Claim", "second")), [{ _tag: "Short", orderId: "second", skus: ["a"] }]);
  });

  it("an extended hold outlives its first deadline", () => {
    const stock = ledger();
    stock.apply(restock("a", 1));
    stock.apply(hold("o", [["a", 1]], 10));
    stock.apply({ _tag: "Extend", orderId: "o", until: 50 });
    stock.apply(of("Expire", "o"), 20);
    assert.strictEqual(stock.reservation("o")?.status, "held");
    stock.apply({ _tag: "Extend", orderId: "o", until: 30 });
    assert.strictEqual(stock.reservation("o")?.until, 50);
  });

  it("a return gives the units back once", () => {
    const stock = ledger();
    stock.apply(restock("a", 1));
    stock.apply(hold("o", [["a", 1]]));
    stock.apply(of("Claim", "o"));
    assert.deepStrictEqual(tags(stock.apply(of("Return", "o"))), ["Returned", "Reopened"]);
    assert.deepStrictEqual(tags(stock.apply(of("Return", "o"))), ["Returned"]);
    assert.strictEqual(stock.stock("a")?.claimed, 0);
  });

  it("an adjustment below what is promised is refused", () => {
    const stock = ledger();
    stock.apply(restock("a", 3));
    stock.apply(hold("o", [["a", 2]]));
    assert.deepStrictEqual(stock.apply({ _tag: "Adjust", sku: "a", delta: -2, cause: "count" }), {
      _tag: "BelowPromised",
      sku: "a",
      promised: 2,
      total: 1,
    });
    assert.deepStrictEqual(tags(stock.apply({ _tag: "Adjust", sku: "a", delta: -1, cause: "count" })), [
      "Restocked",
      "SoldOut",
    ]);
  });

  it("more units than can be counted are refused, and the next movement is not", () => {
    const stock = ledger();
    const { maxUnits } = ReservationMachine;
    stock.apply(restock("a", maxUnits));
    const tooMany = { _tag: "TooManyUnits", sku: "a", most: maxUnits, total: maxUnits + 1 } as const;
    assert.deepStrictEqual(stock.apply(restock("a", 1)), tooMany);
    assert.deepStrictEqual(stock.apply({ _tag: "Adjust", sku: "a", delta: 1, cause: "count" }), tooMany);
    assert.deepStrictEqual(tags(stock.apply({ _tag: "Adjust", sku: "a", delta: -1, cause: "count" })), ["Restocked"]);
    assert.deepStrictEqual(tags(stock.apply(restock("a", 1))), ["Restocked"]);
  });

  const orders = ["o1", "o2", "o3", "o4"] as const;
  const skus = ["a", "b"] as const;
  const Step = Schema.Struct({
    kind: Schema.Literals(["Hold", "Hold", "Extend", "Claim", "Release", "Expire", "Return", "Restock", "Adjust"]),
    order: Schema.Literals(orders),
    sku: Schema.Literals(skus),
    quantity: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 3 })),
    at: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 100 })),
  });
  type Step = typeof Step.Type;

  const inputOf = (step: Step, index: number): Input => {
    switch (step.kind) {
      case "Hold":
        return hold(step.order, [[step.sku, step.quantity]], step.at + 10);
      case "Extend":
        return { _tag: "Extend", orderId: step.order, until: step.at + 20 };
      case "Restock":
        return { _tag: "Restock", sku: step.sku, quantity: step.quantity, cause: `r${index}` };
      case "Adjust":
        return { _tag: "Adjust", sku: step.sku, delta: -step.quantity, cause: `a${index}` };
      default:
        return of(step.kind, step.order);
    }
  };

  /** Impossible commands (claim of nothing, release of something sold) are defects and move nothing. */
  const attempt = (stock: ReturnType<typeof ledger>, input: Input, at: number): void => {
    try {
      stock.apply(input, at);
    } catch (defect) {
      assert.match(String(defect), /claim of|release of/);
    }
  };

  it.effect.prop(
    "whatever happens in whatever order: nothing is oversold, no unit is lost, and counters are what reservations say",
    [Schema.Array(Step)],
    ([steps]) =>
      Effect.sync(() => {
        const stock = ledger();
        steps.forEach((step, index) => {
          attempt(stock, inputOf(step, index), step.at);
          for (const { claimed, held, sku, total } of stock.stocks()) {
            assert.isAtLeast(held, 0);
            assert.isAtLeast(claimed, 0);
            assert.isAtMost(held + claimed, total);
            const of = (status: string) =>
              orders
                .map((order) => stock.reservation(order))
                .filter((one) => one?.status === status)
                .flatMap((one) => one?.lines ?? [])
                .filter((line) => line.sku === sku)
                .reduce((sum, line) => sum + line.quantity, 0);
            assert.deepStrictEqual([held, claimed], [of("held"), of("claimed")]);
          }
        });
      }),
    { arbitrary: { runs: 300 } },
  );

  const Pair = Schema.Array(Schema.Literals(["Hold", "Release"]));
  it.effect.prop(
    "do and undo in any order and multiplicity, ending with an undo, leave nothing behind",
    [Pair],
    ([kinds]) =>
      Effect.sync(() => {
        const stock = ledger();
        stock.apply(restock("a", 2));
        for (const kind of [...kinds, "Release"] as const) {
          stock.apply(kind === "Hold" ? hold("o", [["a", 1]]) : of("Release", "o"));
        }
        assert.deepStrictEqual([stock.stock("a")?.held, stock.stock("a")?.claimed], [0, 0]);
        assert.deepStrictEqual(tags(stock.apply(hold("o", [["a", 1]]))).includes("SoldOut"), false);
        assert.strictEqual(stock.stock("a")?.held, 0);
      }),
    { arbitrary: { runs: 200 } },
  );
});
