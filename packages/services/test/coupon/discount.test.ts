import { assert, describe, it } from "@effect/vitest";
import * as Effect from "effect/Effect";
import * as Schema from "effect/Schema";
import { BrandId, type DiscountTerms, maxWon, type PricedLine, ProductId, Won } from "../../src/contracts/index.ts";
import { allocate, amountOf, discountOf, discountOn } from "../../src/coupon/Discount.ts";

const terms = (of: Partial<Record<keyof DiscountTerms, unknown>>): DiscountTerms =>
  ({ discountType: "FIXED", discountValue: 1000, minOrderAmount: 0, maxDiscountAmount: null, ...of }) as DiscountTerms;
const rate = (discountValue: number, maxDiscountAmount = maxWon) =>
  terms({ discountType: "RATE", discountValue, maxDiscountAmount });

const line = (unitPrice: number, quantity = 1): PricedLine => ({
  productId: ProductId.make("0190a000-0000-7000-8000-00000000a0a0"),
  brandId: BrandId.make("0190a000-0000-7000-8000-00000000b0b0"),
  quantity,
  unitPrice: Won.make(unitPrice),
});

describe("discountOn", () => {
  it("a fixed one takes its won off, never more than the order costs", () => {
    assert.deepStrictEqual(
      [5000, 1000, 999, 0].map((amount) => discountOn(amount, terms({}))),
      [1000, 1000, 999, 0],
    );
  });

  it("a rate is rounded down to the won, in integers up to the highest amount", () => {
    assert.deepStrictEqual(
      [99, 100, 199].map((amount) => discountOn(amount, rate(1))),
      [0, 1, 1],
    );
    assert.strictEqual(discountOn(maxWon - 1, rate(33)), 3_299_999_999);
    assert.strictEqual(discountOn(maxWon, rate(100)), maxWon, "an order may cost nothing");
    // 0.29 * 100 is 28.999999999999996 in a double.
    assert.strictEqual(discountOn(100, rate(29)), 29);
  });

  it("no more than the maximum", () => {
    assert.strictEqual(discountOn(100_000, rate(50, 3000)), 3000);
    assert.strictEqual(discountOn(100_000, terms({ discountValue: 9000, maxDiscountAmount: 3000 })), 3000);
  });
});

describe("allocate", () => {
  it("what is left over goes to the lines that lost most by rounding down, the earlier first", () => {
    assert.deepStrictEqual(
      allocate(
        100,
        [1, 1, 1].map((n) => n * 100),
      ),
      [34, 33, 33],
    );
    assert.deepStrictEqual(allocate(10, [100, 199]), [3, 7]);
    assert.deepStrictEqual(allocate(1, [1, 2, 2]), [0, 1, 0]);
  });

  it("keeps every won where a product of amounts is beyond the integers of a double", () => {
    const amounts = [maxWon / 2 - 1, maxWon / 2 + 1];
    assert.deepStrictEqual(allocate(maxWon - 1, amounts), [maxWon / 2 - 1, maxWon / 2]);
  });

  const Case = Schema.Struct({
    lines: Schema.Array(
      Schema.Struct({
        unitPrice: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1_000_000 })),
        quantity: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 100 })),
      }),
    ).check(Schema.isMinLength(1), Schema.isMaxLength(50)),
    discountType: Schema.Literals(["FIXED", "RATE"]),
    value: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 100 })),
    factor: Schema.Literals([1, 1000, 1_000_000]),
    maximum: Schema.NullOr(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 100_000 }))),
  });

  it.effect.prop(
    "the parts are the discount to the won, none is negative, none is more than its line costs",
    [Case],
    ([{ discountType, factor, lines: given, maximum, value }]) =>
      Effect.sync(() => {
        const lines = given.map(({ quantity, unitPrice }) => line(unitPrice, quantity));
        const amount = amountOf(lines);
        const isFixed = discountType === "FIXED";
        const { discount, lines: parts } = discountOf(
          lines,
          terms({ discountType, discountValue: isFixed ? value * factor : value, maxDiscountAmount: maximum }),
        );
        assert.isAtLeast(discount, 0);
        assert.isAtMost(discount, Math.min(amount, maximum ?? amount));
        assert.lengthOf(parts, lines.length);
        assert.strictEqual(
          parts.reduce((sum, part) => sum + part.discount, 0),
          discount,
        );
        parts.forEach((part, index) => {
          const [cost, exact] = [amountOf(lines.slice(index, index + 1)), amount === 0 ? 0 : discount / amount];
          assert.isAtLeast(part.discount, 0);
          assert.isAtMost(part.discount, cost);
          assert.isBelow(Math.abs(part.discount - cost * exact), 1.001, "a won from its exact share at most");
        });
      }),
    { arbitrary: { runs: 500 } },
  );
});
